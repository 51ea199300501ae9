r"""How a cell stands in a CSV file, written and read.

Times are ISO 8601 in UTC, amounts decimal text, numbers floats; an empty cell is None. A row is
always one line, so that rows can be counted without reading them: a text has ``\n``, ``\r`` and
``\\`` for a line feed, a carriage return and a backslash.
"""

import csv
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import index
from typing import Any, Final, SupportsFloat

from cryptick.components.format import Column
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.times import UtcNs, to_iso

__all__ = ["Cell", "Decoded", "RowEncoder", "decode_lines", "encode_text"]

Cell = str | SupportsFloat | None
"""What is written: `UtcNs`, a number, a `Decimal` or text, as the column says."""

Decoded = str | float | None
"""What is read: times and amounts as text, numbers as floats."""

_TEXT_MAX: Final = 10_000  # a log line that grows by itself must not fill the disk
_DIGITS_MAX: Final = 40
_WHOLE_MAX: Final = 1e15  # below it a float that is whole is written without a point

_SPECIAL: Final = re.compile(r'[\\\n\r",]')
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})
_ESCAPED: Final = re.compile(r"\\(.)")
_PLAIN: Final = {"n": "\n", "r": "\r", "\\": "\\"}


def encode_text(text: str) -> str:
    """Return a text as a cell; one longer than 10,000 characters is cut, with … at its end."""
    if len(text) > _TEXT_MAX:
        text = text[: _TEXT_MAX - 1] + "…"
    if _SPECIAL.search(text) is None:
        return text
    text = text.translate(_ESCAPES)
    if '"' in text or "," in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _text(cell: Any) -> str:
    if not isinstance(cell, str):
        raise TypeError
    return encode_text(cell)


def _number(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        raise TypeError
    value = float(cell)
    if value.is_integer() and -_WHOLE_MAX < value < _WHOLE_MAX:
        return str(int(value))
    if math.isfinite(value):
        return repr(value)
    if math.isnan(value):  # an indicator that has not seen enough yet
        return ""
    raise ValueError


def _amount(cell: Any) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, Decimal):
        raise TypeError
    exponent = cell.as_tuple().exponent
    if not isinstance(exponent, int) or not -_DIGITS_MAX <= exponent <= _DIGITS_MAX:
        raise ValueError
    return format_amount(cell)


def _time(cell: Any) -> str:
    return "" if cell is None else to_iso(UtcNs(index(cell)))


_ENCODERS: Final[dict[str, tuple[Callable[[Any], str], str]]] = {
    "text": (_text, "text"),
    "number": (_number, "a finite number"),
    "amount": (_amount, "a finite Decimal"),
    "time": (_time, "a time in nanoseconds"),
}
_UNFIT: Final = (TypeError, ValueError, OverflowError)


class RowEncoder:
    """Writes rows of one component.

    Parameters
    ----------
    id : str
        The component's, for errors.
    columns : sequence of Column
    """

    def __init__(self, id: str, columns: Sequence[Column]) -> None:
        self._id = id
        self._columns = columns
        self._encoders = [_ENCODERS[column.type][0] for column in columns]

    def __call__(self, cells: Sequence[Cell]) -> str:
        """Return a row as a line with its end.

        Raises
        ------
        ApiUsageError
            The cells do not fit the columns.
        """
        if len(cells) != len(self._encoders):
            raise ApiUsageError(f"{self._id} has {len(self._encoders)} columns, not {len(cells)}")
        try:
            row = [encode(cell) for encode, cell in zip(self._encoders, cells, strict=True)]
        except _UNFIT:
            raise self._refusal(cells) from None
        return ",".join(row) + "\n"

    def _refusal(self, cells: Sequence[Cell]) -> ApiUsageError:
        for column, cell in zip(self._columns, cells, strict=True):
            encode, allowed = _ENCODERS[column.type]
            try:
                encode(cell)
            except _UNFIT:
                return ApiUsageError(
                    f"{self._id}: column {column.name} holds {allowed}, not {cell!r:.60}"
                )
        raise AssertionError("every cell fits")


def decode_lines(columns: Sequence[Column], lines: Sequence[bytes]) -> list[list[Decoded]]:
    """Read rows, each from one line without its end.

    Raises
    ------
    ValueError
        A line is not a row of these columns.
    """
    read = [_DECODERS[column.type] for column in columns]
    texts = [line.decode() for line in lines]
    return [
        # a row whose only cell is empty is an empty line
        [decode(cell) for decode, cell in zip(read, cells or [""], strict=True)]
        for cells in csv.reader(texts, strict=True)
    ]


def _plain_text(cell: str) -> str:
    return _ESCAPED.sub(lambda match: _PLAIN[match[1]], cell) if "\\" in cell else cell


_DECODERS: Final[dict[str, Callable[[str], Decoded]]] = {
    "text": _plain_text,
    "number": lambda cell: float(cell) if cell else None,
    "amount": lambda cell: cell or None,
    "time": lambda cell: cell or None,
}
