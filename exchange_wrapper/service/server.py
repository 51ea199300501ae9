"""The service with its two servers, in one event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from exchange_wrapper.api import Api
from exchange_wrapper.config import Settings
from exchange_wrapper.durations import LoopLag
from exchange_wrapper.hosts import Hosts
from exchange_wrapper.http_server import HttpServer
from exchange_wrapper.log_notifier import notify_of_logs
from exchange_wrapper.rpc import RpcInterface
from exchange_wrapper.service.metrics import Metrics
from exchange_wrapper.service.wrapper import ExchangeWrapper
from exchange_wrapper.socketio_server import SocketIoServer
from exchange_wrapper.wsock_server import WebSocketServer, listen

__all__ = ["Running", "serve"]


@dataclass(frozen=True)
class Running:
    """A service that is up, and the addresses it listens on."""

    service: ExchangeWrapper
    rpc_url: str
    http_url: str


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Running]:
    """Run the service and its servers as long as the context lasts.

    Raises
    ------
    XWrapError
        It can't start; the message says why.
    """
    async with AsyncExitStack() as stack:
        rpc_socket = stack.enter_context(listen(settings.rpc_host, settings.rpc_port))
        web_socket = stack.enter_context(listen(settings.web_host, settings.web_port))
        rpc_url = "ws://{}:{}".format(*rpc_socket.getsockname()[:2])
        http_url = "http://{}:{}".format(*web_socket.getsockname()[:2])
        service = ExchangeWrapper(settings)
        stack.push_async_callback(service.shutdown)
        api = Api(service)
        notifications = service.engine.notifications
        hosts = Hosts((settings.rpc_host, settings.web_host, *settings.public_hosts))
        websockets = WebSocketServer(RpcInterface(api).handle_message, hosts)
        websockets.add_on_disconnect_hook(notifications.forget)
        notifications.attach(websockets)
        events = SocketIoServer()
        notifications.add_listener(events.publish)
        lag = LoopLag()
        metrics = Metrics(service.engine, api, websockets, events, lag)
        web = HttpServer(api, hosts, metrics.text)
        events.attach(web.app)
        stack.push_async_callback(web.shutdown)
        stack.push_async_callback(events.shutdown)
        stack.push_async_callback(websockets.shutdown)
        stack.enter_context(
            notify_of_logs(lambda record: notifications.publish("logmessages", record))
        )
        stack.push_async_callback(_cancelled, asyncio.create_task(lag.run(), name="loop lag"))
        # Restored and audited before anybody can ask for anything.
        await service.start()
        await websockets.start(rpc_socket)
        await web.start(web_socket)
        yield Running(service, rpc_url, http_url)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
