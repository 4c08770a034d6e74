"""Takes over what another tracker has stored.

    reading   files of exported events, event by event, in bounded memory
    events    the events of an export into the log, each once

What comes in this way is history: its actor is `import`, nobody is told of it, and it brings no issue back.
"""

from avalon.importing.events import Imported, Target, import_events
from avalon.importing.reading import Bad, Element, Source, open_source

__all__ = ["Bad", "Element", "Imported", "Source", "Target", "import_events", "open_source"]
