"""Whether a frame is the application's own, where the client does not say: by its path or its module.

What a package manager installed, the language's own library, a framework that calls the application, a test
runner: none of these is where an application's mistake is cured.
"""

from __future__ import annotations

import re
from typing import Final

# Folders of installed code. A place that clients write in angle brackets or as a scheme is no file of theirs.
_LIBRARY_PATH: Final = re.compile(
    r"^(?:<(?!string>|stdin>)|(?:module|events|timers|net|fs|domain|_\w+)\.js$|\[|node:|internal/|native\b|(?:chrome|moz|safari-web)-extension:|/usr/(?:lib|include)"
    r"|/lib(?:64)?/|/System/|/Library/|/apex/|/system/|/rustc/|/usr/src/rustc-|(?:src/lib(?:std|core|alloc)|library/(?:std|core|alloc)/src)/|[A-Za-z]:[/\\]Windows\b|webpack/(?:bootstrap|runtime))"
    r"|(?:^|[/\\])(?:site-packages|dist-packages|node_modules|bower_components|vendor|gems|\.cargo|cargo[/\\](?:registry|git)|rustlib|\.nuget|\.pub-cache"
    r"|[Gg][Oo][Rr][Oo][Oo][Tt]|pkg[/\\]mod|lib[/\\]python\d[\d.]*|lib[/\\]ruby|go[/\\]src[/\\](?:runtime|net|testing"
    r"|reflect|internal|sync|os|io|syscall|encoding|database|bufio|fmt|strconv|strings|bytes|context|time|sort|slices)"
    r"|\(?webpack\)?[/\\](?:bootstrap|runtime))(?:[/\\]|$)",
    re.ASCII,
)
_JVM: Final = (
    *("java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "kotlin.", "kotlinx.", "scala.", "groovy."),
    *("clojure.", "org.codehaus.groovy.", "android.", "androidx.", "com.android.", "dalvik.", "libcore."),
    *("org.springframework.", "org.hibernate.", "org.apache.catalina.", "org.apache.tomcat.", "io.netty."),
    *(
        "org.apache.coyote.",
        "org.eclipse.jetty.",
        "io.undertow.",
        "reactor.",
        "io.reactivex.",
        "rx.",
        "akka.",
    ),
    *(
        "io.vertx.",
        "io.quarkus.",
        "io.micronaut.",
        "com.fasterxml.jackson.",
        "com.google.common.",
        "okhttp3.",
    ),
    *("com.zaxxer.hikari.", "org.postgresql.", "com.mysql.", "oracle.jdbc.", "redis.clients.", "retrofit2."),
    *(
        "org.apache.maven.",
        "org.gradle.",
        "org.junit.",
        "junit.",
        "org.testng.",
        "org.mockito.",
        "net.bytebuddy.",
    ),
    *("org.hamcrest.", "org.assertj.", "org.slf4j.", "ch.qos.logback.", "org.apache.logging."),
)
_DOTNET: Final = (
    *("System.", "Microsoft.", "MS.", "Mono.", "Newtonsoft.", "Npgsql.", "Xunit.", "NUnit.", "Castle."),
    *("MediatR.", "Polly.", "Serilog.", "Autofac.", "Dapper.", "UnityEngine.", "Xamarin."),
)
# The first names of Go's own packages; the others' begin with a host, or are a program's own.
_GO: Final = frozenset(
    (
        *("runtime", "net", "testing", "reflect", "sync", "os", "io", "syscall", "encoding", "database"),
        *("bufio", "fmt", "strconv", "strings", "bytes", "context", "time", "errors", "sort", "slices"),
        *("compress", "crypto", "html", "text", "log", "math", "regexp", "internal", "path", "maps"),
    )
)
_PYTHON: Final = (
    *(
        "asyncio",
        "concurrent",
        "threading",
        "multiprocessing",
        "runpy",
        "importlib",
        "unittest",
        "contextlib",
    ),
    *("json", "socket", "ssl", "http", "urllib", "logging", "subprocess", "functools", "selectors", "pytest"),
    *("_pytest", "pluggy", "django", "rest_framework", "flask", "werkzeug", "celery", "kombu", "sqlalchemy"),
    *("starlette", "fastapi", "uvicorn", "gunicorn", "requests", "urllib3", "aiohttp", "httpx", "psycopg"),
)
_MODULE_PREFIXES: Final = (*_JVM, *_DOTNET)
_RUST: Final = ("std::", "core::", "alloc::", "panic_unwind::", "__rustc")
_PACKAGES: Final = frozenset((*_PYTHON, "node"))
_NATIVE: Final = re.compile(r"\.(?:so(?:\.[\d.]+)?|dylib|dll)$|^lib[\w+-]+$", re.ASCII | re.IGNORECASE)


def is_library(module: str, filename: str, abs_path: str) -> bool:
    """Whether the place of a frame is somebody else's code; an unknown place is the application's."""
    path = abs_path or filename
    if _LIBRARY_PATH.search(path) or (abs_path and filename and _LIBRARY_PATH.search(filename)):
        return True
    if not module:
        return _NATIVE.search(path) is not None
    if path.endswith(".go"):
        return module.partition("/")[0] in _GO
    return (
        _is_library_module(module, has_path="/" in path or "\\" in path) or _NATIVE.search(module) is not None
    )


def _is_library_module(module: str, *, has_path: bool) -> bool:
    """Python's packages and Rust's crates have plain names, so a path that is no library's outweighs them."""
    if module.startswith(_MODULE_PREFIXES):
        return True
    return not has_path and (module.partition(".")[0] in _PACKAGES or module.startswith(_RUST))
