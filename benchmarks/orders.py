"""From make_order to the notification of its fill: paper, durable, through the websocket.

The echo is the same library, bare, with the same requests; both servers have a process of their own
and take turns. An order counts as finished when it is told to be done, which is after its commit
and after its trade is told.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter
from typing import Final

import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.served import Served, echo, in_process, xwrap
from benchmarks.table import Figure
from exchange_wrapper.client import XWrapClient

_SECONDS: Final = 1.5  # of each turn
_ROUNDS: Final = 3
_WINDOW: Final = 64  # requests under way when they are pipelined
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
    rates: dict[int, list[tuple[float, float]]] = {1: [], _WINDOW: []}
    async with _connected(bare, ours) as (reference, orders):
        await _flood(orders, 1)
        await _flood(reference, 1)
        delays_ms = orders.delays_ms = []
        for _ in range(_ROUNDS):
            rates[1].append((await _flood(reference, 1), await _flood(orders, 1)))
        orders.delays_ms = []
        for _ in range(_ROUNDS):
            rates[_WINDOW].append((await _flood(reference, _WINDOW), await _flood(orders, _WINDOW)))
        orders.delays_ms = []
        await _pace(orders)
        paced_ms = orders.delays_ms
    figures = []
    for window, pairs in rates.items():
        kind = "one after the other" if window == 1 else f"{window} under way"
        for number, (echoes, finished) in enumerate(pairs, 1):
            note = f"{finished / echoes:.2f} of the echo (≥ 0.25 wanted)"
            figures.append(Figure(f"{number}: echoes, {kind}", echoes, "messages/s"))
            figures.append(Figure(f"{number}: orders, {kind}", finished, "orders/s", note))
    figures += _percentiles("one after the other", delays_ms, "")
    figures += _percentiles(f"at {_PACE} orders/s", paced_ms, "(< 10 wanted)")
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
        Figure(f"order to fill, {kind}: median", ordered[len(ordered) // 2], "ms"),
        Figure(f"order to fill, {kind}: p99", ordered[len(ordered) * 99 // 100], "ms", wanted),
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
