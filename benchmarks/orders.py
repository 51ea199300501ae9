"""From make_order to the notification of its fill: paper, durable, through the websocket.

The echo is the same library, bare, with the same requests; both servers have a process of their own
and take turns. An order counts as finished when it is told to be done, which is after its commit
and after its trade is told.

*Sequential* is one client that waits for each order before it sends the next: every order pays for
a commit of its own. *In flight* is so many orders at any time, as of several clients: they share
commits. Each is compared with as many echoes in flight, and with the sequential echo.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from time import perf_counter
from typing import Final

import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.served import Served, echo, in_process, xwrap
from benchmarks.table import Figure
from exchange_wrapper.client import XWrapClient

_SECONDS: Final = 1.0  # of each turn
_ROUNDS: Final = 3
_IN_FLIGHT: Final = (1, 8, 32)
_WANTED: Final = 0.25  # of the echo
_PACE: Final = 200  # orders/s
_PACED: Final = 1000


class _Message(msgspec.Struct):
    id: str = ""
    method: str = ""
    params: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")


class _Order(msgspec.Struct):
    status: str
    client_order_id: str


_read_message: Final = msgspec.json.Decoder(_Message).decode
_read_order: Final = msgspec.json.Decoder(_Order).decode


class Server:
    """A connection on which numbered market orders are sent and come back finished."""

    def __init__(self, connection: ClientConnection, wallet_set_id: int, is_echo: bool) -> None:
        self._connection = connection
        self._wallet_set_id = wallet_set_id
        self._is_echo = is_echo
        self._sent_at: dict[str, float] = {}
        self.count = 0
        self.delays_ms: list[float] = []

    async def send(self) -> None:
        self.count += 1
        oid = str(self.count)
        self._sent_at[oid] = perf_counter()
        request = (
            f'{{"jsonrpc":"2.0","id":"{oid}","method":"make_order","params":{{"run_id":"bench",'
            f'"exchange":"quiet","client_oid":"{oid}","type":"market","pair":"BTC_USD",'
            f'"size":"0.0001","side":"buy","wallet_set_id":{self._wallet_set_id}}}}}'
        )
        await self._connection.send(request)

    async def finish(self) -> None:
        """Wait until any one order is finished."""
        while True:
            message = _read_message(await self._connection.recv(decode=False))
            assert not bytes(message.error), bytes(message.error)
            oid = ""
            if self._is_echo:
                oid = message.id
            elif message.method == "order":
                order = _read_order(message.params)
                oid = order.client_order_id if order.status == "done" else ""
            if oid:
                self.delays_ms.append((perf_counter() - self._sent_at.pop(oid)) * 1e3)
                return


def run() -> list[Figure]:
    with in_process(echo) as bare, in_process(xwrap) as ours:
        return uvloop.run(_measure(bare, ours))


async def _measure(bare: Served, ours: Served) -> list[Figure]:
    figures = []
    async with _connected(bare, ours) as (reference, orders):
        await _flood(orders, 1)
        sequential = 0.0
        for window in _IN_FLIGHT:
            orders.delays_ms = []
            rounds = [
                (await _flood(reference, window), await _flood(orders, window))
                for _ in range(_ROUNDS)
            ]
            echoes, finished = (median(rates) for rates in zip(*rounds, strict=True))
            sequential = sequential or echoes
            kind = "sequential" if window == 1 else f"{window} in flight"
            ratio = f"{finished / echoes:.2f} of as many echoes"
            if window > 1:
                ratio += f", {finished / sequential:.2f} of the sequential echo"
            figures.append(Figure(f"echo, {kind}", echoes, "messages/s"))
            note = f"{ratio} (≥ {_WANTED} wanted)"
            figures.append(Figure(f"orders, {kind}", finished, "orders/s", note))
            figures += _percentiles(kind, orders.delays_ms, "")
        orders.delays_ms = []
        await _pace(orders)
        figures += _percentiles(f"at {_PACE} orders/s", orders.delays_ms, "(< 10 wanted)")
    return figures


async def _flood(server: Server, window: int) -> float:
    """Keep so many orders under way for a while and return how many finished per second."""
    start, first = perf_counter(), server.count
    for _ in range(window):
        await server.send()
    while perf_counter() - start < _SECONDS:
        await server.finish()
        await server.send()
    for _ in range(window):
        await server.finish()
    return (server.count - first) / (perf_counter() - start)


async def _pace(server: Server) -> None:
    async def finish_all() -> None:
        for _ in range(_PACED):
            await server.finish()

    finishing = asyncio.create_task(finish_all())
    start = perf_counter()
    for number in range(_PACED):
        await asyncio.sleep(start + number / _PACE - perf_counter())
        await server.send()
    await finishing


def _percentiles(kind: str, delays_ms: list[float], wanted: str) -> list[Figure]:
    ordered = sorted(delays_ms)
    return [
        Figure(f"  to the fill, {kind}: p50", ordered[len(ordered) // 2], "ms"),
        Figure(f"  to the fill, {kind}: p99", ordered[len(ordered) * 99 // 100], "ms", wanted),
    ]


@asynccontextmanager
async def _connected(bare: Served, ours: Served) -> AsyncIterator[tuple[Server, Server]]:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(await XWrapClient.connect(ours.url))
        while (await client.get_exchanges())[0]["status"] != "ready":  # noqa: ASYNC110 - over there
            await asyncio.sleep(0.05)
        wallet_set = await client.create_wallet_set("bench", [("quiet", "USD", "900000")])
        await client.close()  # so that only one connection is told of orders
        servers = []
        for served in (bare, ours):
            connection = connect(
                served.url,
                compression=None,
                proxy=None,
                max_size=None,
                additional_headers=served.headers,
            )
            opened = await stack.enter_async_context(connection)
            servers.append(Server(opened, wallet_set, served is bare))
        yield servers[0], servers[1]
