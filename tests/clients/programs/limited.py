"""A key that has used up its minute: the SDK is told so, is silent that long, and sends again."""

import datetime

import sentry_sdk
import sentry_sdk.transport
import wire

assert wire
sentry_sdk.init(debug=True, send_client_reports=False)
client = sentry_sdk.get_client()


def is_limited() -> bool:
    return bool(client.transport._disabled_until)


# The log's minute may end between two of them.
sent = 0
while not is_limited() and sent < 5:
    sentry_sdk.capture_message(f"message {sent}")
    client.flush()
    sent += 1
assert is_limited()
print(sent)
for _ in range(3):
    sentry_sdk.capture_message("while it is silent")
    client.flush()

(until,) = client.transport._disabled_until.values()
print((until - datetime.datetime.now(datetime.UTC)).total_seconds())


class Later(datetime.datetime):
    """The SDK's clock, when the time that it was told is over."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return until + datetime.timedelta(seconds=1)


sentry_sdk.transport.datetime = Later
sentry_sdk.capture_message("and again")
client.flush()
