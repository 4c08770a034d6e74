"""Group commit: the reports that come while one append runs become the next append.

Nobody waits for company: a lone report is appended at once, and under load the appends themselves (and the
log's lock, between replicas) are the time in which a batch gathers. The queue has a bound and each key a
share of it, so that one looping program does not turn everybody away; past either, and while Postgres is
away, callers get Unavailable at once, and nothing is half done.

    ticket   one caller's reports, and its answer        rates    so many a minute, over all replicas
    writer   the append, its retry and its bisection     queue    `Ingest`: the bounds, and the task
"""

from avalon.ingest.queue import Ingest
from avalon.ingest.ticket import Answer, Key

__all__ = ["Answer", "Ingest", "Key"]
