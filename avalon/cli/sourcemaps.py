"""Upload the source maps of a build, so that frames of its scripts can be read.

    avalon sourcemaps upload --inject dist          before dist is deployed: it gets debug ids
    avalon sourcemaps upload --release 1.4.2 dist   for reports that name this release

The key's scope is source_maps. With --inject scripts and maps get debug ids, which Sentry's SDKs send along:
then nothing else has to be right. Without, a script is found by the release that a report names, and by its
address: `dist/static/app.js` is `~/static/app.js`. What was reported before becomes readable, too.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from avalon.cli import FOUND, OK
from avalon.cli.built_scripts import BuiltScript, find_scripts, inject
from avalon.cli.client import Refused, add_target_options, find_target
from avalon.cli.console import count, escape, say
from avalon.errors import SettingsError

SHOWN: Final = 20


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("upload",))
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="a folder of the build, or a script"
    )
    parser.add_argument("--release", metavar="VERSION", help="the release that the build's reports name")
    parser.add_argument("--dist", metavar="NAME", help="the distribution, where reports name one")
    parser.add_argument(
        "--url-prefix",
        metavar="URL",
        default="~/",
        help="where PATH is served: ~/static/js, or https://cdn.example/js",
    )
    parser.add_argument("--inject", action="store_true", help="write debug ids into scripts that have none")
    add_target_options(parser)


def run(options: argparse.Namespace) -> int:
    target = find_target(options)
    absent = [path for path in options.paths if not path.exists()]
    if absent:
        raise SettingsError(f"there is no {absent[0]}")
    scripts = find_scripts(options.paths)
    if options.inject:
        injected = sum(inject(script) for script in scripts)
        if injected:
            say(f"debug ids written into {count(injected, 'script')}; deploy these very files")
    ready = [script for script in scripts if script.map is not None]
    _tell(scripts)
    if not ready:
        say("nothing to upload: no script here has a source map; let the build make them")
        return FOUND
    unnamed = [script for script in ready if script.debug_id is None]
    if unnamed and not options.release:
        say(
            f"{count(len(unnamed), 'script')} without a debug id: give --inject, before they are deployed,"
            " or --release as the reports name it"
        )
        return FOUND
    from avalon.cli.upload import upload  # here: it needs an HTTP client

    content = make_bundle(ready, options.url_prefix, options.release, options.dist)
    try:
        upload(target, content, release=options.release, dist=options.dist)
    except Refused as error:
        say(f"avalon sourcemaps: {error.message}")
        return FOUND
    for_release = f" for release {escape(options.release)}" if options.release else ""
    say(f"{count(len(ready), 'source map')} uploaded{for_release}, {len(content):,} bytes")
    return OK


def make_bundle(scripts: Sequence[BuiltScript], prefix: str, release: str | None, dist: str | None) -> bytes:
    """An artifact bundle, as Sentry's tools make it."""
    files: dict[str, Any] = {}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, script in enumerate(scripts):
            url = f"{prefix.rstrip('/')}/{script.name}"
            id_ = {"debug-id": str(script.debug_id)} if script.debug_id else {}
            for name, kind, address, headers, content in (
                (f"{number}.js", "minified_source", url, {"sourcemap": script.reference}, script.text),
                (f"{number}.js.map", "source_map", f"{url}.map", {}, json.dumps(script.map)),
            ):
                files[name] = {"type": kind, "url": address, "headers": headers | id_}
                # With no time in it, the same build is the same upload.
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        named = {name: value for name, value in (("release", release), ("dist", dist)) if value}
        manifest = json.dumps({"files": files, **named})
        archive.writestr(zipfile.ZipInfo("manifest.json"), manifest, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _tell(scripts: Sequence[BuiltScript]) -> None:
    """What was found, the first of them by name."""
    for script in scripts[:SHOWN]:
        state = script.lacks or (f"debug id {script.debug_id}" if script.debug_id else "no debug id")
        say(f"  {escape(script.name)}: {escape(state)}")
    if len(scripts) > SHOWN:
        say(f"  and {len(scripts) - SHOWN} more")
