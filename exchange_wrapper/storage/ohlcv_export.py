"""Candles as files that read back to the last digit: CSV, plain or gzip, and Parquet."""

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from exchange_wrapper.candles import Candles, PriceOrVolume
from exchange_wrapper.errors import ApiUsageError, StorageUnavailable
from exchange_wrapper.scaling import IntArray
from exchange_wrapper.storage.ohlcv_layouts import OWN_TIME

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_ohlcv"]

_FIGURES: Final[tuple[PriceOrVolume, ...]] = ("open", "high", "low", "close", "volume")
_HEADER: Final = ",".join((OWN_TIME, *_FIGURES))
_INT64_DIGITS: Final = 19


def write_ohlcv(path: Path, candles: Candles, *, replace: bool = False) -> None:
    """Write candles to a file, whose name tells its kind; ``received_at`` is left out.

    Parameters
    ----------
    path : Path
        Ends in ``.csv``, ``.csv.gz`` or ``.parquet``.
    candles : Candles
    replace : bool
        Whether the file may exist already.

    Raises
    ------
    ApiUsageError
        The name has another end, or the file exists already.
    StorageUnavailable
        The file can't be written; one that was there is as it was.
    """
    name = path.name.lower()
    if name.endswith((".csv", ".csv.gz")):
        write = _write_packed_csv if name.endswith(".gz") else _write_csv
    elif name.endswith(".parquet"):
        write = _write_parquet
    else:
        raise ApiUsageError(f"{path} must end in .csv, .csv.gz or .parquet", field="file")
    if path.exists() and not replace:
        raise ApiUsageError(f"{path} exists already: --replace writes over it", field="file")
    try:
        with _whole(path) as file:
            write(file, candles)
    except OSError as error:
        raise StorageUnavailable(f"{path} can't be written: {error.strerror or error}") from error


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when it is complete."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(file: BinaryIO, candles: Candles) -> None:
    columns = (candles.time.tolist(), *map(candles.texts, _FIGURES))
    rows = "".join(
        f"{time},{o},{h},{low},{c},{v}\n" for time, o, h, low, c, v in zip(*columns, strict=True)
    )
    file.write(f"{_HEADER}\n{rows}".encode())


def _write_packed_csv(file: BinaryIO, candles: Candles) -> None:
    # Without a time in it, the same candles are the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        _write_csv(packed, candles)  # type: ignore[arg-type]


def _write_parquet(file: BinaryIO, candles: Candles) -> None:
    import pyarrow as pa  # here, because it is large and other files don't need it
    import pyarrow.parquet as pq

    arrays = [pa.array(candles.time)]
    arrays += [_decimals(getattr(candles, name), candles.digits(name)) for name in _FIGURES]
    table = pa.table(arrays, names=_HEADER.split(","))
    pq.write_table(table, file, compression="zstd")


def _decimals(values: IntArray, digits: int) -> "pa.Array":
    """Return scaled integers as Arrow decimals, which are 128-bit integers with a scale."""
    import pyarrow as pa

    halves = np.stack([values, values >> 63], axis=1).astype("<i8")
    kind = pa.decimal128(max(_INT64_DIGITS, digits), digits)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(halves.tobytes())])
