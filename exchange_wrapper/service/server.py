"""The service with its two servers, in one event loop."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from exchange_wrapper.api import Api
from exchange_wrapper.config import Settings
from exchange_wrapper.http_server import HttpServer
from exchange_wrapper.rpc import RpcInterface
from exchange_wrapper.service.wrapper import ExchangeWrapper
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
        websockets = WebSocketServer(RpcInterface(api).handle_message)
        websockets.add_on_disconnect_hook(notifications.forget)
        notifications.attach(websockets)
        web = HttpServer(api)
        stack.push_async_callback(web.shutdown)
        stack.push_async_callback(websockets.shutdown)
        # Restored and audited before anybody can ask for anything.
        await service.start()
        await websockets.start(rpc_socket)
        await web.start(web_socket)
        yield Running(service, rpc_url, http_url)
