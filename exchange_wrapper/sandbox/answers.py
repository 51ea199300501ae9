"""What all REST handlers share: JSON answers, refusals and query parameters."""

from sanic import HTTPResponse, Request
from sanic.exceptions import NotFound, SanicException

from exchange_wrapper.errors import ApiUsageError, XWrapError
from exchange_wrapper.sandbox.protocol import encode
from exchange_wrapper.times import SECOND, UtcNs, from_iso

__all__ = ["answer", "moment", "refuse", "whole"]


def answer(body: object, headers: dict[str, str] | None = None, status: int = 200) -> HTTPResponse:
    """Return a JSON answer."""
    return HTTPResponse(encode(body), status, headers, "application/json; charset=utf-8")


def refuse(request: Request, error: XWrapError | SanicException) -> HTTPResponse:
    """Return the venue's answer to a request that failed."""
    if isinstance(error, XWrapError):
        return answer({"message": error.message}, status=error.http_status)
    message = "NotFound" if isinstance(error, NotFound) else str(error)
    return answer({"message": message}, status=error.status_code)


def whole(request: Request, name: str) -> int | None:
    """Read a whole number ≥ 0 from the query; None without it.

    Raises
    ------
    ApiUsageError
        It is no such number.
    """
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ApiUsageError(f"Invalid {name}")
    return int(text)


def moment(request: Request, name: str) -> UtcNs | None:
    """Read ISO 8601 text or Unix seconds from the query; None without it.

    Raises
    ------
    ApiUsageError
        It is neither.
    """
    text = request.args.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 11:
        return UtcNs(int(text) * SECOND)
    try:
        return from_iso(text)
    except ApiUsageError:
        raise ApiUsageError(f"Invalid {name}") from None
