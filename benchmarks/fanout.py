"""Notifications to 200 clients, one of which never reads.

The clients share one process; each notification carries the time at which it was sent, so its
delay includes the clients' own reading, which takes about as much of the machine as the sending.
"""

import asyncio
import contextlib
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.served import Served, in_process, xwrap
from benchmarks.table import Figure
from exchange_wrapper.client import XWrapClient

_CLIENTS: Final = 200
_COUNT: Final = 1_000
_PACE: Final = 50  # notifications/s, each to all clients
_SIZE: Final = 500  # bytes: about that of an order
_LARGE: Final = 1 << 19  # bytes
_LARGE_COUNT: Final = 80  # of these: more than may wait for one client


class _Message(msgspec.Struct):
    method: str = ""
    params: dict[str, Any] = {}


_read: Final = msgspec.json.Decoder(_Message).decode


def run() -> list[Figure]:
    with in_process(xwrap) as served:
        return uvloop.run(_measure(served))


async def _measure(served: Served) -> list[Figure]:
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                connect(
                    served.url,
                    compression=None,
                    proxy=None,
                    max_size=None,
                    max_queue=None,
                    additional_headers=served.headers,
                )
            )
            for _ in range(_CLIENTS - 1)
        ]
        stuck = await connect(
            served.url,
            compression=None,
            proxy=None,
            max_size=None,
            max_queue=1,
            ping_interval=None,
            additional_headers=served.headers,
        )
        stack.callback(stuck.transport.abort)
        stuck.transport.pause_reading()
        talker = await stack.enter_async_context(await XWrapClient.connect(served.url))
        before_mb = _memory_mb(served)
        delays_ms: list[float] = []
        hearing = [asyncio.create_task(_hear(client, delays_ms)) for client in clients]
        start = perf_counter()
        most_mb = before_mb
        for number in range(_COUNT):
            await asyncio.sleep(start + number / _PACE - perf_counter())
            await talker.echo_notify(sent_at=str(perf_counter()), padding="x" * _SIZE)
            most_mb = max(most_mb, _memory_mb(served))
        await asyncio.gather(*hearing)
        seconds = perf_counter() - start
        # Only the two that matter stay: what comes now is large.
        await asyncio.gather(*(client.close() for client in clients))
        reason, large_mb = await _cut_off(served, talker, stuck)
    delays_ms.sort()
    heard = len(delays_ms)
    assert heard == (_CLIENTS - 1) * _COUNT, heard
    rate = f"{heard / seconds:,.0f} messages/s arrived"
    return [
        Figure("delay of the others: median", delays_ms[heard // 2], "ms", rate),
        Figure("delay of the others: p99", delays_ms[heard * 99 // 100], "ms", "(< 100 wanted)"),
        Figure("memory of xWrap: more than before", most_mb - before_mb, "MB"),
        Figure("more until it is cut off", large_mb - before_mb, "MB", reason),
    ]


async def _hear(client: ClientConnection, delays_ms: list[float]) -> None:
    for _ in range(_COUNT):
        message = _read(await client.recv(decode=False))
        while message.method != "echo_ret":
            message = _read(await client.recv(decode=False))
        delays_ms.append((perf_counter() - float(message.params["sent_at"])) * 1e3)


async def _cut_off(
    served: Served, talker: XWrapClient, stuck: ClientConnection
) -> tuple[str, float]:
    """Send what is too much for the client that does not read; return why it was cut off."""
    most_mb = 0.0
    for _ in range(_LARGE_COUNT):
        await talker.echo_notify(padding="x" * _LARGE)
        most_mb = max(most_mb, _memory_mb(served))
    stuck.transport.resume_reading()
    try:
        while True:
            await stuck.recv(decode=False)
    except ConnectionClosed as closed:
        return (closed.rcvd.reason if closed.rcvd else "no reason"), most_mb


def _memory_mb(served: Served) -> float:
    pages = Path(f"/proc/{served.pid}/statm").read_text().split()[1]
    return int(pages) * 4096 / 1e6
