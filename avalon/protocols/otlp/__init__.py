"""OTLP: log records that warn or tell of an exception, and exceptions in spans, become reports.

wire, protobuf, json_mapping   the two encodings, read to `records`
origin, severity, values       what resources, scopes and attributes say
report                         a record as a submission
requests                       a request, and the ids of its reports
answers                        what is answered, in the request's encoding
"""

from avalon.protocols.otlp.answers import JSON, PROTOBUF
from avalon.protocols.otlp.requests import Outcome, decode_request

__all__ = ["JSON", "PROTOBUF", "Outcome", "decode_request"]
