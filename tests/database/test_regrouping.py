"""Another grouping: what its preview says is what applying it does, and undoing gives the state before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from msgspec.structs import replace

from avalon import event_store, issues, projections
from avalon.database import Database
from avalon.errors import BadInput, Conflict, Forbidden, NotFound, TooManyRequests
from avalon.events import Event, IssueDeleted, IssueResolved, NewEvent, uuid7
from avalon.grouping import VERSION, Rule, group_id
from avalon.protocols.submission import Terms, submit, to_event
from avalon.regrouping import (
    Change,
    Preview,
    Regrouping,
    RuleBook,
    commands,
    delete_rule,
    list_rules,
    reading,
)
from avalon.regrouping.reading import Books
from avalon.regrouping.rule_book import read_book
from avalon.reports import ExceptionInfo, Frame, Report
from tests.conftest import Urls
from tests.history import KEY, ago
from tests.protocols.sentry_events import decode, full_event

ANNA = f"user:{UUID(int=501)}"
ACTOR = f"key:{KEY}"

STACK = "TypeError: no price\n    at total (/app/cart.js:7:12)\n    at handle (/app/node_modules/x.js:1:2)"


def variable(pattern: str) -> Rule:
    return Rule(id=uuid7(), kind="variable", pattern=pattern)


def ignoring(function: str) -> Rule:
    return Rule(id=uuid7(), kind="ignore_frame", function=function)


def said(message: str) -> Report:
    return Report(message=message, user={"id": message[:1]})


def raised(*functions: str) -> Report:
    frames = [Frame(function=name, filename="shop/cart.py") for name in functions]
    return Report(message="m", exceptions=[ExceptionInfo(type="LookupError", value="m", frames=frames)])


def word(number: int) -> str:
    """A number in letters, of which no mask thinks anything."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


class Shop:
    """A service that reports, as ingest would take it: by the rules that there are."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.regrouping = Regrouping(database, settle_s=0)

    async def event(self, report: Report, *, service: str = "api", **columns: Any) -> NewEvent:
        rules = (await read_book(self.database)).of(service)
        submission = submit(report, None, level="error", terms=Terms(rules), **columns)
        return to_event(submission, service, ACTOR)

    async def report(self, *reports: Report, **columns: Any) -> list[UUID]:
        """The issues that these went to."""
        events = [await self.event(report, **columns) for report in reports]
        await event_store.append(self.database, events)
        return [await self.issue_of(event.stream) for event in events]

    async def issue_of(self, group: UUID) -> Any:
        found = await self.database.fetch_value(
            "SELECT issue FROM projection.issue_group WHERE id = %(id)s", {"id": group}
        )
        return found

    async def would_go_to(self, example: UUID) -> UUID | None:
        """Where such a report would land now, None for a new issue."""
        (row,) = await self.database.fetch_dicts(
            "SELECT service, data FROM log.event WHERE id = %(id)s", {"id": example}
        )
        event = await self.event(msgspec.convert(row["data"], Report), service=row["service"])
        return await self.issue_of(event.stream)

    async def state(self) -> dict[str, list[dict[str, Any]]]:
        """All that is folded of issues, groups and rules, and what people would count."""
        return {
            table: await self.database.fetch_dicts(f"SELECT * FROM projection.{table} ORDER BY 1, 2")  # type: ignore[arg-type]
            for table in ("issue", "issue_group", "grouping_rule", "hour_count", "group_tag")
        }

    async def counts(self) -> dict[UUID, tuple[int, int]]:
        """Events and users of the issues that are to be seen."""
        rows = await self.database.fetch_dicts("SELECT * FROM projection.issue WHERE NOT is_hidden")
        return {row["id"]: (row["events"], row["users"]) for row in rows}

    async def targets(self, type_: str = "issue.groups_bound") -> set[UUID]:
        """The issues that took, or will take, what a rule sends to them."""
        rows = await self.database.fetch_dicts(
            "SELECT stream FROM log.event WHERE type = %(type)s", {"type": type_}
        )
        return {row["stream"] for row in rows}

    async def true_counts(self) -> dict[UUID, tuple[int, int]]:
        """The same, counted report by report."""
        rows = await self.database.fetch_dicts(
            "SELECT g.issue, count(*)::int AS events, count(DISTINCT r.data -> 'user')::int AS users"
            " FROM projection.visible_report AS r JOIN projection.issue_group AS g ON g.id = r.stream"
            " GROUP BY 1"
        )
        return {row["issue"]: (row["events"], row["users"]) for row in rows}


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


class TestRules:
    async def test_messages_that_a_rule_makes_one_become_one_issue(self, urls: Urls, shop: Shop) -> None:
        first, second, third = await shop.report(said("lost ord_a"), said("lost ord_b"), said("found"))
        await shop.report(said("lost ord_b"))
        rule = variable("ord_*")
        done = await shop.regrouping.apply(Change(rule=rule, service="api"), ANNA)
        assert (done.rule, done.issues, done.groups, done.reports) == (rule.id, 1, 1, 4)
        assert await shop.counts() == {second: (3, 1), third: (1, 1)}
        moved = await shop.database.fetch_value(
            "SELECT moved_to FROM projection.issue WHERE id = %(id)s", {"id": first}
        )
        assert moved == second
        assert await projections.verify(urls.owner, chunk=3) == []

    async def test_a_report_after_it_lands_where_the_old_ones_are_and_opens_nothing(
        self, urls: Urls, shop: Shop
    ) -> None:
        one, two = await shop.report(said("lost ord_a"), said("lost ord_b"))
        await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        ((kept, _),) = (await shop.counts()).items()
        assert kept in (one, two)
        landed = await shop.report(said("lost ord_c"), said("lost ord_a"))
        assert landed == [kept, kept]
        assert await shop.counts() == {kept: (4, 1)} == await shop.true_counts()
        opened = await shop.database.fetch_value("SELECT count(*) FROM log.event WHERE type = 'issue.opened'")
        assert opened == 2
        for chunk in (1, 10_000):
            assert await projections.verify(urls.owner, chunk=chunk) == []

    async def test_a_resolved_issue_comes_back_by_a_report_of_the_new_key(self, shop: Shop) -> None:
        (one,) = await shop.report(said("lost ord_a"))
        await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        await issues.change(shop.database, one, [IssueResolved()], ANNA)
        assert await shop.report(said("lost ord_b")) == [one]
        row = (await shop.state())["issue"][0]
        assert (row["status"], row["substatus"]) == ("unresolved", "regressed")

    async def test_an_ignored_frame_sends_reports_to_the_group_that_is_there(self, shop: Shop) -> None:
        plain, retried, other = await shop.report(
            raised("total"), raised("total", "retry"), raised("pay", "retry")
        )
        assert plain != retried == other
        await shop.regrouping.apply(Change(rule=ignoring("retry")), ANNA)
        landed = await shop.report(raised("total"), raised("total", "retry"))
        assert landed == [plain, plain] or landed == [retried, retried]

    async def test_a_rule_is_for_its_service_alone(self, shop: Shop) -> None:
        for service in ("api", "web"):
            await shop.report(said("lost ord_a"), said("lost ord_b"), service=service)
        done = await shop.regrouping.apply(Change(rule=variable("ord_*"), service="web"), ANNA)
        assert (done.issues, len(await shop.counts())) == (1, 3)
        one, two = await shop.report(said("lost ord_a"), said("lost ord_b"))
        assert one != two
        await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        assert len(await shop.counts()) == 2

    async def test_one_that_is_deleted_ends_and_what_it_brought_together_stays(self, shop: Shop) -> None:
        await shop.report(said("lost ord_a"), said("lost ord_b"))
        done = await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        assert done.rule
        ended = await delete_rule(shop.database, done.rule, ANNA)
        assert await list_rules(shop.database) == []
        assert len(await shop.counts()) == 1
        (again,) = await shop.report(said("lost ord_a"))
        assert list(await shop.counts()) == [again]
        with pytest.raises(NotFound):
            await delete_rule(shop.database, done.rule, ANNA)
        await issues.undo(shop.database, ended.action, ANNA, is_admin=True)
        assert [rule.id for rule in await list_rules(shop.database)] == [done.rule]

    async def test_groups_of_an_overflow_come_out_of_it_one_by_one(
        self, urls: Urls, shop: Shop, owner: psycopg.AsyncConnection[Any]
    ) -> None:
        cursor = await owner.execute("SELECT pg_get_functiondef('log.open_issue'::regproc)")
        ((text,),) = await cursor.fetchall()
        await owner.execute(
            text.replace("_max_issues CONSTANT bigint := 1000", "_max_issues CONSTANT bigint := 2")
        )
        await shop.report(*(said(f"lost ord_{name}") for name in "abcdef"), said("other"))
        overflow = await shop.database.fetch_value("SELECT log.overflow_issue('api')")
        assert (await shop.counts())[overflow] == (5, 2)
        done = await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        assert done.groups == 5
        counts = await shop.counts()
        assert counts.pop(overflow) == (1, 1)
        assert list(counts.values()) == [(6, 1)]
        assert await projections.verify(urls.owner) == []

    async def test_what_makes_no_sense_is_refused(self, shop: Shop) -> None:
        for change in (
            Change(rule=variable("*")),
            Change(rule=variable("x"), days=0),
            Change(rule=variable("x"), days=91),
            Change(version=VERSION + 1),
        ):
            for run in (shop.regrouping.preview, lambda one: shop.regrouping.apply(one, ANNA)):
                with pytest.raises(BadInput):
                    await run(change)


class TestSomebodyElse:
    """Meanwhile the issue that was to take the others is deleted."""

    async def test_a_refusal_in_the_middle_says_what_was_done_and_how_it_is_undone(
        self, urls: Urls, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await shop.report(*(said(f"{verb} ord_{name}") for verb in ("lost", "found") for name in "ab"))
        before = await shop.counts()
        refusals, parts, deletions = commands.refusals, 0, list[UUID]()

        @asynccontextmanager
        async def interrupted() -> AsyncIterator[None]:
            nonlocal parts
            parts += 1
            if parts == 4:
                (next_,) = await shop.targets() - await shop.targets("issue.groups_moved")
                deletions.append((await issues.change(shop.database, next_, [IssueDeleted()], ANNA)).action)
            async with refusals():
                yield

        monkeypatch.setattr(commands, "CHUNK", 1)
        monkeypatch.setattr(commands, "refusals", interrupted)
        with pytest.raises(NotFound) as refused:
            await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        assert await list_rules(shop.database) == []
        assert "; 3 were done before, which POST " in refused.value.message
        action = UUID(refused.value.message.partition("/api/undo/")[2].split()[0])
        assert len(await shop.counts()) == 2
        for id_ in (*deletions, action):
            await issues.undo(shop.database, id_, ANNA, is_admin=True)
        assert await shop.counts() == before
        assert await projections.verify(urls.owner) == []

    async def test_what_came_too_late_stays_where_it_is_and_the_rest_is_done(
        self, urls: Urls, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await shop.report(*(said(f"{verb} ord_{name}") for verb in ("lost", "found") for name in "ab"))
        late = [await shop.event(said(f"{verb} ord_late")) for verb in ("lost", "found")]
        gone: list[UUID] = []

        async def behind(*asked: Any) -> Any:
            await event_store.append(shop.database, late)
            found = await reading.look_behind(*asked)
            gone.append(min(await shop.targets()))
            return found

        async def owners(*asked: Any) -> Any:
            found = await reading.read_owners(*asked)
            for issue in gone:
                await issues.change(shop.database, issue, [IssueDeleted()], ANNA)
            return found

        monkeypatch.setattr(commands, "look_behind", behind)
        monkeypatch.setattr(commands, "read_owners", owners)
        done = await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        assert [rule.id for rule in await list_rules(shop.database)] == [done.rule]
        assert (done.issues, done.groups) == (3, 3)
        apart = {await shop.issue_of(event.stream) for event in late} - await shop.targets()
        assert len(apart) == 1
        assert set(await shop.counts()) == await shop.targets() - set(gone) | apart
        assert await projections.verify(urls.owner) == []


class TestRuleBook:
    async def test_it_remembers_until_a_fact_says_otherwise(self, shop: Shop) -> None:
        """The first half is the control: without the fact nothing would change."""
        book = RuleBook(shop.database, lambda: True)
        assert await book.find("api") is None
        await shop.regrouping.apply(Change(rule=variable("ord_*"), service="api"), ANNA)
        assert await book.find("api") is None
        (fact,) = await shop.database.fetch(
            "SELECT * FROM log.event WHERE type = 'grouping_rule.created'", row=Event
        )
        book.forget(fact)
        assert await book.find("api") is not None
        assert await book.find("web") is None

    async def test_while_the_feed_is_not_fresh_it_asks_each_time(self, shop: Shop) -> None:
        book = RuleBook(shop.database, lambda: False)
        assert await book.find("api") is None
        await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        assert await book.find("api") is not None


class TestPreview:
    async def test_it_shows_what_would_merge_and_split_and_changes_nothing(self, shop: Shop) -> None:
        one, two, three, _ = await shop.report(
            said("lost ord_a"), said("lost ord_b"), raised("total", "retry"), said("fine")
        )
        await shop.report(raised("pay", "retry"))
        before = await shop.state()
        found = await shop.regrouping.preview(Change(rule=variable("ord_*")))
        assert (found.reports, found.merges, found.splits, found.unchanged) == (5, 1, 0, 2)
        ((merging),) = found.merging
        assert (merging.issues, {issue.id for issue in merging.shown}) == (2, {one, two})
        shown = merging.shown[0]
        assert shown.title is not None
        assert shown.title.startswith("lost ord_")
        assert (shown.key, shown.new_key) == (["", shown.title], ["", "lost <num>"])
        assert (shown.events, shown.reports) == (1, 1)
        split = await shop.regrouping.preview(Change(rule=ignoring("retry")))
        assert (split.merges, split.splits, split.unchanged) == (0, 1, 3)
        assert split.splitting[0].issue.id == three
        assert {tuple(part.key) for part in split.splitting[0].parts} == {
            ("LookupError", "m", "shop.cart.total"),
            ("LookupError", "m", "shop.cart.pay"),
        }
        assert sorted(part.issue is None for part in split.splitting[0].parts) == [False, True]
        assert "only its new reports" in split.note
        assert await shop.state() == before

    async def test_it_is_compared_with_the_rules_that_there_are(self, shop: Shop) -> None:
        """What an older rule has split is not the new one's work, nor what it has brought together."""
        await shop.report(raised("total", "retry"), raised("pay", "retry"), said("in usa"), said("in usb"))
        for older in (ignoring("retry"), variable("us*")):
            await shop.regrouping.apply(Change(rule=older), ANNA)
        await shop.report(said("lost ord_a"), said("lost ord_b"))
        found = await shop.regrouping.preview(Change(rule=variable("ord_*")))
        assert (found.matched, found.merges, found.splits, found.unchanged) == (2, 1, 0, 2)

    async def test_against_no_rules_the_same_would_be_told_of_twice(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: every report goes where all the rules send it."""
        monkeypatch.setattr(
            Change, "books", lambda self, now: Books(now, now.with_rule(None, self.rule), None)
        )
        with pytest.raises(AssertionError):
            await self.test_it_is_compared_with_the_rules_that_there_are(shop)

    async def test_it_says_how_many_reports_a_rule_matches(self, shop: Shop) -> None:
        await shop.report(said("lost ord_a"), said("lost ord_b"), said("lost ord_7"), said("fine"))
        found = await shop.regrouping.preview(Change(rule=variable("ord_*")))
        assert (found.matched, found.reports) == (2, 4)
        assert "Issues are brought together whole" in found.note
        for pattern in ("order_*", "ord_7"):
            found = await shop.regrouping.preview(Change(rule=variable(pattern)))
            assert (found.matched, found.merges, found.splits) == (0, 0, 0)
            assert "matches none of these reports" in found.note
        await shop.report(said("closed on good friday evening"))
        assert (await shop.regrouping.preview(Change(rule=variable("good * evening")))).matched == 1
        found = await shop.regrouping.preview(Change(rule=variable("closed * evening")))
        assert found.matched == 0 and "its `*` stands for none" in found.note
        assert (await shop.regrouping.preview(Change())).matched is None

    async def test_a_rule_that_is_there_already_is_refused(self, shop: Shop) -> None:
        await shop.regrouping.apply(Change(rule=ignoring("retry"), service="api"), ANNA)
        same = Change(rule=ignoring("retry"), service="api")
        for run in (shop.regrouping.preview, lambda one: shop.regrouping.apply(one, ANNA)):
            with pytest.raises(Conflict, match="already"):
                await run(same)
        await shop.regrouping.apply(Change(rule=ignoring("retry"), service="web"), ANNA)
        assert len(await list_rules(shop.database)) == 2

    async def test_reports_that_are_deleted_or_too_old_are_not_looked_at(self, shop: Shop) -> None:
        (gone,) = await shop.report(said("lost ord_a"))
        await shop.report(said("lost ord_b"), occurred_at=ago(days=3))
        await issues.change(shop.database, gone, [IssueDeleted()], ANNA)
        rule = variable("ord_*")
        assert (await shop.regrouping.preview(Change(rule=rule))).reports == 1
        assert (await shop.regrouping.preview(Change(rule=rule, days=1))).reports == 0

    async def test_it_is_bounded_and_says_so(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        await shop.report(*(said(f"lost ord_{n}x") for n in range(30)))
        monkeypatch.setattr("avalon.regrouping.reading.MAX_REPORTS", 20)
        monkeypatch.setattr("avalon.regrouping.reading.FIRST_CHUNK", 10)
        monkeypatch.setattr("avalon.regrouping.reading.MAX_CHUNK", 10)
        found = await shop.regrouping.preview(Change(rule=variable("lost")))
        assert (found.reports, found.is_complete) == (20, False)

    async def test_one_at_a_time(self, shop: Shop) -> None:
        change = Change(rule=variable("x"))
        answers = await asyncio.gather(
            *(shop.regrouping.preview(change) for _ in range(3)), return_exceptions=True
        )
        assert sorted(isinstance(answer, TooManyRequests) for answer in answers) == [False, True, True]

    async def test_one_that_takes_long_keeps_nobody_from_applying(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks, goes_on, look = asyncio.Event(), asyncio.Event(), reading.look

        async def slow(*asked: Any) -> Any:
            looks.set()
            await goes_on.wait()
            return await look(*asked)

        monkeypatch.setattr("avalon.regrouping.commands.look", slow)
        previewing = asyncio.create_task(shop.regrouping.preview(Change(rule=variable("ord_*"))))
        await looks.wait()
        monkeypatch.setattr("avalon.regrouping.commands.look", look)
        with pytest.raises(TooManyRequests, match="preview"):
            await shop.regrouping.preview(Change())
        done = await shop.regrouping.apply(Change(rule=ignoring("retry")), ANNA)
        goes_on.set()
        assert (await previewing).reports == 0
        assert [rule.id for rule in await list_rules(shop.database)] == [done.rule]


class TestUndo:
    async def test_it_gives_the_exact_state_before(self, urls: Urls, shop: Shop) -> None:
        await shop.report(*(said(f"lost ord_{name}") for name in "abc"), said("x"), raised("a", "retry"))
        await shop.regrouping.apply(Change(rule=ignoring("retry")), ANNA)
        before = await shop.state()
        done = await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        applied = await shop.state()
        assert applied != before
        undone = await issues.undo(shop.database, done.action, ANNA, is_admin=True)
        assert await shop.state() == before
        await issues.undo(shop.database, undone.action, ANNA, is_admin=True)
        assert await shop.counts() == {row["id"]: (row["events"], row["users"]) for row in visible(applied)}
        assert await projections.verify(urls.owner, chunk=2) == []

    async def test_reports_that_came_meanwhile_stay_where_they_are(self, urls: Urls, shop: Shop) -> None:
        await shop.report(said("lost ord_a"), said("lost ord_b"))
        done = await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        (landed,) = await shop.report(said("lost ord_c"))
        await issues.undo(shop.database, done.action, ANNA, is_admin=True)
        counts = await shop.counts()
        assert (counts[landed], len(counts)) == ((2, 1), 2)
        assert counts == await shop.true_counts()
        assert await projections.verify(urls.owner) == []

    async def test_later_decisions_are_not_overrun(self, shop: Shop) -> None:
        one, two, other = await shop.report(said("lost ord_a"), said("lost ord_b"), said("x"))
        done = await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        (kept,) = {one, two} & set(await shop.counts())
        merged = await issues.merge(shop.database, other, [kept], ANNA)
        state = await shop.state()
        with pytest.raises(Conflict, match="something later"):
            await issues.undo(shop.database, done.action, ANNA, is_admin=True)
        assert await shop.state() == state
        await issues.undo(shop.database, merged.action, ANNA, is_admin=True)
        await issues.undo(shop.database, done.action, ANNA, is_admin=True)
        with pytest.raises(Conflict):
            await issues.undo(shop.database, done.action, ANNA, is_admin=True)

    async def test_it_is_for_admins(self, shop: Shop) -> None:
        done = await shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA)
        with pytest.raises(Forbidden):
            await issues.undo(shop.database, done.action, ANNA)

    @pytest.mark.parametrize(
        ("routine", "line", "broken"),
        [
            ("undo", "WHEN 'issue.groups_bound' THEN 'issue.groups_unbound'", "WHEN 'x' THEN 'x'"),
            ("fold_ownership", "AND g.first_seen IS NULL", "AND false"),
            ("fold_grouping_rule", "DELETE FROM grouping_rule WHERE id = _fact.stream;", "NULL;"),
        ],
    )
    async def test_an_undo_that_forgets_something_is_found_out(
        self,
        urls: Urls,
        shop: Shop,
        owner: psycopg.AsyncConnection[Any],
        routine: str,
        line: str,
        broken: str,
    ) -> None:
        """The control."""
        cursor = await owner.execute("SELECT pg_get_functiondef(%s::regproc)", [f"log.{routine}"])
        ((text,),) = await cursor.fetchall()
        assert line in text
        await owner.execute(text.replace(line, broken).encode())
        with pytest.raises((AssertionError, psycopg.Error)):
            await self.test_it_gives_the_exact_state_before(urls, shop)


def visible(state: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for row in state["issue"] if not row["is_hidden"]]


class TestVersions:
    async def test_groups_of_an_older_version_come_together_with_those_of_this_one(
        self, urls: Urls, shop: Shop
    ) -> None:
        old = [await shop.event(said(f"lost {name}")) for name in ("a", "b")]
        for event in (*old, *old):
            group = group_id("api", VERSION - 1, ["", str(event.data)])
            await event_store.append(shop.database, [replace(event, id=uuid4(), stream=group)])
        (new,) = await shop.report(said("lost a"))
        assert len(await shop.counts()) == 3
        found = await shop.regrouping.preview(Change())
        assert (found.merges, found.splits, found.unchanged) == (1, 0, 1)
        done = await shop.regrouping.apply(Change(), ANNA)
        assert (done.rule, done.issues) == (None, 1)
        assert sorted((await shop.counts()).values()) == [(2, 1), (3, 1)]
        before = await shop.counts()
        one, two = await shop.report(said("lost a"), said("lost b"))
        assert {one, two} == set(before)
        assert new not in before
        assert await projections.verify(urls.owner) == []


class TestTogether:
    """Random lives with rules."""

    @pytest.mark.parametrize("seed", range(3))
    async def test_what_the_preview_says_is_what_applying_does(
        self, urls: Urls, shop: Shop, seed: int
    ) -> None:
        chance = random.Random(seed)
        for _ in range(5):
            await live(shop, chance)
            rule = chance.choice([variable("ord_*"), variable("us*"), ignoring("retry"), ignoring("call")])
            change = Change(rule=rule, service=chance.choice([None, "api", "web"]))
            before = await shop.state()
            preview = await shop.regrouping.preview(change)
            visible_before = set(await shop.counts())
            done = await shop.regrouping.apply(change, ANNA)
            gone = {issue.id for one in preview.merging for issue in one.shown if issue.id != one.into}
            assert set(await shop.counts()) == visible_before - gone
            assert done.issues == len(gone)
            assert await shop.counts() == await shop.true_counts()
            assert (await shop.regrouping.preview(Change())).merges == 0
            for example, goes_to in examples(preview):
                assert await shop.would_go_to(example) == goes_to
            if chance.random() < 0.6:
                await issues.undo(shop.database, done.action, ANNA, is_admin=True)
                assert await shop.state() == before
        for chunk in (1, 7, 10_000):
            assert await projections.verify(urls.owner, chunk=chunk) == []

    @pytest.mark.parametrize("part", ["_bindings", "_moves"])
    async def test_without_a_part_of_it_the_preview_would_not_have_told_the_truth(
        self, urls: Urls, shop: Shop, monkeypatch: pytest.MonkeyPatch, part: str
    ) -> None:
        """The control: what is not bound opens issues, what is not moved stays apart."""
        monkeypatch.setattr(f"avalon.regrouping.commands.{part}", lambda steps: iter(()))
        with pytest.raises(AssertionError):
            await self.test_what_the_preview_says_is_what_applying_does(urls, shop, 0)

    async def test_stored_reports_are_grouped_as_they_were_when_they_came_in(self, shop: Shop) -> None:
        """Whatever clients send: all that the grouping reads is stored."""
        whole = decode(**full_event() | {"timestamp": None})
        custom = decode(
            **full_event() | {"timestamp": None, "event_id": None, "fingerprint": ["{{ default }}", "x"]}
        )
        events = [to_event(one, "api", ACTOR) for one in (whole, custom)]
        texts = [
            Report(message="m", stack=STACK),
            Report(message="\ud800 \0 \u2028 1.5e300"),
            raised("a" * 600),
        ]
        texts += [Report(message="x 7", message_template="x %s"), Report(message="m", transaction="/a/{id}")]
        events += [await shop.event(report) for report in texts]
        await event_store.append(shop.database, events)
        found = await shop.regrouping.preview(Change())
        assert (found.reports, found.merges, found.splits, found.unchanged) == (7, 0, 0, 7)

    async def test_without_catching_up_the_late_ones_would_stay_apart(
        self, urls: Urls, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control."""
        monkeypatch.setattr(Regrouping, "_catch_up", lambda *_: asyncio.sleep(0))
        with pytest.raises(AssertionError):
            await self.test_a_storm_while_it_is_applied_loses_nothing_and_counts_stay_exact(urls, shop)

    async def test_a_storm_while_it_is_applied_loses_nothing_and_counts_stay_exact(
        self, urls: Urls, shop: Shop
    ) -> None:
        """Its reports are grouped by the rules that each reporter has read, the old ones too."""
        await shop.report(*(said(f"lost ord_{word(n)}") for n in range(50)))
        applied = asyncio.Event()
        late = [await shop.event(said(f"lost ord_late_{word(n)}")) for n in range(20)]
        sent = 50

        async def storm() -> None:
            nonlocal sent
            number = 0
            while not applied.is_set():
                number += 1
                await shop.report(said(f"lost ord_{word(number % 60)}"), said(f"fine {number % 3 * 'x'}"))
                sent += 2

        reporters = [asyncio.create_task(storm()) for _ in range(3)]
        await asyncio.sleep(0)
        shop.regrouping._settle_s = 0.3
        applying = asyncio.create_task(shop.regrouping.apply(Change(rule=variable("ord_*")), ANNA))
        # These were on their way when the rule came.
        try:
            async with asyncio.timeout(20):
                await rule_counts(shop.database)
                await event_store.append(shop.database, late)
                await applying
        finally:
            applied.set()
            await asyncio.gather(*reporters)
        counts = await shop.counts()
        assert counts == await shop.true_counts()
        assert sum(events for events, _ in counts.values()) == sent + 20
        lost = {await shop.issue_of(event.stream) for event in late}
        assert len(lost) == 1
        assert len(counts) == 1 + 3
        assert await projections.verify(urls.owner) == []


async def rule_counts(database: Database) -> None:
    while not await list_rules(database):
        pass


def examples(preview: Preview) -> Iterator[tuple[UUID, UUID | None]]:
    """Reports that the preview shows, and where such a report is to land."""
    for one in preview.splitting:
        yield from ((part.example, part.issue) for part in one.parts)
    split = {one.issue.id for one in preview.splitting}
    for merging in preview.merging:
        for issue in merging.shown:
            if issue.example and issue.id not in split:
                yield issue.example, merging.into


async def live(shop: Shop, chance: random.Random) -> None:
    """Some reports, and now and then something that people do."""
    for service in ("api", "web"):
        names = [chance.choice("abcd") for _ in range(6)]
        await shop.report(*(some(name, chance) for name in names), service=service)
    seen = sorted(await shop.counts())
    dice = chance.random()
    if dice < 0.3:
        await issues.merge(shop.database, *pair(chance, seen), ANNA)
    elif dice < 0.5:
        await issues.change(shop.database, chance.choice(seen), [IssueDeleted()], ANNA)
    elif dice < 0.7:
        await issues.change(shop.database, chance.choice(seen), [IssueResolved()], ANNA)


def some(name: str, chance: random.Random) -> Report:
    return chance.choice(
        [
            said(f"lost ord_{name} in us{name}"),
            said(f"lost in us{name}"),
            raised(name, "retry"),
            raised(name, "call", "retry"),
            raised(name),
        ]
    )


def pair(chance: random.Random, seen: list[UUID]) -> tuple[UUID, list[UUID]]:
    one, two = chance.sample(seen, 2)
    return one, [two]
