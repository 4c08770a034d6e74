"""Sentry events for tests: one that has everything, and a short way to decode others."""

from __future__ import annotations

import json
from typing import Any

from avalon.protocols.sentry import decode_event
from avalon.protocols.submission import Submission
from avalon.reports import Report

ID = "0b9f7f3e5f2f4c8e9d613f1f4e1c2a77"


def decode(**fields: Any) -> Submission:
    return decode_event(json.dumps(fields).encode())


def report_of(**fields: Any) -> Report:
    return decode(**fields).report


def full_event() -> dict[str, Any]:
    """An event with every field that is read, in its usual form."""
    return {
        "event_id": ID,
        "timestamp": "2026-11-02T10:11:12.123Z",
        "level": "fatal",
        "platform": "python",
        "logger": "shop.orders",
        "transaction": "/orders/{id}",
        "culprit": "shop.orders in pay",
        "server_name": "web-1",
        "release": "shop@1.4.2",
        "dist": "17",
        "environment": "prod",
        "sdk": {"name": "sentry.python", "version": "2.75.0"},
        "tags": {"browser": "Firefox"},
        "user": {"id": 17, "email": "a@b.c", "ip_address": "192.0.2.7", "plan": "pro"},
        "request": {
            "url": "https://shop.example/orders/17?step=2",
            "method": "POST",
            "headers": [["Host", "shop.example"], ["Authorization", "Basic abc"]],
            "query_string": "step=2&token=abc",
            "cookies": "session=abc",
            "data": {"amount": 3},
            "env": {"SERVER_NAME": "web-1"},
        },
        "breadcrumbs": {"values": [{"category": "db", "message": "SELECT 1", "data": {"rows": 1}}]},
        "contexts": {"runtime": {"name": "CPython", "version": "3.12.1"}},
        "extra": {"cart": {"items": 3}},
        "modules": {"django": "5.2"},
        "fingerprint": ["{{ default }}", "orders"],
        "checksum": "abc",
        "logentry": {"message": "order %s failed", "params": ["17"], "formatted": "order 17 failed"},
        "exception": {
            "values": [
                {
                    "type": "KeyError",
                    "value": "'price'",
                    "module": "builtins",
                    "thread_id": 1,
                    "mechanism": {"type": "chained", "handled": True, "exception_id": 1, "parent_id": 0},
                    "stacktrace": {
                        "frames": [
                            {
                                "function": "pay",
                                "module": "shop.orders",
                                "filename": "shop/orders.py",
                                "abs_path": "/srv/shop/orders.py",
                                "lineno": 17,
                                "colno": 3,
                                "in_app": True,
                                "context_line": "    total = row['price']",
                                "pre_context": ["def pay(row):"],
                                "post_context": ["    return total"],
                                "vars": {"row": {}},
                                "package": "shop",
                                "instruction_addr": "0x1000",
                            },
                        ]
                    },
                },
                {
                    "type": "PaymentError",
                    "value": "could not pay",
                    "mechanism": {"type": "django", "handled": False, "exception_id": 0, "data": {"code": 1}},
                    "stacktrace": {"frames": [{"function": "view", "lineno": 5}]},
                    "raw_stacktrace": {"frames": [{"function": "v", "lineno": 1}]},
                },
            ]
        },
        "stacktrace": {"frames": [{"function": "log"}]},
        "threads": {"values": [{"id": 1, "name": "main", "crashed": True, "stacktrace": {"frames": []}}]},
        "template": {"filename": "pay.html", "lineno": 3, "context_line": "{{ price }}"},
        "csp": {"effective_directive": "script-src", "blocked_uri": "https://evil.example/x.js"},
        "debug_meta": {"images": []},
    }
