"""What a component is: its format, as its JSON file has it, and the rules for names and texts."""

import re
from typing import Final, Literal

import msgspec

from exchange_wrapper.errors import ApiUsageError

__all__ = [
    "Axis",
    "Column",
    "ColumnType",
    "Format",
    "Kind",
    "check_columns",
    "check_id",
    "check_text",
    "data_name",
    "format_name",
    "is_id",
]

Kind = Literal[
    "text_log",
    "table",
    "line",
    "candlestick",
    "scatter",
    "bar",
    "pie",
    "slider",
    "number",
    "select",
    "button",
    "order_table",
    "frontier",
]

ColumnType = Literal["time", "number", "amount", "text"]
"""What a column holds: ISO 8601 UTC, a float for charts, an exact decimal, or words."""

_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ID_MAX: Final = 64
_TEXT_MAX: Final = 200
_COLUMNS_MAX: Final = 256


class Column(msgspec.Struct, frozen=True):
    """One column of a component's data. ``unit`` is such as ``USD`` or ``%``, or empty."""

    name: str
    type: ColumnType = "number"
    unit: str = ""


class Axis(msgspec.Struct, frozen=True):
    """What a chart writes beside an axis."""

    label: str = ""
    unit: str = ""


class Format(msgspec.Struct, frozen=True):
    """A component as its JSON file tells it.

    Attributes
    ----------
    id : str
        Lower-case letters and digits in groups joined by ``-``; unique in its run.
    kind : str
    title : str
    placement : int
        Rank on the page, from 0.
    columns : tuple of Column
        Of the data; empty for an input.
    axes : dict of str to Axis
        ``x`` and ``y`` of a chart.
    options : dict
        What only this kind has, such as the range of a slider; amounts are decimal strings.
    value : object
        What an input holds at present, None while it holds nothing.
    generation : int
        1 at first; rises when the data are replaced.
    rows : int
        Rows of this generation that a reader may read.
    size_bytes : int
        Bytes of the data file that those rows end at.
    """

    id: str
    kind: Kind
    title: str
    placement: int
    columns: tuple[Column, ...] = ()
    axes: dict[str, Axis] = {}
    options: dict[str, object] = {}
    value: object = None
    generation: int = 1
    rows: int = 0
    size_bytes: int = 0


def format_name(id: str) -> str:
    """Return the name of a component's format file."""
    return f"{id}.json"


def data_name(id: str, generation: int) -> str:
    """Return the name of the data file of a generation, such as ``<id>.csv`` of the first."""
    return f"{id}.csv" if generation == 1 else f"{id}.{generation}.csv"


def is_id(text: object) -> bool:
    """Whether this can be the id of a component, which is safe as the name of a file."""
    return isinstance(text, str) and len(text) <= _ID_MAX and _ID.fullmatch(text) is not None


def check_id(id: str) -> str:
    """Return the id of a new component.

    Raises
    ------
    ApiUsageError
        It can't be one.
    """
    if not is_id(id):
        raise ApiUsageError(
            f"{id!r} can't be the id of a component: use up to {_ID_MAX} lower-case letters and "
            "digits, in groups joined by -"
        )
    return id


def check_text(text: str, what: str, *, empty: bool = False) -> str:
    """Return a title, name or unit.

    Raises
    ------
    ApiUsageError
        It is not one short printable line.
    """
    if not isinstance(text, str) or not text.isprintable() or len(text) > _TEXT_MAX:
        raise ApiUsageError(f"{what} must be one printable line of up to {_TEXT_MAX} characters")
    if not text and not empty:
        raise ApiUsageError(f"{what} must not be empty")
    return text


def check_columns(id: str, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns of a new component.

    Raises
    ------
    ApiUsageError
        None or too many, two of one name, or a name that can't be shown.
    """
    names = [check_text(column.name, f"{id}: the name of a column") for column in columns]
    for column in columns:
        check_text(column.unit, f"{id}: the unit of {column.name}", empty=True)
    if not 0 < len(names) <= _COLUMNS_MAX:
        raise ApiUsageError(f"{id}: a component has 1 to {_COLUMNS_MAX} columns, not {len(names)}")
    if len(set(names)) < len(names):
        raise ApiUsageError(f"{id}: two columns have the same name: {', '.join(names)}")
    return columns
