"""The server with all its parts, in one event loop."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from cryptick.editing.drafts import Drafts
from cryptick.server.following import Following
from cryptick.server.gate import Gate
from cryptick.server.login import add_login
from cryptick.server.metrics import Metrics
from cryptick.server.pages import Pages
from cryptick.server.runnables import Runnables
from cryptick.server.service import ABOUT, CryptickService
from cryptick.server.settings import Settings
from cryptick.server.store import RunStore
from cryptick.server.supervisor import Supervisor
from cryptick.server.sweeps import SweepStore
from cryptick.server.xwrap import XWrap
from exchange_wrapper.errors import Unavailable
from exchange_wrapper.times import UtcNs, to_iso
from serving.durations import LoopLag
from serving.hosts import Hosts
from serving.http_server import HttpServer
from serving.page_files import add_page
from serving.registry import Api, Caller
from serving.socketio_server import SocketIoServer
from serving.wire import encode

__all__ = ["Running", "serve"]

_log = logging.getLogger("cryptick.server")

_PROMOTED: Final = "promoted"  # below the drafts, where no directory of strategies is set
_AUDIT: Final = "changes.jsonl"
_TOLD_MAX: Final = 2_000  # characters of one call's arguments in the record of changes


@dataclass(frozen=True)
class Running:
    """A server that is up, and its address."""

    supervisor: Supervisor
    gate: Gate
    url: str


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Running]:
    """Run the server as long as the context lasts; the runs it starts outlast it.

    Raises
    ------
    XWrapError
        It can't start; the message says why.
    """
    async with AsyncExitStack() as stack:
        root = _root(settings.runs)
        record = stack.enter_context((root / _AUDIT).open("ab", buffering=0))
        sock = stack.enter_context(_listen(settings.host, settings.port))
        host, port = sock.getsockname()[:2]
        gate = Gate(settings.xwrap_http, time.monotonic)
        stack.push_async_callback(gate.close)
        gate.publish_token(port)

        events = SocketIoServer(admit=gate.admit)
        store = RunStore(root)
        directory = None if settings.strategies is None else Path(settings.strategies)
        drafts = None
        if settings.editor:
            directory = directory or Path(settings.drafts) / _PROMOTED
            drafts = Drafts(Path(settings.drafts), directory)
        runnables, xwrap = Runnables(directory, drafts), XWrap(settings.xwrap, settings.store)
        supervisor = Supervisor(settings, store, runnables, xwrap, events.publish)
        following = Following(store, events.send_market)
        started_at = UtcNs(time.time_ns())
        sweeps = SweepStore(Path(settings.sweeps))
        service = CryptickService(
            store,
            sweeps,
            Pages(time.monotonic),
            runnables,
            supervisor,
            xwrap,
            following,
            started_at,
            drafts,
        )

        def note(
            caller: Caller, method: str, arguments: Mapping[str, Any], error: Exception | None
        ) -> None:
            assert caller.identity is not None
            change = {
                "time": to_iso(UtcNs(time.time_ns())),
                "who": caller.identity.name,
                "address": caller.address,
                "method": method,
                "arguments": encode(arguments).decode()[:_TOLD_MAX],
                "error": None if error is None else str(error),
            }
            record.write(msgspec.json.encode(change) + b"\n")

        api = Api(service, note, about=ABOUT)
        events.answer(api.call, following.forget)
        lag = LoopLag()
        metrics = Metrics(store, api, events, lag)
        hosts = Hosts((settings.host, *settings.public_hosts))
        web = HttpServer(api, hosts, metrics.text, gate.identify)
        add_login(web, settings.xwrap_http)
        add_page(web, Path(settings.page_folder), "hub.html")
        events.attach(web.app)
        stack.push_async_callback(supervisor.close)
        stack.push_async_callback(following.close)
        stack.push_async_callback(web.shutdown)
        stack.push_async_callback(events.shutdown)
        _keep(stack, lag.run(), "loop lag")
        _keep(stack, gate.recheck_forever(events), "recheck")
        supervisor.find()
        await web.start(sock)
        yield Running(supervisor, gate, f"http://{host}:{port}")


def _root(path: str) -> Path:
    root = Path(path).resolve()
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / _AUDIT).touch(0o600)
    except OSError as error:
        raise Unavailable(f"{root} can't hold runs: {error.strerror}") from error
    return root


def _keep(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    async def end(task: "asyncio.Task[None]") -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end, asyncio.create_task(work, name=name))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise Unavailable(f"can't listen on {host}:{port}: {reason}") from error
