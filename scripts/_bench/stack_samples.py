"""Stacks of 30 frames as text, six of them the application's own, one for each language that is read."""

from __future__ import annotations

from typing import Final

_OWN: Final = range(6)
_LIBRARY: Final = range(6, 30)


def _python() -> str:
    line = '  File "/srv/app/{0}/step{1}.py", line {1}, in step_{1}\n    return self.call(a, b, number={1})\n'
    library = "venv/lib/python3.12/site-packages/django"
    frames = [line.format(library, n) for n in _LIBRARY] + [line.format("shop", n) for n in _OWN]
    return "Traceback (most recent call last):\n" + "".join(frames) + "KeyError: 'price'\n"


def _innermost_first(header: str, own: str, library: str) -> str:
    return header + "".join([own.format(n) for n in _OWN] + [library.format(n) for n in _LIBRARY])


SAMPLES: Final = {
    "Python": _python(),
    "V8": _innermost_first(
        "TypeError: Cannot read properties of undefined (reading 'price')\n",
        "    at Cart.step{0} (/app/src/cart{0}.js:{0}:12)\n",
        "    at Layer.handle{0} (/app/node_modules/express/lib/router/layer{0}.js:{0}:5)\n",
    ),
    "Firefox": _innermost_first(
        "", "step{0}@https://shop.test/cart.js:{0}:12\n", "handle{0}@https://shop.test/vendor/x.js:{0}:5\n"
    ),
    "Java": _innermost_first(
        "java.lang.IllegalStateException: job 17 failed\n",
        "\tat com.acme.shop.Cart{0}.total(Cart{0}.java:{0})\n",
        "\tat org.springframework.web.filter.Filter{0}.doFilter(Filter{0}.java:{0})\n",
    ),
    ".NET": _innermost_first(
        "System.InvalidOperationException: job 17 failed\n",
        "   at Shop.Cart{0}.Total(String id) in /src/Shop/Cart{0}.cs:line {0}\n",
        "   at Microsoft.AspNetCore.Mvc.Filter{0}.Next(State& next, Object& state)\n",
    ),
    "Go": _innermost_first(
        "panic: job 17 failed\n\ngoroutine 1 [running]:\n",
        "github.com/acme/shop.(*Cart{0}).Total(0xc0000b2000)\n\t/srv/shop/cart{0}.go:{0} +0x1d\n",
        "net/http.(*conn{0}).serve(0xc0000b2000)\n\t/usr/local/go/src/net/http/server.go:{0} +0x1d\n",
    ),
    "PHP": _innermost_first(
        "RuntimeException: job 17 failed in /app/src/Cart.php:3\nStack trace:\n",
        "#{0} /app/src/Cart{0}.php({0}): App\\Cart{0}->total(17)\n",
        "#{0} /app/vendor/laravel/framework/src/Pipeline{0}.php({0}): Illuminate\\Pipeline->next()\n",
    ),
    "Rust": _innermost_first(
        "\nthread 'main' panicked at src/cart0.rs:3:5:\njob 17 failed\nstack backtrace:\n",
        "   {0}: shop::cart{0}::Cart::total\n             at ./src/cart{0}.rs:{0}:5\n",
        "  {0}: <alloc::boxed::Box<F,A> as core::ops::function::Fn{0}<Args>>::call_once\n"
        "             at /rustc/07dca489ac2d933c/library/alloc/src/boxed{0}.rs:{0}:9\n",
    ),
    "Ruby": _innermost_first(
        "app/models/cart.rb:3:in 'total': job 17 failed (RuntimeError)\n",
        "\tfrom app/models/cart{0}.rb:{0}:in 'total{0}'\n",
        "\tfrom /usr/lib/ruby/gems/3.3.0/gems/rack-3.0/lib/rack{0}.rb:{0}:in 'call'\n",
    ),
}
