"""Whose code a frame is in, where the client does not say."""

from __future__ import annotations

import pytest

from avalon.grouping.in_app import is_library


@pytest.mark.parametrize(
    "path",
    [
        "/srv/venv/lib/python3.12/site-packages/django/http.py",
        "/usr/lib/python3/dist-packages/yaml/reader.py",
        "/usr/lib/python3.12/threading.py",
        "/opt/python/lib/python3.11/json/decoder.py",
        "<frozen importlib._bootstrap>",
        "/app/node_modules/express/lib/router.js",
        "C:\\app\\node_modules\\koa\\index.js",
        "node:internal/process/task_queues",
        "internal/modules/cjs/loader.js",
        "events.js",
        "webpack/bootstrap",
        "webpack:///webpack/runtime/jsonp",
        "<anonymous>",
        "[native code]",
        "chrome-extension://abc/inject.js",
        "/usr/local/go/src/runtime/panic.go",
        "/root/go/pkg/mod/github.com/gin-gonic/gin@v1.9.1/context.go",
        "/app/vendor/laravel/framework/src/Pipeline.php",
        "/usr/local/bundle/gems/rack-3.0/lib/rack.rb",
        "/rustc/90b35a6239c3d8bd/library/std/src/panicking.rs",
        "/home/x/.cargo/registry/src/tokio-1.0/src/lib.rs",
        "/usr/local/cargo/registry/src/index.crates.io-6f17d22bba15001f/tokio-1.35.1/src/runtime/park.rs",
        "/home/x/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/option.rs",
        "/usr/src/rustc-1.63.0/library/core/src/option.rs",
        "library/std/src/panicking.rs",
        "src/libcore/panicking.rs",
        "/usr/lib/system/libsystem_kernel.dylib",
        "C:\\Windows\\System32\\ntdll.dll",
        "/lib64/libc.so.6",
    ],
)
def test_a_librarys_path_is_known(path: str) -> None:
    assert is_library("", path, "")
    assert is_library("", path.rpartition("/")[2], path)


@pytest.mark.parametrize(
    "module",
    [
        *("java.util.ArrayList", "javax.servlet.Filter", "kotlin.Lazy", "scala.Option", "jdk.internal.X"),
        *("org.springframework.web.Filter", "org.junit.Assert", "System.Linq.Enumerable"),
        *("Microsoft.AspNetCore.Mvc.X", "django.core.handlers", "asyncio.events", "_pytest.runner"),
        *("core::panicking", "std::io::stdio", "alloc::vec::Vec", "__rustc"),
    ],
)
def test_a_librarys_module_is_known(module: str) -> None:
    assert is_library(module, "", "")


@pytest.mark.parametrize(
    ("module", "path"),
    [
        ("", "/srv/shop/cart.py"),
        ("", "/usr/local/app/cart.py"),
        ("", "/app/src/vendors.js"),
        ("", "webpack:///./src/cart.ts"),
        ("", "https://shop.test/static/main.js"),
        ("", "<string>"),
        ("", ""),
        ("javafx2.Cart", "Cart.java"),
        ("com.acme.java.Cart", "Cart.java"),
        ("Systems.Cart", ""),
        ("json.cart", "/srv/shop/json/cart.py"),
        ("github.com/acme/net", "/home/x/net/cart.go"),
        ("main", "/home/x/main.go"),
        ("core::cart", "./core/src/cart.rs"),
        ("shop::core", ""),
        ("core", ""),
        ("shop", "/opt/shop/bin/shop.exe"),
    ],
)
def test_the_applications_own_is_not_taken_for_a_library(module: str, path: str) -> None:
    assert not is_library(module, path, "")


def test_gos_own_packages_are_known_wherever_go_is_installed() -> None:
    assert is_library("net/http", "/opt/go1.24/src/net/http/server.go", "")
    assert is_library("runtime", "/opt/go1.24/src/runtime/panic.go", "")
