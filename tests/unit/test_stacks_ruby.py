"""Ruby's backtraces as text, with the quotes of before and after 3.4."""

from __future__ import annotations

from avalon.grouping.stacks import parse_stack

CAUSED = """app/models/cart.rb:12:in 'Cart#total': undefined method 'price' for nil (NoMethodError)
\tfrom app/models/cart.rb:8:in 'block in Cart#sum'
\tfrom /usr/lib/ruby/gems/3.3.0/gems/rack-3.0/lib/rack.rb:1:in `call'
app/x.rb:3:in 'load': bad (Shop::KeyError)
\tfrom app/x.rb:9:in '<main>'
"""


def test_a_cause_stands_last() -> None:
    error, cause = parse_stack(CAUSED)
    assert (error.type, error.value) == ("NoMethodError", "undefined method 'price' for nil")
    assert (cause.type, cause.value) == ("Shop::KeyError", "bad")
    assert [(f.function, f.filename, f.lineno) for f in reversed(error.frames)] == [
        ("Cart#total", "app/models/cart.rb", 12),
        ("block in Cart#sum", "app/models/cart.rb", 8),
        ("call", "/usr/lib/ruby/gems/3.3.0/gems/rack-3.0/lib/rack.rb", 1),
    ]


def test_a_bare_backtrace_has_frames_only() -> None:
    (error,) = parse_stack("/srv/cart.rb:12:in `total'\nC:/srv/cart.rb:8:in `block in sum'\n")
    assert (error.type, error.value) == ("", "")
    assert [frame.filename for frame in error.frames] == ["C:/srv/cart.rb", "/srv/cart.rb"]
