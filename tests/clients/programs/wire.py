"""Writes down what Sentry's SDK really puts on the wire, and what it is told: a line of JSON a request."""

import base64
import json
from typing import Any

import urllib3

_request = urllib3.PoolManager.request


def _recorded(pool: Any, method: str, url: str, body: bytes, headers: dict[str, str]) -> Any:
    answer = _request(pool, method, url, body=body, headers=headers)
    said = {
        "url": url,
        "headers": headers,
        "body": base64.b64encode(body).decode(),
        "status": answer.status,
        "answer_headers": {name.lower(): value for name, value in answer.headers.items()},
    }
    with open("wire.jsonl", "a") as file:
        file.write(json.dumps(said) + "\n")
    return answer


urllib3.PoolManager.request = _recorded
