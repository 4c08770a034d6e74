"""OTLP: log records that warn or tell of an exception, and exceptions in spans, become reports.

signals                        what there is, and who reads it
wire, protobuf, json_mapping   the two encodings, read to `records`
origin, severity, values       what resources, scopes and attributes say
report                         a record as a submission
requests                       a request, and the ids of its reports
answers                        what is answered, in the request's encoding
"""

from avalon.protocols.otlp.answers import failure, success
from avalon.protocols.otlp.requests import Outcome, decode_request
from avalon.protocols.otlp.signals import JSON, LOGS, METRICS, PROTOBUF, SPANS, Signal

__all__ = [
    "JSON",
    "LOGS",
    "METRICS",
    "PROTOBUF",
    "SPANS",
    "Outcome",
    "Signal",
    "decode_request",
    "failure",
    "success",
]
