""".NET's stacks as text: inner exceptions, awaits, generics."""

from __future__ import annotations

from avalon.grouping.stacks import parse_stack

NESTED = """Unhandled exception. System.InvalidOperationException: Order failed
 ---> System.ArgumentNullException: Value cannot be null. (Parameter 'id')
   at Shop.Orders.Find(String id) in C:\\src\\Shop\\Orders.cs:line 12
   at Shop.Orders.<LoadAsync>d__12.MoveNext() in /src/Shop/Orders.cs:line 30
--- End of stack trace from previous location ---
   at System.Threading.Tasks.Task.Wait(Int32 timeout)
   --- End of inner exception stack trace ---
   at Shop.Web.Page.Show() in /src/Shop/Page.cs:line 3
   at System.Collections.Generic.List`1.ForEach(Action`1 action)
"""


def test_inner_exceptions_frames_stand_first() -> None:
    outer, inner = parse_stack(NESTED)
    assert (outer.module, outer.type, outer.value) == ("System", "InvalidOperationException", "Order failed")
    assert (inner.type, inner.value) == ("ArgumentNullException", "Value cannot be null. (Parameter 'id')")
    assert [frame.function for frame in outer.frames] == ["ForEach", "Show"]
    assert [(f.function, f.module, f.filename, f.lineno) for f in reversed(inner.frames)] == [
        ("Find", "Shop.Orders", "C:\\src\\Shop\\Orders.cs", 12),
        ("<LoadAsync>d__12", "Shop.Orders", "/src/Shop/Orders.cs", 30),
        ("Wait", "System.Threading.Tasks.Task", "", None),
    ]


def test_a_stack_without_places_is_known_by_its_parameters() -> None:
    (error,) = parse_stack(
        "System.NullReferenceException: Object reference not set\n"
        "   at Shop.Pages.IndexModel.OnGet()\n   at Microsoft.AspNetCore.Mvc.Run(Object a, Int32 b)"
    )
    assert [(frame.module, frame.function) for frame in error.frames] == [
        ("Microsoft.AspNetCore.Mvc", "Run"),
        ("Shop.Pages.IndexModel", "OnGet"),
    ]


def test_an_aggregates_first_inner_exception_is_the_inner_one() -> None:
    outer, inner = parse_stack(
        "System.AggregateException: One or more errors occurred. (no)\n ---> Shop.Gone: no\n"
        "   at Shop.Cart.Total() in /s/Cart.cs:line 1\n"
        "   --- End of inner exception stack trace ---\n"
        "   at Shop.Main.Run() in /s/Main.cs:line 2\n"
        " ---> (Inner Exception #0) Shop.Gone: no\n   at Shop.Cart.Total() in /s/Cart.cs:line 1<---\n"
    )
    assert (outer.type, inner.type) == ("AggregateException", "Gone")
    assert [frame.function for frame in inner.frames] == ["Total"]
