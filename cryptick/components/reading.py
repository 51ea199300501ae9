"""Read what a run shows from its files, in any process and while the run writes them.

A format file is replaced as a whole and names a generation, whose data file is only ever appended
to; its first ``rows`` rows, which end at ``size_bytes``, never change. So whatever a reader finds
through a format is consistent, without a lock.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from cryptick.components.cells import Decoded, decode_lines
from cryptick.components.format import Format, data_name, format_name, is_id
from exchange_wrapper.errors import ApiUsageError, DataError, UnknownName

__all__ = ["LIMIT_MAX", "Page", "list_components", "read_format", "read_rows", "tail"]

LIMIT_MAX: Final = 10_000
"""Rows of one page at most."""

_BLOCK_BYTES: Final = 1 << 18
_TRIES: Final = 100  # each try that fails means that the data were replaced once more meanwhile


class Page(msgspec.Struct, frozen=True):
    """Some rows of one generation of a component's data.

    Attributes
    ----------
    id : str
    generation : int
        The present one.
    changed : bool
        Whether another generation was asked for: there are no rows then, begin anew.
    offset : int
        Of the first row.
    total : int
        Rows that there are.
    rows : list of list
        Times and amounts as text, numbers as floats, None for an empty cell.
    """

    id: str
    generation: int
    changed: bool
    offset: int
    total: int
    rows: list[list[Decoded]]


def read_format(directory: Path, id: str) -> Format:
    """Return a component's format.

    Raises
    ------
    UnknownName
        The run has no such component.
    DataError
        The file is not a format.
    """
    if not is_id(id):  # an id from outside must not lead out of the directory
        raise UnknownName("there is no component of that id")
    path = directory / format_name(id)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Format)
    except FileNotFoundError:
        raise UnknownName(f"there is no component {id}") from None
    except msgspec.DecodeError as error:
        raise DataError(f"{path} is not a component's format: {error}") from None


def list_components(directory: Path) -> list[Format]:
    """Return the formats of all components of a run in the order of their placement."""
    ids = [path.stem for path in directory.glob("*.json") if is_id(path.stem)]
    return sorted((read_format(directory, id) for id in ids), key=lambda format: format.placement)


def read_rows(
    directory: Path,
    id: str,
    generation: int | None = None,
    offset: int = 0,
    limit: int = LIMIT_MAX,
) -> Page:
    """Return the rows from ``offset`` on.

    Parameters
    ----------
    generation : int, optional
        Of the page before; without it the present one.
    offset : int
        Rows to leave out.
    limit : int
        Rows to return at most, up to 10,000.

    Raises
    ------
    UnknownName
        The run has no such component.
    ApiUsageError
        An offset or limit that can't be.
    DataError
        The files are not a component's.
    """
    _check(limit, offset)
    with _opened(directory, id) as (format, file):
        if generation is not None and generation != format.generation:
            return Page(id, format.generation, True, 0, format.rows, [])
        count = max(0, min(limit, format.rows - offset))
        lines = _lines_from(file, offset + 1, count) if count else []  # the first line is the head
        return _page(format, offset, lines)


def tail(directory: Path, id: str, limit: int = 100) -> Page:
    """Return the last rows, without reading those before them; raise as `read_rows` does."""
    _check(limit)
    with _opened(directory, id) as (format, file):
        count = min(limit, format.rows)
        lines = _last_lines(file, format.size_bytes, count) if count else []
        return _page(format, format.rows - count, lines)


def _check(limit: int, offset: int = 0) -> None:
    if not 0 <= limit <= LIMIT_MAX:
        raise ApiUsageError(f"limit must be from 0 to {LIMIT_MAX}, not {limit}", field="limit")
    if offset < 0:
        raise ApiUsageError(f"offset must be 0 or more, not {offset}", field="offset")


@contextmanager
def _opened(directory: Path, id: str) -> Iterator[tuple[Format, BinaryIO]]:
    """Open the data file that the present format names, whose generation stays as it is."""
    for _ in range(_TRIES):
        format = read_format(directory, id)
        if not format.columns:
            raise ApiUsageError(f"{id} is a {format.kind} input and has no rows")
        try:
            file = (directory / data_name(id, format.generation)).open("rb")
        except FileNotFoundError:
            continue  # replaced after the format was read
        with file:
            yield format, file
        return
    raise DataError(f"the data of component {id} are missing in {directory}")


def _page(format: Format, offset: int, lines: list[bytes]) -> Page:
    try:
        rows = decode_lines(format.columns, lines)
    except (ValueError, KeyError) as error:
        raise DataError(f"the data of component {format.id} can't be read: {error}") from None
    return Page(format.id, format.generation, False, offset, format.rows, rows)


def _lines_from(file: BinaryIO, first: int, count: int) -> list[bytes]:
    position = skipped = 0
    while True:
        block = file.read(_BLOCK_BYTES)
        ends = block.count(b"\n")
        if skipped + ends >= first or not block:
            break
        skipped, position = skipped + ends, position + len(block)
    rest = block.split(b"\n", first - skipped)[-1]
    file.seek(position + len(block) - len(rest))
    return [file.readline().rstrip(b"\n") for _ in range(count)]


def _last_lines(file: BinaryIO, end: int, count: int) -> list[bytes]:
    blocks: list[bytes] = []
    ends, start = 0, end
    while ends <= count and start:
        size = min(_BLOCK_BYTES, start)
        start = file.seek(start - size, os.SEEK_SET)
        blocks.append(file.read(size))
        ends += blocks[-1].count(b"\n")
    return b"".join(reversed(blocks)).split(b"\n")[-count - 1 : -1]
