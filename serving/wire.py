"""JSON as it crosses our interfaces, and errors within it.

Fractions are read as ``Decimal``, digit by digit, and a ``Decimal`` is written as a number with the
same digits; amounts of money are put into messages as text before they come here.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from exchange_wrapper.errors import (
    ApiUsageError,
    MethodNotFoundError,
    ProcessingError,
    XWrapError,
)

__all__ = ["decode", "decode_request", "encode", "error_from_wire", "error_name", "error_to_wire"]

_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)

encode = _encoder.encode


def decode(raw: bytes | str) -> Any:
    """Read JSON.

    Raises
    ------
    ValueError
        Not JSON, nested too deep to be a message of ours, or with a number beyond any exponent.
    """
    try:
        return _decoder.decode(raw)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except InvalidOperation:
        raise ValueError("a number is out of range") from None


def decode_request(raw: bytes | str) -> Any:
    """Read JSON of which every member counts: none may come twice in an object.

    Raises
    ------
    ApiUsageError
        One does; our decoder would take the last.
    ValueError
        As ``decode``.
    """
    value = decode(raw)
    colons = raw.count(":") if isinstance(raw, str) else raw.count(b":")
    if colons > _count_keys(value):  # or they are within text: the slow way tells
        try:
            json.loads(raw, object_pairs_hook=_once, parse_int=str, parse_float=str)
        except RecursionError:
            raise ValueError("nested too deep") from None
    return value


def _count_keys(value: Any) -> int:
    count, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            count += len(each)
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return count


def _once(members: list[tuple[str, Any]]) -> None:
    seen = set()
    for key, _ in members:
        if key in seen:
            raise ApiUsageError(f"{key!r} comes twice in one object: nobody can tell which counts")
        seen.add(key)


def error_name(kind: type[XWrapError]) -> str:
    """Return the word for a class of errors on the wire, such as ``insufficient_funds``."""
    words = re.findall("[A-Z][a-z]*", kind.__name__.removesuffix("Error").replace("XWrap", "Xwrap"))
    return "_".join(words).lower()


def error_to_wire(error: XWrapError) -> dict[str, object]:
    """Return a JSON-RPC error object; ``data["error"]`` names the class."""
    return {
        "code": error.jsonrpc_error_code,
        "message": error.message,
        "data": {"error": error_name(type(error)), **(error.data or {})},
    }


def error_from_wire(error: dict[str, Any]) -> XWrapError:
    """Return the exception that an error object stands for: of its class, else of its code's."""
    data = dict(error.get("data") or {})
    kinds = {error_name(kind): kind for kind in _tree(XWrapError)}
    kind = kinds.get(str(data.pop("error", "")))
    if kind is None:
        kind = _BY_CODE.get(error.get("code", 0), XWrapError)
    return kind(str(error.get("message", "")), **{str(key): value for key, value in data.items()})


_BY_CODE: Final[dict[int, type[XWrapError]]] = {
    kind.jsonrpc_error_code: kind
    for kind in (XWrapError, ApiUsageError, ProcessingError, MethodNotFoundError)
}


def _tree(kind: type[XWrapError]) -> list[type[XWrapError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _tree(child))]
