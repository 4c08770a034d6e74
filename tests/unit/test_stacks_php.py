"""PHP's stacks as text: a line says where a call was made, so functions move up by one."""

from __future__ import annotations

from avalon.grouping.stacks import parse_stack

CHAINED = """PHP Fatal error:  Uncaught RuntimeException: db in down in /app/src/Db.php:12
Stack trace:
#0 /app/src/Repo.php(40): App\\Db->query('select (1)', Array)
#1 [internal function]: App\\Repo->find(1)
#2 /app/vendor/laravel/framework/src/X.php(3): call_user_func(Object(Closure))
#3 {main}

Next App\\Failed: no orders in /app/src/Orders.php:9
Stack trace:
#0 /app/public/index.php(5): App\\Orders->list()
#1 {main}
  thrown in /app/src/Orders.php on line 9"""


def test_the_one_raised_first_stands_last_and_functions_are_where_they_ran() -> None:
    outer, inner = parse_stack(CHAINED)
    assert (outer.module, outer.type, outer.value) == ("App", "Failed", "no orders")
    assert (inner.type, inner.value) == ("RuntimeException", "db in down")
    assert [(f.function, f.filename, f.lineno) for f in reversed(inner.frames)] == [
        ("App\\Db->query", "/app/src/Db.php", 12),
        ("App\\Repo->find", "/app/src/Repo.php", 40),
        ("call_user_func", "", None),
        ("{main}", "/app/vendor/laravel/framework/src/X.php", 3),
    ]
    assert [(f.function, f.lineno) for f in outer.frames] == [("{main}", 5), ("App\\Orders->list", 9)]


def test_a_bare_trace_has_neither_type_nor_the_innermost_place() -> None:
    (error,) = parse_stack("#0 /app/src/Repo.php(40): App\\Db->query('x')\n#1 {main}")
    assert (error.type, error.value) == ("", "")
    assert [(f.function, f.filename) for f in error.frames] == [
        ("{main}", "/app/src/Repo.php"),
        ("App\\Db->query", ""),
    ]
