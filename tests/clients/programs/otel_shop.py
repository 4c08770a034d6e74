"""A shop that is watched by OpenTelemetry: logs, traces and metrics, all configured by the environment."""

import contextlib
import logging
import sys

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# What the SDK has to complain of.
own = logging.getLogger("opentelemetry")
own.addHandler(logging.StreamHandler(sys.stderr))
own.propagate = False

traces = TracerProvider()
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(traces)
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
logging.getLogger().addHandler(LoggingHandler(logger_provider=logs))
logging.getLogger().setLevel(logging.INFO)
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
metrics.set_meter_provider(meters)

logger = logging.getLogger("shop.orders")
tracer = trace.get_tracer("shop.tracer")


class PaymentError(Exception):
    pass


def pay(order):
    return order["price"]


def handle():
    with tracer.start_as_current_span("POST /orders/{id}") as span:
        span.set_attributes({"http.request.method": "POST", "url.path": "/orders/17", "user.id": "ada"})
        try:
            pay({})
        except KeyError as error:
            logger.exception("could not pay order %d", 17, extra={"sku": "A-1"})
            raise PaymentError("declined") from error


def main(count):
    metrics.get_meter("shop").create_counter("orders").add(1)
    logger.info("the shop is open")
    for number in range(count):
        logger.warning("stock of %s is low", "tea", extra={"left": number})
    with contextlib.suppress(PaymentError):
        handle()
    for provider in (traces, logs, meters):
        provider.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
