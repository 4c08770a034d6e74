"""A program that only logs: the SDK makes events of errors and breadcrumbs of the rest."""

import logging

import sentry_sdk
import wire

assert wire
logging.basicConfig(level=logging.INFO, filename="app.log")
sentry_sdk.init(debug=True, traces_sample_rate=1.0, enable_logs=True, attach_stacktrace=True)
log = logging.getLogger("shop.orders")

log.info("order %d opened", 17, extra={"cart": {"items": 3}})
log.error("order %(id)s of %(who)s failed", {"id": "17", "who": "Ann"}, extra={"step": "pay"})
try:
    {}["price"]
except KeyError:
    log.exception("could not price %s, %d times", "a table", 3)
log.critical("the queue is full")
