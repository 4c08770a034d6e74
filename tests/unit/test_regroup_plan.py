"""What another grouping comes to, on made-up groups: the letters are old groups, the numbers new ones."""

from __future__ import annotations

from uuid import UUID

from avalon.regrouping.plan import Owner, Plan, Tally, make_plan

Pairs = dict[tuple[str, str], int]


def of(name: str) -> UUID:
    return UUID(int=int.from_bytes(name.encode(), "big"))


def plan(pairs: Pairs, issues: dict[str, str], *, overflow: str = "", **options: set[UUID]) -> Plan:
    """The plan for reports by (old group, new group), and the issues of the groups that there are."""
    tallies = {(of(old), of(new)): Tally("api", n, of("r"), [], []) for (old, new), n in pairs.items()}
    owners = {
        of(group): Owner(of(group), of(issue), issue == overflow, False, issue != "done", len(issue))
        for group, issue in issues.items()
    }
    return make_plan(tallies, owners, **options)


def moves(found: Plan) -> list[tuple[UUID, list[UUID], list[UUID], list[UUID]]]:
    return [(one.issue, one.others, one.groups, sorted(one.bound.get("api", []))) for one in found.steps]


def test_where_nothing_changes_nothing_is_done() -> None:
    found = plan({("a", "a"): 5, ("b", "b"): 1}, {"a": "A", "b": "B"})
    assert (found.steps, found.splits, found.issues) == ([], [], {of("A"), of("B")})


def test_issues_whose_groups_go_to_one_become_one_and_the_new_group_is_bound() -> None:
    found = plan({("a", "1"): 5, ("b", "1"): 1}, {"a": "A", "b": "BB"})
    assert moves(found) == [(of("BB"), [of("A")], [], [of("1")])]


def test_an_unresolved_issue_takes_a_resolved_one_however_large() -> None:
    found = plan({("a", "1"): 5, ("b", "1"): 1}, {"a": "A", "b": "done"})
    assert found.steps[0].issue == of("A")


def test_a_group_that_is_there_already_brings_its_issue_along() -> None:
    found = plan({("a", "1"): 5}, {"a": "A", "1": "ONE"})
    assert moves(found) == [(of("ONE"), [of("A")], [], [])]


def test_what_people_merged_stays_merged() -> None:
    found = plan({("a", "1"): 5, ("b", "2"): 1, ("c", "2"): 1}, {"a": "AB", "b": "AB", "c": "C"})
    assert moves(found) == [(of("AB"), [of("C")], [], [of("1"), of("2")])]


def test_a_group_goes_where_most_of_its_reports_go_and_the_rest_splits() -> None:
    found = plan({("a", "1"): 5, ("a", "2"): 3, ("b", "2"): 9}, {"a": "A", "b": "B"})
    assert moves(found) == [(of("A"), [], [], [of("1")]), (of("B"), [], [], [of("2")])]
    (split,) = found.splits
    assert (split.issue, dict(split.parts)) == (of("A"), {of("1"): of("A"), of("2"): of("B")})


def test_what_nobody_follows_will_open_an_issue() -> None:
    found = plan({("a", "a"): 5, ("a", "2"): 3}, {"a": "A"})
    assert found.steps == []
    assert [dict(split.parts) for split in found.splits] == [{of("a"): of("A"), of("2"): None}]


def test_of_equals_the_group_that_stays_is_followed() -> None:
    for other in ("1", "z"):
        assert plan({("b", other): 3, ("b", "b"): 3}, {"b": "B"}).steps == []


def test_groups_that_go_apart_within_one_issue_do_not_split_it() -> None:
    found = plan({("1", "a"): 2, ("1", "b"): 2}, {"a": "A", "b": "A", "1": "A"})
    assert (found.steps, found.splits) == ([], [])


def test_groups_of_an_overflow_go_one_by_one() -> None:
    pairs = {("a", "1"): 5, ("x", "1"): 1, ("y", "2"): 1, ("z", "2"): 1, ("w", "w"): 1}
    found = plan(pairs, {"a": "A"} | dict.fromkeys("xyzw", "over"), overflow="over")
    assert moves(found) == [
        (of("A"), [], [of("x")], [of("1")]),
        (of("over"), [], [], [of("2")]),
    ]


def test_chains_become_one_issue() -> None:
    pairs = {(f"{n}", f"{n + 1}"): 1 for n in range(10, 40)}
    found = plan(pairs, {f"{n}": f"I{n}" for n in range(10, 40)})
    ((_, others, _, bound),) = moves(found)
    assert (len(others), bound) == (29, [of("40")])


def test_a_group_whose_issue_went_meanwhile_is_left_alone() -> None:
    assert plan({("a", "1"): 5}, {}) == Plan([], [], set())


def test_what_took_others_a_moment_ago_stays() -> None:
    pairs = {("a", "1"): 5, ("b", "1"): 1, ("c", "1"): 1}
    found = plan(pairs, {"a": "A", "b": "BIG", "c": "C"}, targets={of("A"), of("C")})
    assert moves(found) == [(of("A"), [of("BIG")], [], [of("1")])]
