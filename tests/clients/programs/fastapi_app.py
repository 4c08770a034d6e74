"""A FastAPI application under uvicorn: requests that fail in an async handler, and in one in a thread."""

import asyncio
import socket

import fastapi
import httpx
import pydantic
import sentry_sdk
import uvicorn
import wire

assert wire
sentry_sdk.init(
    debug=True, send_default_pii=True, traces_sample_rate=1.0, profiles_sample_rate=1.0, enable_logs=True
)
app = fastapi.FastAPI()


class Payment(pydantic.BaseModel):
    amount: int
    api_key: str


@app.post("/orders/{order}/pay")
async def pay(order: int, payment: Payment) -> float:
    sentry_sdk.set_tag("order", order)
    return payment.amount / 0


@app.get("/orders/{order}")
def show(order: int, password: str) -> None:
    raise LookupError(f"no order {order}")


async def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        said = {"amount": 3, "api_key": "abcdef"}
        secrets = {"X-Api-Key": "abcdef", "Authorization": "Basic YW5uOng=", "Cookie": "session=hunter2"}
        answer = await client.post("/orders/17/pay", json=said, headers=secrets)
        assert answer.status_code == 500
        assert (await client.get("/orders/18", params={"password": "x"})).status_code == 500
        assert (await client.get("/orders/none")).status_code == 422
    server.should_exit = True
    await serving


asyncio.run(main())
