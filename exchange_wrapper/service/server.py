"""The service with its two servers, in one event loop."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from exchange_wrapper.config import Settings
from exchange_wrapper.log_notifier import notify_of_logs
from exchange_wrapper.rpc import RpcInterface
from exchange_wrapper.service.about import ABOUT
from exchange_wrapper.service.gate import Gate
from exchange_wrapper.service.login import add_login
from exchange_wrapper.service.metrics import Metrics
from exchange_wrapper.service.wrapper import ExchangeWrapper
from exchange_wrapper.users.accounts import FIRST_ADMIN
from exchange_wrapper.wsock_server import WebSocketServer, listen
from serving.durations import LoopLag
from serving.hosts import Hosts
from serving.http_server import HttpServer
from serving.page_files import add_page
from serving.registry import Api
from serving.socketio_server import SocketIoServer

__all__ = ["Running", "serve", "tune_interpreter"]

_SWITCH_S: Final = 0.0005


@dataclass(frozen=True)
class Running:
    """A service that is up, and the addresses it listens on."""

    service: ExchangeWrapper
    gate: Gate
    websockets: WebSocketServer
    rpc_url: str
    http_url: str


@asynccontextmanager
async def serve(
    settings: Settings, show: Callable[[str], object] = print
) -> AsyncIterator[Running]:
    """Run the service and its servers as long as the context lasts.

    Parameters
    ----------
    show : callable
        Gets the first administrator's password in a line, once in the life of a database.

    Raises
    ------
    XWrapError
        It can't start; the message says why.
    """
    async with AsyncExitStack() as stack:
        gate = Gate(settings.sqlite_db)
        stack.push_async_callback(gate.close)
        if (password := await gate.open()) is not None:
            show(f"first start: log in as {FIRST_ADMIN} with {password} (shown this once only)")
        await gate.check_exposure({"RPC_HOST": settings.rpc_host, "WEB_HOST": settings.web_host})
        rpc_socket = stack.enter_context(listen(settings.rpc_host, settings.rpc_port))
        web_socket = stack.enter_context(listen(settings.web_host, settings.web_port))
        rpc_url = "ws://{}:{}".format(*rpc_socket.getsockname()[:2])
        http_url = "http://{}:{}".format(*web_socket.getsockname()[:2])
        await gate.publish_token(sock.getsockname()[1] for sock in (rpc_socket, web_socket))
        service = ExchangeWrapper(settings, gate)
        stack.push_async_callback(service.shutdown)
        api = Api(service, gate.record, about=ABOUT)
        notifications = service.engine.notifications
        hosts = Hosts((settings.rpc_host, settings.web_host, *settings.public_hosts))
        rpc = RpcInterface(api, lambda connection_id: websockets.caller(connection_id))
        websockets = WebSocketServer(rpc.handle_message, hosts, gate.admit)

        def limit(connection_id: int) -> None:
            limited_to = websockets.caller(connection_id).limited_to
            if limited_to is not None:
                notifications.limit(connection_id, limited_to)

        websockets.add_on_connect_hook(limit)
        websockets.add_on_disconnect_hook(notifications.forget)
        notifications.attach(websockets)
        events = SocketIoServer(admit=gate.admit_page)
        notifications.add_listener(events.publish)
        notifications.attach_pages(events.send_market)
        events.answer(api.call, notifications.forget)
        lag = LoopLag()
        metrics = Metrics(service.engine, api, websockets, events, lag)
        web = HttpServer(api, hosts, metrics.text, gate.identify)
        add_login(web, gate)
        add_page(web, settings.page_folder, "xwrap.html")
        events.attach(web.app)
        stack.push_async_callback(web.shutdown)
        stack.push_async_callback(events.shutdown)
        stack.push_async_callback(websockets.shutdown)
        stack.enter_context(
            notify_of_logs(lambda record: notifications.publish("logmessages", record))
        )
        recheck = gate.recheck_forever(websockets, events)
        for work, name in ((lag.run(), "loop lag"), (recheck, "recheck")):
            stack.push_async_callback(_cancelled, asyncio.create_task(work, name=name))
        # Restored and audited before anybody can ask for anything.
        await service.start()
        await websockets.start(rpc_socket)
        await web.start(web_socket)
        yield Running(service, gate, websockets, rpc_url, http_url)


def tune_interpreter() -> None:
    """Set the interpreter of a process that does nothing but serve.

    The garbage collector passes over all that is there now: modules and what was restored stay
    until the end, and to look through them again would halt the loop for tens of milliseconds. A
    commit's thread waits less long for a busy loop to hand it Python's lock.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_SWITCH_S)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
