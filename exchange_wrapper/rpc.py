"""JSON-RPC 2.0 (https://www.jsonrpc.org/specification) over the API's methods; does no I/O.

Arguments are passed by name only. A notification to clients carries one member more than the
standard names: ``seq``, a number that grows from notification to notification.

Codes are the standard's for what is no request (-32700, -32600), an unknown method (-32601),
arguments that are not named ones (-32602) and a bug of ours (-32603), and otherwise those of
``errors``.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from exchange_wrapper.errors import XWrapError
from serving.registry import Api, Caller
from serving.wire import decode_request, encode, error_to_wire

__all__ = ["RpcInterface", "notification"]

_log = logging.getLogger("xwrap.rpc")

_PARSE_ERROR: Final = {"code": -32700, "message": "Parse error"}
_INVALID_REQUEST: Final = {"code": -32600, "message": "Invalid Request"}
_INVALID_PARAMS: Final = {
    "code": -32602,
    "message": "Invalid params",
    "data": {"error": "api_usage", "reason": "params must be an object: arguments go by name"},
}
_INTERNAL_ERROR: Final = {
    "code": -32603,
    "message": "Internal error",
    "data": {"error": "processing", "reason": "xWrap's log says why"},
}
_MEMBERS: Final = {"jsonrpc", "method", "params", "id"}
_BATCH_MAX: Final = 1000  # requests: the answers to more would be many times their size
_TOO_MANY: Final = {
    **_INVALID_REQUEST,
    "data": {"error": "api_usage", "reason": f"a batch has at most {_BATCH_MAX} requests"},
}

Reply = dict[str, Any] | None


def notification(method: str, params: Mapping[str, Any], seq: int) -> bytes:
    """Return a notification's JSON text."""
    return encode({"jsonrpc": "2.0", "method": method, "seq": seq, "params": params})


class RpcInterface:
    """Turn request texts into answer texts.

    Parameters
    ----------
    identify : callable
        Tells who is behind a connection.
    """

    def __init__(self, api: Api, identify: Callable[[int | None], Caller] = Caller) -> None:
        self._api = api
        self._identify = identify

    def handle_message(
        self, connection_id: int | None, message: bytes | str
    ) -> bytes | Awaitable[bytes | None] | None:
        """Carry out one message from a client.

        What a method does before it has to wait is done on return, so that requests take effect
        in the order they came in, whatever the order of their answers.

        Returns
        -------
        bytes, None, or an awaitable of either
            The answer; None if there is none to send. Awaitable if a method has to wait.
        """
        try:
            request = decode_request(message)
        except ValueError:
            return encode(_failure(None, _PARSE_ERROR))
        except XWrapError as error:
            return encode(
                _failure(None, {**_INVALID_REQUEST, "data": error_to_wire(error)["data"]})
            )
        if not isinstance(request, list):
            reply = self._start(request, connection_id)
            if inspect.isawaitable(reply):
                return _encode_later(reply)
            return None if reply is None else encode(reply)
        if not request:
            return encode(_failure(None, _INVALID_REQUEST))
        if len(request) > _BATCH_MAX:
            return encode(_failure(None, _TOO_MANY))
        return _encode_batch([self._start(member, connection_id) for member in request])

    def _start(self, request: Any, connection_id: int | None) -> Reply | Awaitable[Reply]:
        if not isinstance(request, dict):
            return _failure(None, _INVALID_REQUEST)
        request_id = request.get("id")
        if isinstance(request_id, bool) or not isinstance(request_id, str | int | Decimal | None):
            return _failure(None, _INVALID_REQUEST)
        name = request.get("method")
        well_formed = request.get("jsonrpc") == "2.0" and request.keys() <= _MEMBERS
        if not well_formed or not isinstance(name, str):
            return _failure(request_id, _INVALID_REQUEST)
        answered = "id" in request
        params = request.get("params")
        if params is None or params == []:
            params = {}
        try:
            method = self._api.method(name)
            if not isinstance(params, dict):
                return _failure(request_id, _INVALID_PARAMS) if answered else None
            result = self._api.start(method, params, self._identify(connection_id))
        except Exception as error:  # whatever a method raises, the client gets an answer
            return _failure(request_id, _explain(name, error)) if answered else None
        if inspect.isawaitable(result):
            return _finish(name, request_id, result, answered)
        return _success(request_id, result) if answered else None


async def _finish(name: str, request_id: Any, result: Awaitable[Any], answered: bool) -> Reply:
    try:
        value = await result
    except Exception as error:  # as above
        return _failure(request_id, _explain(name, error)) if answered else None
    return _success(request_id, value) if answered else None


async def _encode_later(reply: Awaitable[Reply]) -> bytes | None:
    value = await reply
    return None if value is None else encode(value)


async def _encode_batch(replies: list[Reply | Awaitable[Reply]]) -> bytes | None:
    waiting = [reply for reply in replies if inspect.isawaitable(reply)]
    finished = iter(await asyncio.gather(*waiting))
    all_replies = [next(finished) if inspect.isawaitable(reply) else reply for reply in replies]
    to_send = [reply for reply in all_replies if reply is not None]
    return encode(to_send) if to_send else None


def _success(request_id: Any, result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": result, "id": request_id}


def _failure(request_id: Any, error: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": error, "id": request_id}


def _explain(method: str, error: Exception) -> dict[str, object]:
    if isinstance(error, XWrapError):
        return error_to_wire(error)
    _log.error("%s failed", method, exc_info=error)
    return dict(_INTERNAL_ERROR)
