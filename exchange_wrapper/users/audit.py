"""The audit log: who made which change when, and how it ended."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import peewee

from exchange_wrapper.db import Row, insert_rows
from exchange_wrapper.errors import XWrapError
from exchange_wrapper.times import UtcNs, to_iso
from exchange_wrapper.users.store import AuditRow
from serving.roles import Identity
from serving.wire import encode, error_name

__all__ = ["append", "describe", "entry", "read"]

_HIDDEN: Final = "[hidden]"
_SECRET_NAME: Final = re.compile(
    r"(?i)pass(word|phrase|wd)|secret|token|credential|authorization|signature|cookie|"
    r"(^|_|api|private)key$"
)
_SECRET_VALUE: Final = re.compile(r"xw[slr]_[\w-]+|eyJ[\w-]+\.[\w-]+\.[\w-]+")  # ours, anywhere
_TEXT_MAX: Final = 200
_NAME_MAX: Final = 40
_SEARCHED_MAX: Final = 1_500  # a token is shorter, and the search is quadratic at worst
_ITEMS_MAX: Final = 50
_DEPTH_MAX: Final = 5
_ARGUMENTS_MAX: Final = 4_000
_PAGE_MAX: Final = 1_000


def entry(
    identity: Identity,
    method: str,
    arguments: Mapping[str, Any],
    now: UtcNs,
    *,
    error: Exception | None = None,
    address: str = "",
) -> Row:
    """Return the row for one change, without secrets and of bounded length.

    Parameters
    ----------
    arguments : mapping
        JSON values by name; those whose name tells a secret are hidden, whatever is in them.
    error : Exception, optional
        Why it did not succeed.
    address : str
        Where the call came from.
    """
    text = encode(_presentable(arguments, 0)).decode()
    if isinstance(error, XWrapError):
        outcome = f"{error_name(type(error))}: {_safe_text(error.message)}"
    else:
        outcome = "ok" if error is None else "failed"
    return {
        "id": None,
        "time": now,
        "who": _safe_text(identity.name),
        "kind": identity.kind.value,
        "address": _safe_text(address),
        "method": _safe_text(method),
        "arguments": _cut(text, _ARGUMENTS_MAX),
        "outcome": _cut(outcome, _TEXT_MAX),
    }


def append(database: peewee.SqliteDatabase, entries: Iterable[Row]) -> None:
    """Append entries, in the caller's transaction if there is one."""
    insert_rows(database, AuditRow, entries)


def read(
    database: peewee.SqliteDatabase,
    *,
    before_id: int | None = None,
    limit: int = 100,
    who: str | None = None,
    method: str | None = None,
    since: UtcNs | None = None,
) -> list[AuditRow]:
    """Return the newest rows, newest first, at most 1,000.

    Parameters
    ----------
    before_id : int, optional
        Only rows before this one: the last row of the page before.
    who, method : str, optional
        Only those of this name, of this method.
    since : UtcNs, optional
        Only those at this time or later.
    """
    query = AuditRow.select()
    if before_id is not None:
        query = query.where(AuditRow.id < before_id)
    if who is not None:
        query = query.where(AuditRow.who == who)
    if method is not None:
        query = query.where(AuditRow.method == method)
    if since is not None:
        query = query.where(AuditRow.time >= since)
    query = query.order_by(AuditRow.id.desc()).limit(max(0, min(limit, _PAGE_MAX)))
    return list(query.execute(database))


def describe(row: AuditRow) -> dict[str, Any]:
    """Return a row as on the wire."""
    return {
        "id": row.id,
        "time": to_iso(row.time),
        "who": row.who,
        "kind": row.kind,
        "address": row.address,
        "method": row.method,
        "arguments": row.arguments,
        "outcome": row.outcome,
    }


def _presentable(value: Any, depth: int) -> Any:
    if type(value) is str:  # mostly
        return _safe_text(value)
    if isinstance(value, Mapping):
        if depth >= _DEPTH_MAX:
            return "…"
        shown: dict[str, Any] = {}
        for key, each in list(value.items())[:_ITEMS_MAX]:
            name, is_secret = _read_name(str(key))
            shown[name] = _HIDDEN if is_secret else _presentable(each, depth + 1)
        return shown
    if isinstance(value, list | tuple):
        if depth >= _DEPTH_MAX:
            return "…"
        return [_presentable(each, depth + 1) for each in value[:_ITEMS_MAX]]
    if value is None or (isinstance(value, int) and abs(value) < 1 << 53):
        return value
    return _safe_text(value)


def _safe_text(value: object) -> str:
    # Looked through before it is cut, or half a token would show; but not all of a megabyte.
    text = str(value)[:_SEARCHED_MAX]
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()  # no lone surrogates
    if "xw" in text or "eyJ" in text:  # else it can't match
        text = _SECRET_VALUE.sub(_HIDDEN, text)
    return _cut(text, _TEXT_MAX)


def _read_name(name: str) -> tuple[str, bool]:
    """Return an argument's name as it is shown, and whether it tells a secret."""
    # Arguments have few names; what is longer is not kept, so that memory stays bounded.
    return (_known_name if len(name) <= _NAME_MAX else _known_name.__wrapped__)(name)


@lru_cache(maxsize=1024)
def _known_name(name: str) -> tuple[str, bool]:
    return _safe_text(name), _SECRET_NAME.search(name) is not None


def _cut(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else f"{text[: length_max - 1]}…"
