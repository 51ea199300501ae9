"""Decimal figures as scaled integers: text in, exact integers and their number of decimals out.

A column of candles is one ``int64`` array and one number of digits, so that it can be compared,
summed and stored without losing a digit, at the speed of NumPy.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange_wrapper.errors import DataError

__all__ = [
    "BoolArray",
    "Figures",
    "FloatArray",
    "IntArray",
    "drop_float_noise",
    "format_scaled",
    "parse_figures",
    "rescale",
    "scale_columns",
]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

_INT64_MAX: Final = np.iinfo(np.int64).max
_SAFE_DIGITS: Final = 18  # any number of so many digits fits an int64
_MAX_TEXT: Final = 64
_WIDTH: Final = 32  # longer texts take the slow way
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*", re.ASCII)


class Figures(NamedTuple):
    """Decimal numbers in lowest terms: ``mantissa / 10**decimals``.

    Attributes
    ----------
    mantissa, decimals : ndarray of int64, shape (n,)
        ``decimals`` ≥ 0, without trailing zeros: 1.50 is (15, 1).
    readable : ndarray of bool, shape (n,)
        False where the text is no number, or one too long for 64 bits; the figure is then 0.
    """

    mantissa: IntArray
    decimals: IntArray
    readable: BoolArray


def parse_figures(texts: Sequence[str]) -> Figures:
    """Read decimal texts such as ``23296.36`` or ``1.5e-7``, exactly.

    Parameters
    ----------
    texts : sequence of str, length n

    Returns
    -------
    Figures
    """
    width = min(max(map(len, texts), default=1) or 1, _WIDTH)
    table = np.array(texts, dtype=f"U{width}")
    # One character position of all texts at a time: some twelve steps instead of n.
    characters = np.ascontiguousarray(table.view(np.uint32).reshape(len(table), width).T)
    mantissa = np.zeros(len(table), np.int64)
    decimals = np.zeros(len(table), np.int64)
    length = np.zeros(len(table), np.int64)
    behind_point = np.zeros(len(table), np.bool_)
    behind_end = np.zeros(len(table), np.bool_)
    odd = characters[-1] != 0 if width == _WIDTH else np.zeros(len(table), np.bool_)
    for character in characters:
        digit = character - np.uint32(ord("0"))  # wraps to a large number below "0"
        is_digit = digit < 10
        is_point = character == ord(".")
        mantissa = np.where(is_digit, mantissa * 10 + digit, mantissa)
        length += is_digit
        decimals += is_digit & behind_point
        is_end = character == 0
        odd |= ~(is_digit | is_end | (is_point & ~behind_point)) | (behind_end & ~is_end)
        behind_point |= is_point
        behind_end |= is_end
    odd |= (length == 0) | (length > _SAFE_DIGITS)
    readable = ~odd
    for row in np.flatnonzero(odd).tolist():
        parsed = _parse_figure(texts[row])
        mantissa[row], decimals[row] = parsed or (0, 0)
        readable[row] = parsed is not None
    _strip_zeros(mantissa, decimals)
    return Figures(mantissa, decimals, readable)


def drop_float_noise(figures: Figures) -> tuple[Figures, int]:
    """Undo what binary floats do to decimal figures: 0.0027300000000000002 was 0.00273.

    A double keeps any 15 significant digits and is written with up to 17. A figure of 16 or 17 is
    taken for such noise where its first 15, rounded, end in two zeros or more.

    Returns
    -------
    figures : Figures
    count : int
        How many were changed.
    """
    mantissa, decimals = figures.mantissa.copy(), figures.decimals.copy()
    count = 0
    for length in (16, 17):
        excess = length - 15
        rounded = (mantissa + 10**excess // 2) // 10**excess
        noisy = (mantissa >= 10 ** (length - 1)) & (mantissa < 10**length)
        noisy &= (decimals >= excess) & (rounded % 100 == 0)
        mantissa[noisy] = rounded[noisy]
        decimals[noisy] -= excess
        count += int(noisy.sum())
    _strip_zeros(mantissa, decimals)
    return Figures(mantissa, decimals, figures.readable), count


def _strip_zeros(mantissa: IntArray, decimals: IntArray) -> None:
    while np.any(shorter := (decimals > 0) & (mantissa % 10 == 0)):
        mantissa[shorter] //= 10
        decimals[shorter] -= 1


def _parse_figure(text: str) -> tuple[int, int] | None:
    """Read a figure with a sign, an exponent, spaces or many digits."""
    if len(text) > _MAX_TEXT or not _NUMBER.fullmatch(text):
        return None
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)  # the pattern knows neither NaN nor infinity
    mantissa = int("".join(map(str, digits)))
    while mantissa and exponent < 0 and mantissa % 10 == 0:
        mantissa //= 10
        exponent += 1
    if not mantissa:
        return 0, 0
    if exponent > 0:
        mantissa *= 10**exponent
    if mantissa > _INT64_MAX:
        return None
    return (-mantissa if sign else mantissa), max(0, -exponent)


def scale_columns(columns: Sequence[Figures]) -> tuple[list[IntArray], int, BoolArray]:
    """Bring columns of figures to one common number of digits, the fewest that lose nothing.

    Parameters
    ----------
    columns : sequence of Figures, each of length n

    Returns
    -------
    values : list of ndarray of int64, shape (n,)
        ``figure × 10**digits``; 0 where it does not fit 64 bits.
    digits : int
    fits : ndarray of bool, shape (n,)
        Whether every column of the row is readable and fits.
    """
    digits = int(max((int(column.decimals.max(initial=0)) for column in columns), default=0))
    values = []
    fits = np.ones(len(columns[0].mantissa), np.bool_)
    for column in columns:
        scaled, inside = _multiply(column.mantissa, digits - column.decimals)
        values.append(scaled)
        fits &= inside & column.readable
    return values, digits, fits


def rescale(values: IntArray, more_digits: int) -> IntArray:
    """Return the values with more digits: 123 of 2 digits is 12300 of 4.

    Raises
    ------
    DataError
        A value does not fit 64 bits then.
    """
    if not more_digits:
        return values
    scaled, fits = _multiply(values, np.full(len(values), more_digits, np.int64))
    if not fits.all():
        raise DataError(
            f"a figure does not fit 64 bits with {more_digits} more digits",
            row=int(np.argmin(fits)),
        )
    return scaled


def _multiply(values: IntArray, powers: IntArray) -> tuple[IntArray, BoolArray]:
    """Return values × 10**powers, 0 where that does not fit, and where it does."""
    factors = 10 ** np.clip(powers, 0, _SAFE_DIGITS)
    fits = (np.abs(values) <= _INT64_MAX // factors) & (powers <= _SAFE_DIGITS) | (values == 0)
    return np.where(fits, values, 0) * factors, fits


def format_scaled(value: int, digits: int) -> str:
    """Return a scaled integer as plain decimal text, without trailing zeros."""
    if not digits:
        return str(value)
    text = f"{abs(value):0{digits + 1}d}"
    fraction = text[-digits:].rstrip("0")
    sign = "-" if value < 0 else ""
    return f"{sign}{text[:-digits]}.{fraction}" if fraction else sign + text[:-digits]
