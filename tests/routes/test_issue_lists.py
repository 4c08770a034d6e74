"""`/api/issues`: lists by the search language, one issue, its reports, its tags, its page."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from avalon.database import Database
from avalon.events import NewEvent
from avalon.read_models.issue_lists import SORTS, find_ids
from avalon.read_models.issue_page import block, span
from avalon.search import ISSUES, parse
from tests.history import a_report, ago, report
from tests.routes.reads_help import USER, App

Owner = psycopg.AsyncConnection[Any]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def client(database: Database) -> httpx.AsyncClient:
    return App(database).client()


def one(group: int, type_: str, message: str, tags: dict[str, str] | None = None, **more: Any) -> NewEvent:
    """A report with an exception; `user`, `path` and `hashes` go to its data."""
    data = {
        "exceptions": [{"type": type_}],
        "tags": tags or {},
        "user": {"id": more.pop("user", "")},
        "path": more.pop("path", ""),
        "grouping": {"hashes": more.pop("hashes", [])},
    }
    return a_report(group, message=message, data=data, **more)


async def titles(client: httpx.AsyncClient, q: str = "", **params: Any) -> list[str]:
    answer = await client.get("/api/issues", params={"q": q, **params})
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def test_an_item_has_exactly_what_the_contract_says(
    client: httpx.AsyncClient, database: Database
) -> None:
    await report(
        database,
        one(1, "TypeError", "boom", environment="prod", release="1.4.2", user="7", path="/users"),
        one(1, "TypeError", "boom", environment="stage", release="1.4.3", user="8", level="fatal"),
    )
    answer = (await client.get("/api/issues")).json()
    assert answer["next"] is None
    (item,) = answer["items"]
    assert TIME.fullmatch(item.pop("first_seen"))
    assert TIME.fullmatch(item.pop("last_seen"))
    assert item.pop("position") > 0
    assert sum(item["sparkline"]) == 2
    assert len(item.pop("sparkline")) == 24
    assert sorted(item.pop("environments")) == ["prod", "stage"]
    assert sorted(item.pop("releases")) == ["1.4.2", "1.4.3"]
    assert item == {
        "id": str(UUID(int=1)),
        "service": "api",
        "title": "boom",
        "type": "TypeError",
        "culprit": "/users",
        "level": "fatal",
        "status": "unresolved",
        "substatus": "new",
        "events": 2,
        "users": 2,
        "assignee": None,
        "assignee_name": None,
        "comments": 0,
        "resolved_in": None,
        "muted_until": None,
        "muted_events": None,
        "muted_users": None,
        "moved_to": None,
    }
    assert (await client.get(f"/api/issues/{UUID(int=1)}")).json()["events"] == 2


@pytest.fixture
async def several(database: Database, owner: Owner) -> None:
    """Five issues of all kinds; the first has the most reports, the last was seen last."""
    await report(
        database,
        *[
            one(
                1,
                "TypeError",
                "cannot read userName of undefined",
                {"browser": "firefox"},
                user="42",
                level="warning",
                environment="prod",
                release="1.4.1",
                occurred_at=ago(days=9, minutes=n),
            )
            for n in range(6)
        ],
        *[
            one(
                2,
                "ValueError",
                "connection refused by payment_gateway",
                {"browser": "chrome"},
                user=str(n),
                environment="prod",
                release="1.4.2",
                occurred_at=ago(days=2),
            )
            for n in range(3)
        ],
        one(
            3,
            "HTTPError",
            "GET /api/orders/17 failed",
            service="web",
            environment="stage",
            level="fatal",
            occurred_at=ago(hours=5),
        ),
        one(4, "TypeError", "refused", service="web", release="2.0.0", occurred_at=ago(minutes=30)),
        one(5, "KeyError", "a*b \u2028 naïve größe", {"my key": "x y"}),
    )
    await owner.execute(
        "UPDATE projection.issue SET status = 'resolved', substatus = '' WHERE level = 'fatal'"
    )
    await owner.execute(
        "UPDATE projection.issue SET status = 'ignored', substatus = 'muted' WHERE type = 'KeyError'"
    )
    await owner.execute(
        "UPDATE projection.issue SET substatus = 'regressed', assignee = %s WHERE type = 'ValueError'", [USER]
    )
    await owner.execute(
        "INSERT INTO account.app_user (id, username, password_hash) VALUES (%s, 'Ada', '')", [USER]
    )


# What finds which of the five.
FINDS = {
    "": "54321",
    "is:unresolved": "421",
    "is:resolved": "3",
    "is:[resolved, muted]": "53",
    "is:ignored": "5",
    "is:muted": "5",
    "is:new": "4",
    "is:ongoing": "1",
    "is:regressed": "2",
    "is:assigned": "2",
    "is:unassigned": "5431",
    "assigned:me": "2",
    "assigned:ada": "2",
    f"assigned:{USER}": "2",
    "assigned:nobody": "5431",
    "-assigned:None": "2",
    "assigned:[me, nobody]": "54321",
    "assigned:stranger": "",
    "-is:unresolved": "53",
    "level:fatal": "3",
    "level:[fatal, warning]": "31",
    "-level:[fatal, warning]": "542",
    "service:web": "43",
    "service:w*": "43",
    "service:*": "54321",
    "type:TypeError": "41",
    "type:*Error": "54321",
    "type:T*Error": "41",
    "type:Typ*": "41",
    "type:[Typ*, ValueError]": "421",
    "type:*zz*": "",
    "type:*zz* is:unresolved refused": "",
    "type:[*zz*, KeyError]": "5",
    "-type:*zz*": "54321",
    "-type:T*": "532",
    "-type:TypeError": "532",
    "env:prod": "21",
    "-env:prod": "543",
    "env:[prod, stage]": "321",
    "release:1.4.*": "21",
    "release:1.4.2": "2",
    "has:release": "421",
    "user:42": "1",
    "user:[42, 1]": "21",
    "has:user": "21",
    "tag.browser:firefox": "1",
    "tag.browser:*": "21",
    "-tag.browser:firefox": "5432",
    'tag."my key":"x y"': "5",
    "has:tag.browser": "21",
    "-has:tag.browser": "543",
    "events:>=3": "21",
    "events:6": "1",
    "users:>1": "2",
    "last:<1h": "54",
    "last:>1d": "21",
    "first:<1d": "543",
    "first:>2020-01-01": "54321",
    "first:<2020-01-01": "",
    "refused": "42",
    "refus": "42",
    '"refus"': "",
    '"refus*"': "42",
    '"connection refused"': "2",
    '"refused connection"': "",
    "connection refused": "2",
    "-refused": "531",
    "user": "1",
    "name": "1",
    "username": "1",
    "userName": "1",
    "paymentgateway": "2",
    "payment_gate": "2",
    '"read user name of"': "1",
    "http": "3",
    "httperror": "3",
    "/api/orders": "3",
    "17": "3",
    "naïve": "5",
    "größe": "5",
    "is:unresolved type:TypeError tag.browser:firefox userName": "1",
    "is:resolved refused": "",
}


@pytest.mark.usefixtures("several")
class TestSearching:
    async def test_each_query_finds_its_own(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whether all that is rare is looked up or the first issues are walked, the answers are the same."""
        for head, rare in ((2_000, 5_000), (2_000, 0), (1, 0)):
            for name in ("HEAD", "LONG_HEAD"):
                monkeypatch.setattr(f"avalon.read_models.issue_lists.{name}", head)
            monkeypatch.setattr("avalon.read_models.issue_lists.RARE", rare)
            for q, wanted in FINDS.items():
                answer = await client.get("/api/issues", params={"q": q})
                assert answer.status_code == 200, (q, answer.text)
                found = "".join(str(UUID(item["id"]).int) for item in answer.json()["items"])
                assert found == wanted, (q, head, rare)

    async def test_the_contrary_of_each_term_finds_all_others(self, client: httpx.AsyncClient) -> None:
        for q, wanted in FINDS.items():
            if q and not q.startswith("-") and len(parse(q, ISSUES)) == 1:
                answer = await client.get("/api/issues", params={"q": f"-{q}"})
                found = "".join(str(UUID(item["id"]).int) for item in answer.json()["items"])
                assert found == "".join(one for one in "54321" if one not in wanted), q

    async def test_a_user_is_found_by_an_address(self, client: httpx.AsyncClient, database: Database) -> None:
        data = {"user": {"email": "ann+x@exämple.com"}}
        await report(database, a_report(6, message="hers", data=data))
        for q in ("user:ann+x@exämple.com", 'user:"ann+x@exämple.com"', "user:[42, ann+x@exämple.com] hers"):
            assert await titles(client, q) == ["hers"], q
            assert len((await client.get("/api/errors", params={"q": q})).json()["items"]) == 1, q

    async def test_a_pattern_that_fits_too_many_types_is_looked_for_as_it_is(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for bound in ("FITTING", "LOOKED_AT"):
            monkeypatch.setattr(f"avalon.read_models.issue_types.{bound}", 1)
            for q in ("type:*Error", "type:T*Error", "-type:T*", "type:*zz*"):
                answer = await client.get("/api/issues", params={"q": q})
                found = "".join(str(UUID(item["id"]).int) for item in answer.json()["items"])
                assert found == FINDS[q], (q, bound)

    async def test_each_query_works_with_each_order(self, client: httpx.AsyncClient) -> None:
        for q, wanted in FINDS.items():
            for sort in SORTS[:-1]:
                answer = await client.get("/api/issues", params={"q": q, "sort": sort})
                assert len(answer.json()["items"]) == len(wanted), (q, sort, answer.text)

    async def test_ids_are_found_for_what_is_done_to_many(self, database: Database) -> None:
        found = await find_ids(database, "is:unresolved refused", user=USER, limit=10)
        assert found == [UUID(int=4), UUID(int=2)]
        assert await find_ids(database, "is:unresolved", user=None, limit=1) == [UUID(int=4)]
        assert await find_ids(database, "assigned:me", user=None, limit=10) == []

    async def test_the_parameters_narrow_further(self, client: httpx.AsyncClient) -> None:
        assert await titles(client, service="web", q="refused") == ["refused"]
        assert await titles(client, environment="stage") == ["GET /api/orders/17 failed"]
        assert len(await titles(client, since=ago(hours=6).isoformat())) == 3
        assert len(await titles(client, until=ago(days=1).isoformat())) == 2
        assert await titles(client, service="we*") == []

    async def test_a_query_that_can_not_be_read_names_the_column(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/issues", params={"q": "level:error is:rsolved"})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_query")
        message = answer.json()["message"]
        assert message.startswith("q: column 16: ")
        assert "did you mean `resolved`?" in message

    async def test_what_is_hidden_is_never_found(self, client: httpx.AsyncClient, owner: Owner) -> None:
        await owner.execute("UPDATE projection.issue SET is_hidden = true WHERE type = 'TypeError'")
        for params in ({}, {"q": "refused"}, {"sort": "trend"}, {"sort": "events"}, {"q": "tag.browser:*"}):
            answer = (await client.get("/api/issues", params=params)).json()
            assert answer["items"]
            assert "TypeError" not in {item["type"] for item in answer["items"]}, params

    async def test_single_reports_are_found_by_the_same_language(self, client: httpx.AsyncClient) -> None:
        finds = {
            "level:fatal": 1,
            "service:w*": 2,
            "env:[prod, stage]": 10,
            "-env:prod": 3,
            "release:1.4.*": 9,
            "user:42": 6,
            "-user:42": 6,
            "tag.browser:firefox": 6,
            "has:tag.browser": 9,
            "has:user": 9,
            "type:TypeError": 7,
            "refused": 4,
            "-refused": 8,
            "level:error refused": 4,
            '"connection refused"': 3,
        }
        for q, wanted in finds.items():
            answer = await client.get("/api/errors", params={"q": q})
            assert len(answer.json()["items"]) == wanted, (q, answer.text)
        refused = await client.get("/api/errors", params={"q": "is:new"})
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_query")


class TestOrder:
    @pytest.mark.parametrize("sort", SORTS)
    async def test_pages_hold_everything_once_although_all_are_alike(
        self, client: httpx.AsyncClient, database: Database, sort: str
    ) -> None:
        at = ago(hours=1)
        await report(database, *[a_report(n, message=f"{n}", occurred_at=at) for n in range(1, 12)])
        for q in ("", "has:tag.level"):
            seen, cursor = [], ""
            while True:
                params = {"sort": sort, "limit": 4, "cursor": cursor, "q": q}
                answer = (await client.get("/api/issues", params=params)).json()
                seen += [item["id"] for item in answer["items"]]
                if answer["next"] is None:
                    break
                cursor = answer["next"]
            assert seen == [str(UUID(int=n)) for n in range(11, 0, -1)]

    @pytest.mark.parametrize("sort", ["events", "users"])
    async def test_numbers_of_one_rank_stand_in_their_order_too(
        self, client: httpx.AsyncClient, database: Database, owner: Owner, sort: str
    ) -> None:
        await report(database, *[a_report(n, message=f"{n}") for n in range(1, 10)])
        # The greater the number the less the id, which is what issues of one rank would else be sorted by.
        numbers = dict(zip(range(1, 10), (1001, 1000, 103, 102, 101, 100, 3, 2, 1), strict=True))
        for n, number in numbers.items():
            change = f"UPDATE projection.issue SET {sort} = %s WHERE id = %s"
            await owner.execute(change.encode(), [number, UUID(int=n)])
        for q, expected in {"": 9, "has:tag.level": 9, f"{sort}:>101": 4, f"{sort}:>=101": 5}.items():
            seen, cursor = [], ""
            while cursor is not None:
                params = {"sort": sort, "limit": 2, "cursor": cursor, "q": q}
                answer = (await client.get("/api/issues", params=params)).json()
                seen += [item["id"] for item in answer["items"]]
                cursor = answer["next"]
            assert seen == [str(UUID(int=n)) for n in range(1, expected + 1)]

    async def test_each_order_is_its_own(self, client: httpx.AsyncClient, database: Database) -> None:
        await report(
            database,
            *[one(1, "E", "old and loud", user="1", occurred_at=ago(days=5)) for _ in range(4)],
            *[one(2, "E", "many people", user=str(n), occurred_at=ago(hours=30)) for n in range(3)],
            *[one(3, "E", "rising", occurred_at=ago(hours=n)) for n in (1, 2)],
            one(2, "E", "many people", user="1", occurred_at=ago(hours=30)),
        )
        assert await titles(client) == ["rising", "many people", "old and loud"]
        assert await titles(client, sort="first_seen") == ["rising", "many people", "old and loud"]
        assert (await titles(client, sort="users"))[0] == "many people"
        assert (await titles(client, sort="events"))[-1] == "rising"
        assert await titles(client, sort="trend") == ["rising", "many people"]

    async def test_a_trend_ranks_the_same_issues_however_long_the_page_is(
        self, client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first issues, among which a short page would be found, are not those that rise."""
        tags = {"browser": "firefox"}
        await report(
            database,
            *[
                one(n, "E", f"falling {n}", tags, occurred_at=ago(hours=30))
                for n in (1, 2, 3)
                for _ in range(9)
            ],
            *[one(4, "E", "rising", tags, occurred_at=ago(hours=1)) for _ in range(4)],
        )
        for name, value in {"HEAD": 3, "LONG_HEAD": 3, "RARE": 0, "SAMPLE": 0}.items():
            monkeypatch.setattr(f"avalon.read_models.issue_lists.{name}", value)
        whole = await titles(client, "has:tag.browser", sort="trend", limit=100)
        assert (whole[0], len(whole)) == ("rising", 4)
        for limit in (1, 2, 3):
            assert await titles(client, "has:tag.browser", sort="trend", limit=limit) == whole[:limit]

    async def test_what_rises_is_found_behind_what_has_always_been_loud(
        self, client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await report(
            database,
            *[one(1, "E", "always loud", occurred_at=ago(hours=25 + n % 20)) for n in range(40)],
            *[one(1, "E", "always loud", occurred_at=ago(hours=n)) for n in range(1, 6)],
            *[one(2, "E", "rising", occurred_at=ago(minutes=n)) for n in range(20)],
            one(3, "E", "one more", occurred_at=ago(hours=2)),
        )
        monkeypatch.setattr("avalon.read_models.issue_lists.CANDIDATES", 1)
        assert (await titles(client, sort="trend"))[0] == "rising"
        assert await titles(client, "always", sort="trend") == ["always loud"]
        assert "rising" in await titles(client, "rising", sort="trend")
        monkeypatch.setattr("avalon.read_models.issue_lists.SAMPLE", 0)
        assert await titles(client, sort="trend") == ["always loud"]

    @pytest.mark.parametrize(
        "cursor", ["x", "////", "🙂", "MS4y", "bGFzdF9zZWVuLjEuMS4x", "bGFzdF9zZWVuLi0xLjEuMDAw"]
    )
    async def test_a_cursor_of_another_list_is_refused(self, client: httpx.AsyncClient, cursor: str) -> None:
        answer = await client.get("/api/issues", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["message"]) == (400, "cursor: not a cursor of this list")

    async def test_a_cursor_fits_its_order_only(self, client: httpx.AsyncClient, database: Database) -> None:
        await report(database, a_report(1), a_report(2))
        cursor = (await client.get("/api/issues", params={"limit": 1})).json()["next"]
        answer = await client.get("/api/issues", params={"cursor": cursor, "sort": "events"})
        assert answer.status_code == 400

    async def test_an_unknown_order_is_refused(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/issues", params={"sort": "colour"})
        assert answer.json()["message"].startswith("sort: one of last_seen, ")

    @pytest.mark.parametrize("name", ["level", "status", "assignee", "Q", "x" * 9_000])
    async def test_a_parameter_that_would_narrow_nothing_is_refused(
        self, client: httpx.AsyncClient, name: str
    ) -> None:
        answer = await client.get("/api/issues", params={name: "error"})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")
        assert answer.json()["message"].startswith(f"{name[:500]}: no such parameter; say it in q")


class TestOneIssue:
    async def test_its_reports_come_newest_first_in_pages(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        await report(database, *[a_report(1, message=f"{n}", occurred_at=ago(days=n)) for n in range(5)])
        await report(database, a_report(2, message="another's"))
        seen, cursor = [], ""
        while cursor is not None:
            path = f"/api/issues/{UUID(int=1)}/events"
            answer = (await client.get(path, params={"limit": 2, "cursor": cursor})).json()
            seen += [item["message"] for item in answer["items"]]
            cursor = answer["next"]
        assert seen == ["0", "1", "2", "3", "4"]

    async def test_reports_of_all_its_groups_are_its_own(
        self,
        client: httpx.AsyncClient,
        database: Database,
        owner: Owner,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await report(database, a_report(1, message="one"), a_report(2, message="two"))
        await owner.execute("UPDATE projection.issue_group SET issue = %s", [UUID(int=1)])
        await report(database, a_report(3, message="another's"))
        for large in (200, 2):
            monkeypatch.setattr("avalon.read_models.issues.LARGE", large)
            answer = (await client.get(f"/api/issues/{UUID(int=1)}/events")).json()
            assert [item["message"] for item in answer["items"]] == ["two", "one"]
            assert {item["issue"]["id"] for item in answer["items"]} == {str(UUID(int=1))}

    async def test_its_tags_have_counts_and_shares(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        await report(
            database,
            *[one(1, "E", "x", {"browser": "firefox"}, environment="prod") for _ in range(3)],
            one(1, "E", "x", {"browser": "chrome"}),
            one(2, "E", "x", {"browser": "lynx"}),
        )
        items = (await client.get(f"/api/issues/{UUID(int=1)}/tags")).json()["items"]
        assert [item["key"] for item in items] == ["browser", "environment", "level"]
        browser = items[0]
        assert (browser["reports"], browser["distinct_values"], browser["overflow"]) == (4, 2, 0)
        assert [(v["value"], v["reports"], v["share"]) for v in browser["values"]] == [
            ("firefox", 3, 0.75),
            ("chrome", 1, 0.25),
        ]

    async def test_what_came_beyond_the_first_values_is_said(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        await report(database, *[one(1, "E", "x", {"n": f"{n:03}"}) for n in range(130)])
        items = (await client.get(f"/api/issues/{UUID(int=1)}/tags")).json()["items"]
        (tag,) = [item for item in items if item["key"] == "n"]
        assert (tag["reports"], tag["distinct_values"], tag["overflow"], len(tag["values"])) == (
            130,
            100,
            30,
            10,
        )
        assert len(await titles(client, "tag.n:005")) == 1
        assert await titles(client, "tag.n:129") == []

    async def test_similar_issues_share_hashes(self, client: httpx.AsyncClient, database: Database) -> None:
        await report(
            database,
            one(1, "E", "this", hashes=["a", "b", "c", ""]),
            one(2, "E", "near", hashes=["a", "b", "d", ""]),
            one(3, "E", "far", hashes=["x", "y", "c", "z"]),
            one(4, "E", "other", hashes=["z", ""]),
            one(5, "E", "elsewhere", hashes=["a", "b", "c"], service="web"),
            one(6, "E", "of the type", hashes=["a", "v", "w"]),
            one(7, "E", "only the type", hashes=["a"]),
        )
        items = (await client.get(f"/api/issues/{UUID(int=1)}/similar")).json()["items"]
        assert [(item["title"], item["score"]) for item in items] == [("near", 0.5), ("far", 0.1667)]
        items = (await client.get(f"/api/issues/{UUID(int=7)}/similar")).json()["items"]
        assert {item["title"] for item in items} == {"this", "near", "of the type"}

    async def test_one_that_was_merged_says_to_where(
        self, client: httpx.AsyncClient, database: Database, owner: Owner
    ) -> None:
        await report(database, a_report(1), a_report(2))
        await owner.execute(
            "UPDATE projection.issue SET is_hidden = true, moved_to = %s, first_seen = NULL, last_seen = NULL"
            " WHERE id = %s",
            [UUID(int=1), UUID(int=2)],
        )
        answer = await client.get(f"/api/issues/{UUID(int=2)}")
        assert (answer.status_code, answer.json()["moved_to"]) == (200, str(UUID(int=1)))
        assert (answer.json()["first_seen"], answer.json()["last_seen"]) == (None, None)
        assert "2000" not in (await client.get(f"/api/issues/{UUID(int=2)}.md")).text
        await owner.execute("UPDATE projection.issue SET moved_to = NULL")
        for part in ("", "/events", "/tags", "/similar", ".md"):
            assert (await client.get(f"/api/issues/{UUID(int=2)}{part}")).status_code == 404

    @pytest.mark.parametrize("part", ["", "/events", "/tags", "/similar", ".md"])
    async def test_an_unknown_one_is_not_found(self, client: httpx.AsyncClient, part: str) -> None:
        for id_ in (uuid4(), "nonsense", "1"):
            answer = await client.get(f"/api/issues/{id_}{part}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class TestPage:
    async def test_it_says_what_there_is_to_know(self, client: httpx.AsyncClient, database: Database) -> None:
        data = {
            "stack": "TypeError: boom\n    at f (a.js:1:2)",
            "tags": {"browser": "lynx"},
            "exceptions": [{"type": "TypeError"}],
        }
        await report(database, a_report(1, data=data, release="1.4.2", environment="prod"))
        answer = await client.get(f"/api/issues/{UUID(int=1)}.md")
        assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
        for part in (
            "# `TypeError: boom`\n",
            f"* Id: {UUID(int=1)}\n* Status: unresolved, new\n* Level: error\n* Service: `api`\n",
            "* Reports: 1\n",
            "* Releases: `1.4.2`\n",
            "```\nTypeError: boom\n    at f (a.js:1:2)\n```",
            "* `browser`: `lynx` 100%\n",
        ):
            assert part in answer.text

    async def test_an_exception_in_parts_has_its_frames(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        frames = [
            {"function": "main", "filename": "a.py", "lineno": 1},
            {"function": "f", "filename": "b.py", "lineno": 2},
        ]
        await report(
            database, a_report(1, data={"exceptions": [{"type": "E", "value": "v", "frames": frames}]})
        )
        text = (await client.get(f"/api/issues/{UUID(int=1)}.md")).text
        assert "E: v\n    at f (b.py:2)\n    at main (a.py:1)\n" in text

    async def test_what_was_reported_can_not_become_markup(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        evil = (
            "```\n# not a heading\n<script>alert(1)</script> [x](http://evil) ![x](http://evil) `` | \u202e"
        )
        tags = {evil[:30]: evil[:90]}
        data = {"stack": evil, "exceptions": [{"type": evil}], "path": evil, "tags": tags}
        await report(database, a_report(1, message=evil, data=data, release=evil, environment=evil))
        text = (await client.get(f"/api/issues/{UUID(int=1)}.md")).text
        outside = re.sub(r"^(`{3,})\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
        outside = re.sub(r"(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)", "", outside)
        for sign in ("<", "[", "http", "`", "heading", "\u202e"):
            assert sign not in outside, outside
        assert "\u202e" not in text

    @pytest.mark.parametrize(
        "text", ["", "`", "``", "a`b", "` a", "a\nb", "\\", "\x00", " ", "```\n```", "~~~"]
    )
    def test_a_fence_is_longer_than_what_it_holds(self, text: str) -> None:
        for made, least in ((span(text), 1), (block(text), 3)):
            (fence,) = re.findall(r"^`+", made)
            inside = made[len(fence) : -len(fence)]
            assert made.endswith(fence)
            assert len(fence) >= least
            assert not re.search(rf"(?<!`){fence}(?!`)", inside)
            assert "\n" not in span(text)
