"""Threads: one that fails by itself, and workers of a pool that report."""

import threading
from concurrent.futures import ThreadPoolExecutor

import sentry_sdk
import wire

assert wire
sentry_sdk.init(debug=True, traces_sample_rate=1.0)
sentry_sdk.set_tag("job", "nightly")


def fail() -> None:
    raise TimeoutError("the queue took too long")


def work(number: int) -> None:
    with sentry_sdk.isolation_scope() as scope:
        scope.set_tag("number", number)
        try:
            [][number]
        except IndexError as error:
            sentry_sdk.capture_exception(error)


threading.excepthook = lambda _: None
thread = threading.Thread(target=fail, name="importer")
thread.start()
thread.join()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(work, range(10)))
