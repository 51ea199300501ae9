"""Pages of what a run has on record: messages by their sequence, log lines, rows of tables.

Files may grow while they are read; a last line that is not whole yet is left for later.
"""

import csv
import os
import re
from collections.abc import Callable, Iterator
from fnmatch import translate
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from exchange_wrapper.errors import DataError

__all__ = [
    "LogPage",
    "MessagePage",
    "TablePage",
    "log_page",
    "message_page",
    "newest_messages",
    "table_page",
]

_SCANNED_MAX: Final = 32 << 20  # bytes that one call looks through, whatever it finds
_LINE_MAX: Final = 1 << 13  # bytes; a longer line of a log comes in several
_BLOCK: Final = 1 << 16
_SEQUENCE: Final = re.compile(rb'\{"sequence":(\d+),')
_METHOD: Final = re.compile(rb'"message":\{"mhubrpc":"[^"]*","method":"([^"]*)"')


class MessagePage(msgspec.Struct, frozen=True):
    """Messages of a run.

    Attributes
    ----------
    messages : list of dict
        As they are on record.
    next : int
        ``after`` of the next page.
    last : int
        Sequence of the newest message on record; the end is reached where ``next`` is that.
    """

    messages: list[dict[str, Any]]
    next: int
    last: int


class LogPage(msgspec.Struct, frozen=True):
    """Lines of a log.

    Attributes
    ----------
    lines : list of str
    offset : int
        Where they begin, in bytes.
    next : int
        ``offset`` of the next page.
    size : int
        Of the whole log, in bytes.
    """

    lines: list[str]
    offset: int
    next: int
    size: int


class TablePage(msgspec.Struct, frozen=True):
    """Rows of a table: ``total`` is how many there are, ``offset`` the number of the first."""

    columns: list[str]
    offset: int
    total: int
    rows: list[list[str]]


def message_page(
    path: Path, after: int, limit: int, method: str | None = None, text: str | None = None
) -> MessagePage:
    """Return messages whose sequence is above ``after``, oldest first.

    The first one is found by bisection, so that a page from the middle of a long record takes no
    longer than one from its beginning. A filter that little passes looks through a part of the
    record only; ``next`` says how far it came.

    Parameters
    ----------
    method : str, optional
        A pattern such as ``exchange.*``.
    text : str, optional
        Occurs somewhere in the message, in whatever case.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return MessagePage([], 0, 0)
    fits = _filter(method, text)
    with file:
        end = _end_of_lines(file)
        last = _last_sequence(file, end)
        file.seek(_offset_after(file, after, end))
        found: list[dict[str, Any]] = []
        following, scanned = min(after, last), 0
        while len(found) < limit and file.tell() < end and scanned < _SCANNED_MAX:
            line = file.readline()
            scanned += len(line)
            following = _sequence(line)
            if fits(line):
                found.append(_record(line, path))
        return MessagePage(found, following, last)


def newest_messages(
    path: Path, before: int, limit: int, method: str | None = None, text: str | None = None
) -> MessagePage:
    """Return messages whose sequence is below ``before``, newest first.

    ``next`` is the ``before`` of the next page, and 0 at the beginning of the record; as with
    `message_page` a filter that little passes looks through a part of it only.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return MessagePage([], 0, 0)
    fits = _filter(method, text)
    with file:
        end = _end_of_lines(file)
        last = _last_sequence(file, end)
        found: list[dict[str, Any]] = []
        following, scanned = min(before, last + 1), 0
        for line in _lines_backwards(file, _offset_after(file, before - 1, end)):
            if len(found) == limit or scanned >= _SCANNED_MAX:
                return MessagePage(found, following, last)
            scanned += len(line)
            following = _sequence(line)
            if fits(line):
                found.append(_record(line, path))
        return MessagePage(found, 0, last)


def _filter(method: str | None, text: str | None) -> Callable[[bytes], bool]:
    wanted = None if method is None else re.compile(translate(method).encode())
    needle = None if text is None else text.lower().encode(errors="replace")

    def fits(line: bytes) -> bool:
        if wanted is not None:
            named = _METHOD.search(line)
            if named is None or not wanted.match(named[1]):
                return False
        return needle is None or needle in line.decode(errors="replace").lower().encode()

    return fits


def _lines_backwards(file: BinaryIO, end: int) -> Iterator[bytes]:
    """Yield the lines before an offset that is the end of one, the last first."""
    if not end:
        return
    rest, start = b"", end - 1  # without the last newline, lines are what is between newlines
    while start:
        size = min(_BLOCK, start)
        start = file.seek(start - size)
        rest, *whole = (file.read(size) + rest).split(b"\n")
        yield from reversed(whole)
    yield rest


def log_page(path: Path, offset: int, limit: int, tail: int | None) -> LogPage:
    """Return the lines from a byte on, or the last ``tail`` ones."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return LogPage([], 0, 0, 0)
    with file:
        end = _end_of_lines(file)
        offset = min(offset, end) if tail is None else _offset_of_last(file, end, tail)
        file.seek(offset)
        count = limit if tail is None else tail
        lines: list[str] = []
        scanned = 0
        while len(lines) < count and file.tell() < end and scanned < _SCANNED_MAX:
            line = file.readline(_LINE_MAX)
            scanned += len(line)
            lines.append(line.decode(errors="replace").rstrip("\n"))
        return LogPage(lines, offset, file.tell(), end)


def table_page(path: Path, offset: int, limit: int) -> TablePage:
    """Return rows of a CSV file; none of a file that is not there yet."""
    try:
        file = path.open(encoding="utf-8", newline="")
    except FileNotFoundError:
        return TablePage([], offset, 0, [])
    with file:
        reader = csv.reader(file)
        columns = next(reader, [])
        whole = (row for row in reader if len(row) == len(columns))
        skipped = sum(1 for _ in islice(whole, offset))
        rows = list(islice(whole, limit))
        return TablePage(columns, offset, skipped + len(rows) + sum(1 for _ in whole), rows)


def _end_of_lines(file: BinaryIO) -> int:
    """Return where the last whole line ends."""
    start = file.seek(0, os.SEEK_END)
    while start:
        size = min(_BLOCK, start)
        start = file.seek(start - size)
        newline = file.read(size).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
    return 0


def _offset_of_last(file: BinaryIO, end: int, count: int) -> int:
    """Return where the last ``count`` lines begin."""
    start, ends = end, 0
    while start:
        size = min(_BLOCK, start)
        start = file.seek(start - size)
        block = file.read(size)
        position = len(block)
        while (position := block.rfind(b"\n", 0, position)) >= 0:
            ends += 1
            if ends > count:
                return start + position + 1
    return 0


def _last_sequence(file: BinaryIO, end: int) -> int:
    if not end:
        return 0
    file.seek(_offset_of_last(file, end, 1))
    return _sequence(file.readline())


def _offset_after(file: BinaryIO, after: int, end: int) -> int:
    """Return where the first line with a sequence above ``after`` begins.

    All lines that begin before ``low`` are too early, those from ``high`` on are not.
    """
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        file.seek(middle)
        if middle > low:
            file.readline()  # the rest of a line that began before
        begins = file.tell()
        if begins >= high:  # no line begins in the upper half: the one at low decides
            file.seek(low)
            begins = low
            line = file.readline()
            if _sequence(line) > after:
                return low
            low = begins + len(line)
            continue
        line = file.readline()
        if _sequence(line) > after:
            high = begins
        else:
            low = begins + len(line)
    return low


def _sequence(line: bytes) -> int:
    found = _SEQUENCE.match(line)
    if found is None:
        raise DataError("the record of messages has a line without a sequence")
    return int(found[1])


def _record(line: bytes, path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise DataError(f"{path.name} has a line that is no message: {error}") from None
