"""The JVM's stacks as text: causes, what was suppressed, class loaders."""

from __future__ import annotations

from avalon.grouping.stacks import parse_stack
from avalon.reports import Frame

CAUSED = """Exception in thread "main" java.lang.IllegalStateException: job failed: 17
\tat com.acme.jobs.Runner.run(Runner.java:20)
\tat com.acme.Main.main(Main.java:5)
\tSuppressed: java.io.IOException: close failed
\t\tat com.acme.X.close(X.java:3)
\t\t... 2 more
\tCaused by: java.lang.Error: of what was suppressed
\t\tat a.B.c(B.java:1)
Caused by: java.sql.SQLException: duplicate key
  Detail: (id)=(17)
\tat java.base/java.util.ArrayList.forEach(ArrayList.java:1511) ~[?:?]
\tat com.acme.jobs.Store$$Lambda$14/0x0000000800c8d440.accept(Unknown Source)
\tat app//com.acme.jobs.Store.<init>(Store.kt:88)
\tat java.lang.Object.wait(Native Method)
\t... 2 more
"""


def test_a_cause_stands_last_and_what_was_suppressed_is_left_out() -> None:
    error, cause = parse_stack(CAUSED)
    assert (error.module, error.type, error.value) == (
        "java.lang",
        "IllegalStateException",
        "job failed: 17",
    )
    assert (cause.type, cause.value) == ("SQLException", "duplicate key\n  Detail: (id)=(17)")
    assert [frame.function for frame in error.frames] == ["main", "run"]


def test_a_frames_module_has_no_class_loader() -> None:
    _, cause = parse_stack(CAUSED)
    assert list(reversed(cause.frames)) == [
        Frame(function="forEach", module="java.util.ArrayList", filename="ArrayList.java", lineno=1511),
        Frame(function="accept", module="com.acme.jobs.Store$$Lambda$14/0x0000000800c8d440"),
        Frame(function="<init>", module="com.acme.jobs.Store", filename="Store.kt", lineno=88),
        Frame(function="wait", module="java.lang.Object"),
    ]


def test_a_stack_without_its_first_line_is_one_without_a_type() -> None:
    (error,) = parse_stack("\tat com.acme.Main.main(Main.java:5)")
    assert (error.type, error.value, len(error.frames)) == ("", "", 1)
