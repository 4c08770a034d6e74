"""Go's panics as text: goroutines, what was recovered, created by."""

from __future__ import annotations

from avalon.grouping.stacks import parse_stack

PANIC = """panic: runtime error: index out of range [5] with length 3 [recovered]
\tpanic: again

goroutine 1 [running]:
testing.tRunner.func1.2({0x5239e0, 0xc0000b4018})
\t/usr/local/go/src/testing/testing.go:1545 +0x238
panic({0x5239e0?, 0xc0000b4018?})
\t/usr/local/go/src/runtime/panic.go:914 +0x21f
github.com/acme/shop/cart.(*Cart).Total(0xc0000b2000, {0x0, 0x0})
\t/home/x/shop/cart/cart.go:12 +0x1d
main.main.func1()
\t/home/x/shop/main.go:9 +0x18
created by main.start in goroutine 1
\t/home/x/shop/main.go:8 +0x18

goroutine 7 [select]:
main.other()
\t/home/x/y.go:1
"""


def test_the_first_panic_stands_last_and_the_frames_begin_below_it() -> None:
    again, first = parse_stack(PANIC)
    assert (again.type, again.value) == ("panic", "again")
    assert (first.type, first.value) == ("runtime error", "index out of range [5] with length 3")
    assert [(f.module, f.function, f.filename, f.lineno) for f in reversed(again.frames)] == [
        ("github.com/acme/shop/cart", "(*Cart).Total", "/home/x/shop/cart/cart.go", 12),
        ("main", "main.func1", "/home/x/shop/main.go", 9),
        ("main", "start", "/home/x/shop/main.go", 8),
    ]


def test_a_wrapped_errors_stack_has_no_goroutine() -> None:
    (error,) = parse_stack("no order\nmain.load\n\t/home/x/main.go:12\nmain.main\n\t/home/x/main.go:3")
    assert [frame.function for frame in error.frames] == ["main", "load"]
