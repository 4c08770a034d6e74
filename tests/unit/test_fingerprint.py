"""Groups of reports with a place: what one mistake may change without leaving its group, and what may not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avalon.grouping import group_report
from avalon.reports import ExceptionInfo, Frame, Report


def frame(function: str = "total", file: str = "/srv/shop/cart.py", **fields: Any) -> Frame:
    return Frame(function=function, filename=file, **fields)


def error(*frames: Frame, type: str = "ValueError", value: str = "no price") -> ExceptionInfo:
    return ExceptionInfo(type=type, value=value, frames=list(frames))


def key(*chain: ExceptionInfo, **fields: Any) -> list[str]:
    return group_report(Report(message="failed", exceptions=list(chain), **fields)).key_parts


def key_of_text(stack: str, **fields: Any) -> list[str]:
    return group_report(Report(message="failed", stack=stack, **fields)).key_parts


def in_module(function: str, module: str, **fields: Any) -> Frame:
    return Frame(function=function, module=module, **fields)


def test_the_key_is_the_type_the_message_and_the_innermost_place_of_the_applications_own() -> None:
    library = frame("get", "/usr/lib/python3.12/site-packages/redis/client.py")
    assert key(error(frame("show", "/srv/shop/views.py"), frame(), library, value="no 17")) == [
        "ValueError",
        "no <num>",
        "shop.cart.total",
    ]


def test_an_inserted_line_does_not_split_an_issue() -> None:
    assert key(error(frame(lineno=3, colno=1))) == key(error(frame(lineno=4, colno=9)))


def test_another_way_to_the_same_place_does_not_split_an_issue() -> None:
    by_web, by_job = frame("show", "/srv/shop/views.py"), frame("run", "/srv/shop/jobs.py")
    assert key(error(by_web, frame())) == key(error(by_job, frame()))


def test_another_checkout_does_not_split_an_issue() -> None:
    places = (
        "/srv/shop/cart.py",
        "/home/x/releases/20260101/shop/cart.py",
        "C:\\work\\shop\\cart.py",
        "shop/cart.py",
    )
    assert len({tuple(key(error(frame(file=place)))) for place in places}) == 1


def test_a_module_and_its_file_are_one_place() -> None:
    assert key(error(in_module("total", "shop.cart"))) == key(error(frame()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.test/static/main.3f2a1b9c.js", "https://b.test/static/main.77aa00ff.js"),
        ("/assets/index-BxYz12_a.js?v=1", "/assets/index-Q0wErT9z.js#x"),
        ("https://a.test/js/4.d1e2f3aa.chunk.js", "https://a.test/js/4.00e2f3bb.chunk.js"),
        ("https://a.test/js/jquery-3.6.0.min.js", "https://a.test/js/jquery-3.7.1.min.js"),
    ],
)
def test_a_bundle_hash_does_not_split_an_issue(one: str, other: str) -> None:
    assert key(error(frame("render", one))) == key(error(frame("render", other)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("lambda$save$3", "com.acme.Store"), ("lambda$save$11", "com.acme.Store")),
        (("run", "com.acme.Store$1"), ("run", "com.acme.Store$2")),
        (("_dispatch_12", "shop.bus"), ("_dispatch_7", "shop.bus")),
        (("Total.func1.2", "shop/cart"), ("Total.func3", "shop/cart")),
        (("<Total>d__12.MoveNext", "Shop.Cart"), ("<Total>d__4.MoveNext", "Shop.Cart")),
        (("Add[T](T item)", "Shop.List`1"), ("Add[Int32](Int32 item)", "Shop.List`1")),
        (("ns::List<int, std::less<int>>::at(int)", ""), ("ns::List<char>::at(char)", "")),
        (("cart::total::h0123456789abcdef", ""), ("cart::total::hfedcba9876543210", "")),
        (("total.constprop.0", "cart"), ("total", "cart")),
        (("get", "acme.Cart$$EnhancerBySpringCGLIB$$a1"), ("get", "acme.Cart$$EnhancerBySpringCGLIB$$c3")),
    ],
)  # fmt: skip
def test_a_generated_name_does_not_split_an_issue(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert key(error(in_module(*one))) == key(error(in_module(*other)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("total", "shop.cart"), ("count", "shop.cart")),
        (("total", "shop.cart"), ("total", "shop.order")),
        (("lambda$save$3", "com.acme.Store"), ("lambda$load$3", "com.acme.Store")),
        (("<init>", "com.acme.Store"), ("<clinit>x", "com.acme.Store")),
        (("step_1", "shop.run"), ("step_2", "shop.run")),
        (("operator<", "ns"), ("operator>", "ns")),
    ],
)
def test_names_that_people_wrote_keep_issues_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert key(error(in_module(*one))) != key(error(in_module(*other)))


def test_the_type_keeps_issues_apart_but_its_package_does_not() -> None:
    assert key(error(frame(), type="shop.errors.Gone")) == key(error(frame(), type="Gone"))
    assert key(error(frame(), type="Gone")) != key(error(frame(), type="Late"))


def test_how_deep_a_recursion_went_does_not_split_an_issue() -> None:
    walk, visit, leaf = frame("walk"), frame("visit"), frame("leaf")
    assert key(error(walk, visit, walk, visit, leaf)) == key(error(walk, visit, leaf))


def test_where_a_stack_overflowed_does_not_split_an_issue() -> None:
    walk, visit, hash_ = frame("walk"), frame("visit"), frame("hash")
    overflow = {"type": "RecursionError", "value": "maximum recursion depth exceeded"}
    keys = [key(error(*[walk, visit] * 50, *more, **overflow)) for more in ([], [walk], [walk, hash_])]
    assert keys[0] == keys[1] == keys[2]


def test_circles_of_as_many_calls_are_one_wherever_their_lines_are() -> None:
    overflow = {"type": "StackOverflowError", "value": ""}
    one, moved = [frame(lineno=3), frame(lineno=8)] * 50, [frame(lineno=4), frame(lineno=19)] * 50
    assert key(error(*one, **overflow)) == key(error(*moved, **overflow))
    assert key(error(*one, **overflow)) != key(error(*[frame(lineno=3)] * 100, **overflow))


class TestTests:
    test = frame("test_total", "/srv/shop/tests/test_cart.py", in_app=True)
    other = frame("test_empty", "/srv/shop/tests/test_cart.py", in_app=True)

    def test_a_test_is_only_how_a_mistake_was_met(self) -> None:
        assert key(error(self.test, frame())) == key(error(self.other, frame()))
        below = frame("callback", "/srv/shop/tests/helpers.py")
        assert key(error(self.test, frame(), below)) == key(error(frame()))

    def test_where_only_tests_are_known_their_file_decides(self) -> None:
        wrong_call = {"type": "TypeError", "value": "total() takes 1 positional argument"}
        assert key(error(self.test, **wrong_call)) == key(error(self.other, **wrong_call))

    def test_what_a_test_asserts_is_its_own(self) -> None:
        said = {"type": "AssertionError", "value": "assert 1 == 2"}
        assert key(error(self.test, **said)) != key(error(self.other, **said))

    def test_a_word_that_contains_test_is_no_test(self) -> None:
        latest = in_module("load", "com.acme.LatestOrders")
        assert key(error(in_module("main", "com.acme.Main"), latest))[2] == "acme.LatestOrders.load"


class TestHelpers:
    @pytest.mark.parametrize(
        "name",
        ["assertPositive", "checkNotNull", "requireNonNull", "fail", "syntaxError", "_raise", "throwIfEmpty"],
    )  # fmt: skip
    def test_who_called_a_helper_decides(self, name: str) -> None:
        assert key(error(frame("total"), frame(name)))[2:] == ["shop.cart.total"]
        assert key(error(frame("total"), frame("checkout")))[2:] == ["shop.cart.checkout"]

    def test_a_helper_alone_decides(self) -> None:
        assert key(error(frame("fail")))[2:] == ["shop.cart.fail"]

    def test_a_refused_argument_is_its_callers_mistake(self) -> None:
        refused = {"type": "IllegalArgumentException"}
        by_web, by_job = frame("show", "/srv/shop/views.py"), frame("run", "/srv/shop/jobs.py")
        assert key(error(by_web, frame(), **refused)) != key(error(by_job, frame(), **refused))


class TestChains:
    cause = error(frame("connect", "/srv/shop/db.py"), type="OSError", value="refused")

    def test_a_cause_decides_and_what_wraps_it_does_not(self) -> None:
        wrapped = error(in_module("run", "com.acme.Jobs"), type="JobException")
        inner = error(in_module("save", "com.acme.Store"), type="SQLException")
        assert key(wrapped, inner) == key(inner)

    def test_a_cause_in_a_library_has_the_place_of_what_encloses_it(self) -> None:
        library = error(in_module("receive", "org.postgresql.core.Query"), type="SQLException")
        assert key(error(in_module("save", "com.acme.Store")), library)[2:] == ["acme.Store.save"]

    def test_the_function_that_caught_an_exception_passes_it_on(self) -> None:
        wrapping = error(frame("show", "/srv/shop/views.py"), frame("connect", "/srv/shop/db.py"))
        assert key(wrapping, self.cause) == key(self.cause)

    def test_what_a_handler_failed_at_is_another_mistake(self) -> None:
        handler = error(frame("connect", "/srv/shop/db.py"), frame("notify", "/srv/shop/mail.py"))
        assert key(handler, self.cause) == key(handler)

    def test_a_group_is_its_first_member(self) -> None:
        group = error(frame("main", "/srv/shop/main.py"), type="ExceptionGroup")
        other = error(frame("other", "/srv/shop/other.py"))
        assert key(group, other, self.cause) == key(self.cause)


class TestMessages:
    def test_what_is_quoted_is_data_in_an_exception_of_ones_own(self) -> None:
        assert key(error(frame(), value="no 'a'")) == key(error(frame(), value="no 'b'"))

    def test_what_a_runtime_quotes_is_code(self) -> None:
        one, other = "Cannot read (reading 'price')", "Cannot read (reading 'name')"
        type = "TypeError"
        assert key(error(frame(), type=type, value=one)) != key(error(frame(), type=type, value=other))

    def test_what_stands_below_the_first_line_is_a_dump(self) -> None:
        assert key(error(frame(), value="no price\n a=1")) == key(error(frame(), value="no price\n b=2"))

    def test_where_the_message_says_nothing_the_line_of_source_does(self) -> None:
        one, other = frame(context_line="  assert a"), frame(context_line="assert  b")
        said = {"type": "AssertionError", "value": ""}
        assert key(error(one, **said)) != key(error(other, **said))
        assert key(error(one)) == key(error(other))
        minified = frame(context_line="a;" * 1000)
        assert key(error(minified, **said)) == key(error(frame(), **said))


class TestPlacesThatSayLittle:
    def test_a_minified_name_is_not_trusted(self) -> None:
        file = "https://a.test/js/main.js"
        assert key(error(frame("t", file))) == key(error(frame("Qe", file)))
        assert key(error(frame("t", "/srv/math.py"))) != key(error(frame("u", "/srv/math.py")))

    def test_beside_a_place_without_a_name_stands_the_first_that_has_one(self) -> None:
        anonymous = frame("<anonymous>", "/srv/cart.ts")
        assert key(error(frame("total", "/srv/cart.ts"), anonymous))[2:] == ["srv.cart", "srv.cart.total"]

    def test_browsers_name_the_same_function_in_their_own_ways(self) -> None:
        names = ("Object.total", "total", "Cart.total", "new total", "async total", "Cart.x [as total]")
        places = [key(error(frame(name, "/srv/cart.js"))) for name in names[:-1]]
        assert all(place == places[0] for place in places)

    def test_a_frameworks_own_failure_has_the_frameworks_place(self) -> None:
        library = in_module("read", "io.netty.channel.Socket", in_app=False)
        assert key(error(in_module("run", "java.lang.Thread"), library))[2:] == ["channel.Socket.read"]

    def test_without_any_known_place_the_message_decides(self) -> None:
        assert key(error(Frame(), Frame(lineno=3), value="'a'\nb"))[2:] == []


class TestText:
    stack = (
        "Traceback (most recent call last):\n"
        '  File "/srv/shop/cart.py", line 3, in total\n    x\n'
        "ValueError: no price\n"
    )

    def test_a_stack_as_text_groups_like_one_of_frames(self) -> None:
        assert key_of_text(self.stack) == key(error(frame()))

    def test_the_clients_word_for_the_type_counts(self) -> None:
        said = [ExceptionInfo(type="NoPrice", value="failed")]
        assert key_of_text(self.stack, exceptions=said)[0] == "NoPrice"

    def test_frames_count_more_than_the_text(self) -> None:
        assert key_of_text(self.stack, exceptions=[error(frame("other"))])[2] == "shop.cart.other"

    def test_a_stack_that_nobody_knows_leaves_the_message(self) -> None:
        assert key_of_text("segfault in module 17") == ["", "failed"]


def test_a_culprit_is_the_deciding_place_or_what_was_asked_for() -> None:
    asked = {"path": "/cart", "transaction": "show_cart"}
    assert (
        group_report(Report(message="no", exceptions=[error(frame())], **asked)).culprit == "shop.cart.total"
    )
    assert group_report(Report(message="no", **asked)).culprit == "show_cart"
    assert group_report(Report(message="no", path="/cart")).culprit == "/cart"


def test_hashes_are_of_the_type_the_message_and_three_places_in_that_order() -> None:
    frames = [frame(name) for name in ("outermost", "c", "b", "a")]
    one = group_report(Report(message="no", exceptions=[error(*frames)])).hashes
    other = group_report(Report(message="no", exceptions=[error(*frames[1:], type="KeyError")])).hashes
    assert len(one) == 5
    assert {len(part) for part in one} == {16}
    assert one[1:] == other[1:]
    assert one[0] != other[0]
    assert group_report(Report(message="no")).hashes[0] == ""


def test_a_clients_fingerprint_leaves_the_hashes_and_the_culprit() -> None:
    plain = group_report(Report(message="no", exceptions=[error(frame())]))
    named = group_report(Report(message="no", exceptions=[error(frame())], fingerprint=["mine"]))
    assert named.key_parts == ["mine"]
    assert (named.hashes, named.culprit) == (plain.hashes, plain.culprit)


names = st.text(max_size=30)
frames = st.builds(
    Frame,
    function=names,
    module=names,
    filename=names,
    abs_path=names,
    in_app=st.sampled_from([True, False, None]),
)
chains = st.lists(
    st.builds(ExceptionInfo, type=names, value=names, frames=st.lists(frames, max_size=5)), max_size=4
)


@given(chain=chains, line=st.integers())
def test_any_report_has_a_key_that_no_line_number_changes(chain: list[ExceptionInfo], line: int) -> None:
    moved = [
        ExceptionInfo(
            type=one.type,
            value=one.value,
            frames=[
                Frame(
                    function=f.function,
                    module=f.module,
                    filename=f.filename,
                    abs_path=f.abs_path,
                    in_app=f.in_app,
                    lineno=line,
                )
                for f in one.frames
            ],
        )
        for one in chain
    ]
    assert key(*chain) == key(*moved)
