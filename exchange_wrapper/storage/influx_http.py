"""The connection to an InfluxDB 1.x: lines in, rows out."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Literal

import msgspec
from influxdb import InfluxDBClient  # type: ignore[import-untyped]
from influxdb.exceptions import (  # type: ignore[import-untyped]
    InfluxDBClientError,
    InfluxDBServerError,
)
from requests import RequestException, Response

from exchange_wrapper.errors import ApiUsageError, DataError, StorageUnavailable

__all__ = ["Connection", "Rows", "rows_of", "tags", "where"]

_TIMEOUT_S: Final = 30.0
_TRIES: Final = 3
_SHARD_DURATION: Final = "364d"  # years of candles in weekly shards would be hundreds of files

_HEADERS: Final = {"Accept": "application/json"}

Precision = Literal["s", "ns"]

_WRITE_PRECISION: Final = {"s": "s", "ns": "n"}


class Rows(msgspec.Struct):
    """One series of an answer; the first column is the time."""

    values: list[list[Any]] = []
    tags: dict[str, str] = {}


class _Result(msgspec.Struct):
    series: list[Rows] = []
    error: str = ""
    partial: bool = False


class _Answer(msgspec.Struct):
    results: list[_Result] = []


class Connection:
    """A database of an InfluxDB, made when it does not exist. Its calls exclude each other.

    Parameters
    ----------
    dsn : str
        ``influxdb://[user:password@]host:port/database``.
    read_only : bool
        Refuse to write, and don't make the database.

    Raises
    ------
    ApiUsageError
        The address is of another form.
    StorageUnavailable
        The server does not answer, or has no such database (read only).
    """

    def __init__(self, dsn: str, *, read_only: bool = False) -> None:
        scheme, _, place = dsn.partition("://")
        self.name = f"{scheme}://{place.rpartition('@')[2]}"  # without a password
        self._database = place.partition("/")[2]
        self._read_only = read_only
        self.lock = threading.RLock()
        try:
            if not self._database:
                raise ValueError
            self._client = InfluxDBClient.from_dsn(dsn, timeout=_TIMEOUT_S, retries=_TRIES)
        except ValueError:
            raise ApiUsageError(
                f"{self.name} is not an address such as influxdb://localhost:8086/xwrap",
                field="INFLUXDB_DSN",
            ) from None
        try:
            if [self._database] not in rows_of(self.query("SHOW DATABASES")[0]):
                if read_only:
                    raise StorageUnavailable(f"there is no database {self.name}")
                self.command(
                    f'CREATE DATABASE "{self._database}" WITH SHARD DURATION {_SHARD_DURATION}'
                )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def write(self, lines: Iterable[str], precision: Precision = "ns", batch: int = 10_000) -> None:
        """Send lines of the line protocol.

        Each batch of them is stored whole or not at all.
        """
        self._check_writable()
        rest = iter(lines)
        while part := list(islice(rest, batch)):
            self._request(
                "write",
                "POST",
                {"precision": _WRITE_PRECISION[precision]},
                data="\n".join(part).encode(),
                expected=204,
            )

    def query(self, *statements: str, precision: Precision = "ns") -> list[list[Rows]]:
        """Return the series that each statement gives, with times of ``precision``."""
        params = {"q": ";".join(statements), "epoch": precision}
        answer = self._request("query", "GET", params)
        try:
            results = msgspec.json.decode(answer.content, type=_Answer).results
        except msgspec.DecodeError as error:
            raise DataError(f"the answer of {self.name} can't be read: {error}") from error
        for result in results:
            if result.error or result.partial:
                raise StorageUnavailable(f"{self.name}: {result.error or 'a cut answer'}")
        return [result.series for result in results]

    def command(self, statement: str) -> None:
        """Carry out a statement that changes something."""
        self._check_writable()
        answer = self._request("query", "POST", {"q": statement})
        for result in msgspec.json.decode(answer.content, type=_Answer).results:
            if result.error:
                raise StorageUnavailable(f"{self.name}: {result.error}")

    def _check_writable(self) -> None:
        if self._read_only:
            raise StorageUnavailable(f"{self.name} is open for reading only")

    def _request(
        self,
        path: str,
        method: str,
        params: Mapping[str, str],
        *,
        data: bytes | None = None,
        expected: int = 200,
    ) -> Response:
        try:
            with self.lock:
                answer: Response = self._client.request(
                    path, method, {"db": self._database, **params}, data, False, expected, _HEADERS
                )
                return answer
        except (RequestException, InfluxDBClientError, InfluxDBServerError, OSError) as error:
            raise StorageUnavailable(f"{self.name} can't be used: {error}") from error


def _quoted(text: str) -> str:
    """Return text as InfluxQL writes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _tag(text: str) -> str:
    """Return the value of a tag as the line protocol writes it."""
    for character in (" ", ",", "="):
        text = text.replace(character, "\\" + character)
    return text


def tags(values: Mapping[str, object]) -> str:
    """Return tags as the line protocol writes them behind a measurement."""
    return "".join(f",{name}={_tag(str(value))}" for name, value in values.items())


def where(values: Mapping[str, object]) -> str:
    """Return the condition that the tags have these values."""
    return " AND ".join(f"{name} = {_quoted(str(value))}" for name, value in values.items())


def rows_of(series: Sequence[Rows]) -> list[list[Any]]:
    """Return the rows of an answer that is one series or none."""
    return series[0].values if series else []
