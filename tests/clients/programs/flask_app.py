"""A Flask application, its server, and a browser's request that fails."""

import threading

import flask
import httpx
import sentry_sdk
import werkzeug.serving
import wire

assert wire
sentry_sdk.init(
    debug=True, send_default_pii=True, traces_sample_rate=1.0, profiles_sample_rate=1.0, enable_logs=True
)
app = flask.Flask("shop")


@app.post("/orders/<int:order>/pay")
def pay(order: int) -> str:
    sentry_sdk.set_user({"id": "ann", "email": "ann@shop.example"})
    app.logger.warning("paying %d", order)
    amounts = flask.request.get_json()["amounts"]
    return str(sum(amounts) / len(amounts))


@app.get("/health")
def health() -> str:
    return "fine"


server = werkzeug.serving.make_server("127.0.0.1", 0, app)
threading.Thread(target=server.serve_forever).start()
with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
    client.cookies["session"] = "of a browser"
    assert client.get("/health").status_code == 200
    answer = client.post(
        "/orders/17/pay?step=2&lang=en",
        json={"amounts": [], "card": {"password": "hunter2"}},
        headers={"Authorization": "Basic YW5uOng=", "X-Forwarded-For": "192.0.2.7", "X-Request-Id": "r-1"},
    )
    assert answer.status_code == 500
server.shutdown()
