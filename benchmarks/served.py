"""Servers in processes of their own, as they are in use: xWrap, and a bare echo."""

import asyncio
import contextlib
import json
import multiprocessing
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket

from exchange_wrapper.config import Config, Settings
from exchange_wrapper.db import create_database
from exchange_wrapper.models import MODELS
from exchange_wrapper.service.server import serve, tune_interpreter
from exchange_wrapper.users.local_token import token_for

__all__ = ["Served", "echo", "in_process", "xwrap"]

_START_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is up."""

    url: str
    pid: int

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a client on this machine."""
        token = token_for(self.url)
        return {"Authorization": f"Bearer {token}"} if token else {}


@contextmanager
def in_process(server: Callable[[], AbstractAsyncContextManager[str]]) -> Iterator[Served]:
    """Run a server, which yields its address, in a new process within the block."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(server, theirs))
    process.start()
    theirs.close()
    try:
        assert ours.poll(_START_S_MAX), "the server did not start"
        assert process.pid is not None
        yield Served(ours.recv(), process.pid)
    finally:
        ours.close()
        process.join()


def _run(server: Callable[[], AbstractAsyncContextManager[str]], pipe: Connection) -> None:
    async def work() -> None:
        async with server() as url:
            pipe.send(url)
            with contextlib.suppress(EOFError):  # which is how we are told to end
                await asyncio.to_thread(pipe.recv)

    uvloop.run(work())


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """Serve the bare library: every message comes back."""

    async def answer(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve_websocket(answer, "127.0.0.1", 0, compression=None) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def xwrap() -> AsyncIterator[str]:
    """Serve xWrap's JSON-RPC on an exchange that is always the same."""
    with tempfile.TemporaryDirectory() as folder:
        async with serve(_settings(Path(folder)), show=lambda _: None) as running:
            tune_interpreter()  # as the command line does
            yield running.rpc_url


def _settings(folder: Path) -> Settings:
    database, file = folder / "xwrap.db", folder / "settings.json"
    create_database(database, MODELS)
    exchange = {
        "mode": "paper",
        "class": "benchmarks.quiet_exchange.QuietExchange",
        "latency_ms": 0,
    }
    file.write_text(json.dumps({"currencies": ["BTC", "USD"], "exchanges": {"quiet": exchange}}))
    environ = {
        "SQLITE_DB": str(database),
        "TIMESERIES_DB": str(folder / "timeseries.db"),
        "RPC_PORT": "0",
        "WEB_PORT": "0",
    }
    config = Config(environ=environ)
    config.load(file)
    return Settings.from_config(config)
