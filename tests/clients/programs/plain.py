"""A program without a framework: what it captures itself, and the exception that ends it."""

import sentry_sdk
import wire

assert wire

sentry_sdk.init(
    debug=True,
    server_name="web-1",
    dist="17",
    send_default_pii=True,
    traces_sample_rate=1.0,
    profiles_sample_rate=1.0,
    enable_logs=True,
    _experiments={"transport_compression_algo": "gzip"},
)


class PaymentError(Exception):
    """Of the program's own."""


def price_of(row: dict[str, int]) -> int:
    wanted = "price"
    return row[wanted]


def pay(order: int) -> None:
    try:
        price_of({"amount": 3})
    except KeyError as error:
        raise PaymentError(f"could not pay order {order}") from error


def import_all() -> None:
    def member(error: Exception, cause: Exception | None = None) -> Exception:
        try:
            raise error from cause
        except Exception as raised:
            return raised

    inner = ExceptionGroup("inner", [member(ImportError("a")), member(ImportError("b"))])
    raise ExceptionGroup("outer", [member(ValueError("123"), member(KeyError("cause"))), inner])


def main() -> None:
    sentry_sdk.set_tags({"region": "eu", "attempt": "3"})
    sentry_sdk.set_user({"id": 17, "email": "ann@shop.example", "plan": "pro", "ip_address": "192.0.2.7"})
    sentry_sdk.set_context("cart", {"items": 3, "empty": None})
    sentry_sdk.add_breadcrumb(category="cart", message="opened", level="info", data={"id": 17})
    scope = sentry_sdk.get_isolation_scope()
    scope.set_extra("coupon", ["SPRING", 2.5])
    scope.set_transaction_name("checkout")
    with sentry_sdk.start_transaction(op="task", name="checkout"), sentry_sdk.start_span(op="db", name="q"):
        sentry_sdk.logger.info("a structured log")
        sentry_sdk.capture_message("took 3 seconds", level="warning")
    sentry_sdk.get_client().flush()
    try:
        import_all()
    except ExceptionGroup as group:
        sentry_sdk.capture_exception(group, fingerprint=["imports", "{{ default }}"])
    sentry_sdk.add_breadcrumb(type="http", category="httplib", data={"url": "/pay", "status_code": 504})
    pay(17)


if __name__ == "__main__":
    main()
