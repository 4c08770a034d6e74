"""The worker: what a hostile map does to it, and that nobody else is hurt."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256

import pytest

from avalon.source_maps import lookup as module
from avalon.source_maps import worker
from avalon.source_maps.lookup import Files, Lookup, Unreadable
from tests.source_maps.bundles import ONE

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Ask = Callable[..., Awaitable[str]]


class Rig:
    """A lookup over files that the test makes."""

    def __init__(self) -> None:
        self.blobs: dict[bytes, bytes] = {}
        self.loads = 0
        self.lookup = Lookup(self._load)

    async def _load(self, files: Files) -> tuple[bytes | None, bytes] | None:
        self.loads += 1
        if files.map not in self.blobs:
            return None
        return self.blobs[files.script] if files.script else None, self.blobs[files.map]

    def files(self, script: bytes | None, map_: bytes) -> Files:
        names = [None if content is None else sha256(content).digest() for content in (script, map_)]
        for name, content in zip(names, (script, map_), strict=True):
            if name is not None and content is not None:
                self.blobs[name] = zstd.compress(content)
        assert names[1] is not None
        return Files(names[0], names[1])

    @property
    def good(self) -> Files:
        return self.files(ONE.script.read_bytes(), ONE.map.read_bytes())

    async def function(self, files: Files) -> str:
        (origin,) = await self.lookup.find(files, [(3, 90)])
        return origin.function if origin else ""


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    await rig.lookup.close()


HOSTILE = {
    "nested brackets": (b"(" * 100_000 + b")" * 100_000, ONE.map.read_bytes()),
    "nested templates": (b"`${" * 30_000, ONE.map.read_bytes()),
    "no map": (b"", b"junk"),
    "nested JSON": (b"", b"[" * 1_000_000),
    "a negative column": (b"", json.dumps({"version": 3, "sources": ["a"], "mappings": "AAAAD"}).encode()),
    "half a surrogate": (b"", b'{"version":3,"sources":["\\ud800"],"mappings":"AAAA"}'),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_map_is_unreadable_and_its_neighbour_is_not(rig: Rig, name: str) -> None:
    hostile = rig.files(*HOSTILE[name])
    with pytest.raises(Unreadable):
        await rig.function(hostile)
    assert await rig.function(rig.good) == "priceOf"
    before = rig.loads
    with pytest.raises(Unreadable):
        await rig.function(hostile)
    assert rig.loads == before, "a file that can't be read is not read again and again"


async def test_without_a_process_of_its_own_the_same_script_ends_the_service() -> None:
    """The control: why there is a worker."""
    program = (
        "from symbolic.sourcemapcache import SourceMapCache\n"
        f"SourceMapCache.from_bytes(b'(' * 100_000 + b')' * 100_000, {ONE.map.read_bytes()!r})"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await process.wait() < 0


@pytest.mark.parametrize("most", [2**30, 2**33], ids=["less", "more"])
async def test_the_worker_has_as_much_memory_as_the_service_may_have_and_no_more_than_its_own(
    most: int,
) -> None:
    program = (
        "import resource; from avalon.source_maps import worker\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({most}, {most})); worker.bound_memory()\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0])"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE)
    said, _ = await process.communicate()
    assert int(said) == min(most, worker.MAX_MEMORY_BYTES)


async def test_a_map_is_sent_to_the_worker_once(rig: Rig) -> None:
    for _ in range(3):
        assert await rig.function(rig.good) == "priceOf"
    assert rig.loads == 1


async def test_a_question_that_takes_too_long_ends_the_worker_and_the_next_one_gets_another(rig: Rig) -> None:
    slow = rig.files(b"function f(a){return a+1};\n" * 200_000, ONE.map.read_bytes())
    assert await rig.function(rig.good) == "priceOf"
    first = rig.lookup._process
    rig.lookup._answer_s = 0.01
    with pytest.raises(Unreadable):
        await rig.function(slow)
    assert first is not None and first.returncode is not None
    rig.lookup._answer_s = module.ANSWER_S
    assert await rig.function(rig.good) == "priceOf"


async def test_who_stops_waiting_leaves_the_worker_as_it_is(rig: Rig) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await rig.function(rig.good)
    assert await rig.function(rig.good) == "priceOf"
    assert rig.loads == 1


async def test_so_many_questions_wait_and_no_more(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    answers = await asyncio.gather(*(rig.function(rig.good) for _ in range(5)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [str, str, Unreadable, Unreadable, Unreadable]


async def test_files_that_are_gone_are_unreadable(rig: Rig) -> None:
    with pytest.raises(Unreadable):
        await rig.function(Files(None, b"gone"))


async def test_without_the_script_the_place_is_known_and_the_function_is_not(rig: Rig) -> None:
    (origin,) = await rig.lookup.find(rig.files(None, ONE.map.read_bytes()), [(3, 90)])
    assert origin is not None
    assert (origin.file, origin.line, origin.function) == ("../../src/cart.ts", 12, "<unknown>")
