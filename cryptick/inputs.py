"""What reached a run, in order and with its times: enough to run it again.

``inputs.jsonl.gz`` in a run's directory is a line of JSON for the run itself, a `RunHeader`, then a
line for each `Input`. What came before a decision is on the disk before the decision leaves.
"""

import hashlib
import inspect
import zlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from cryptick import strategy as shipped
from cryptick.strategy.base import Strategy
from cryptick.valuation import Plan
from exchange_wrapper.errors import DataError, NoData
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["INPUTS", "Input", "InputLog", "RunHeader", "describe_plan", "read_inputs", "source_of"]

INPUTS: Final = "inputs.jsonl.gz"

_FORMAT: Final = 1
_BUFFER: Final = 1 << 16  # characters, and
_KEPT_NS: Final = SECOND  # time of market data, that a kill may cost at most
_GZIP: Final = 31  # zlib's window bits for the gzip format
_PIECE: Final = 1 << 20


class Input(msgspec.Struct, frozen=True, array_like=True):
    """Something that reached a run, when its clock stood at ``time``.

    ``method`` is that of a notification of xWrap, or one of the runner's own: see
    `cryptick.driven_run`. ``params`` are as they came by JSON.
    """

    time: UtcNs
    method: str
    params: Any = None


class RunHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is given before its first input.

    Attributes
    ----------
    start : UtcNs
    key : str
        The seed of what the strategy draws and of its orders' names.
    strategy, source, source_hash : str
        Its class, the file that has it where Cryptick has not, and the SHA-256 of its file.
    params : dict
        As JSON.
    balances : dict
        By exchange and currency.
    currency, traded, prices
        The plan: see `cryptick.valuation.Plan`; ``prices`` as rows of exchange, currency and pair.
    exchanges : dict
        What ``get_exchanges`` says of those in use, by name.
    url : str
        Where xWrap was.
    """

    format: int = _FORMAT
    run_id: str
    start: UtcNs
    key: str
    wallet_set_id: int
    strategy: str
    source: str
    source_hash: str
    params: dict[str, Any]
    balances: dict[str, dict[str, Decimal]]
    currency: str
    traded: list[tuple[str, str]]
    prices: list[tuple[str, str, str | None]]
    exchanges: dict[str, dict[str, Any]]
    url: str

    @property
    def plan(self) -> Plan:
        """What the run trades and how its equity is counted."""
        prices = {
            (exchange, currency): None if pair is None else (exchange, pair)
            for exchange, currency, pair in self.prices
        }
        return Plan(self.currency, self.traded, prices)

    @property
    def funded(self) -> dict[str, frozenset[str]]:
        """The currencies of each exchange that there is money of."""
        return {exchange: frozenset(wallets) for exchange, wallets in self.balances.items()}


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_TEXT_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")
_HEADER: Final = msgspec.json.Decoder(RunHeader)
_DECODER: Final = msgspec.json.Decoder(Input, float_hook=Decimal)


class InputLog:
    """Write a run's header and inputs, for as long as its ``with`` block lasts."""

    def __init__(self, path: Path, header: RunHeader) -> None:
        self._file = path.open("xb", buffering=0)
        self._packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
        self._flushed_at = header.start
        self._lines = bytearray(_TEXT_ENCODER.encode(header) + b"\n")
        self.flush()

    def write(self, input: Input) -> None:
        """Add an input."""
        self._lines += _ENCODER.encode(input)
        self._lines += b"\n"
        if len(self._lines) > _BUFFER or input.time - self._flushed_at > _KEPT_NS:
            self._flushed_at = input.time
            self.flush()

    def flush(self) -> None:
        """Hand all that was written to the operating system, so that it survives a kill."""
        if self._lines:
            packed = self._packer.compress(bytes(self._lines))
            self._file.write(packed + self._packer.flush(zlib.Z_SYNC_FLUSH))
            self._lines.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.write(self._packer.compress(bytes(self._lines)) + self._packer.flush())
        self._file.close()


def read_inputs(path: Path) -> tuple[RunHeader, Iterator[Input]]:
    """Return what a run was given, and its inputs in order.

    The file of a run that was killed is read as far as it goes.

    Raises
    ------
    NoData
        There is no such file.
    DataError
        It is damaged or of another version; while reading, too.
    """
    if not path.is_file():
        raise NoData(f"{path} is missing: only paper runs keep their inputs, from this version on")
    lines = _lines(path)
    try:
        header = _HEADER.decode(next(lines, b""))
    except msgspec.DecodeError as error:
        raise DataError(f"{path} is damaged: {error}") from None
    if header.format != _FORMAT:
        raise DataError(f"{path} is of format {header.format}, not {_FORMAT}")
    return header, _inputs(path, lines)


def source_of(strategy: type[Strategy]) -> tuple[str, str]:
    """Return the file that has a strategy, empty for one of Cryptick's own, and its SHA-256."""
    path = Path(inspect.getsourcefile(strategy) or "").resolve()
    content = path.read_bytes() if path.is_file() else b""
    is_shipped = strategy.__module__.startswith(f"{shipped.__name__}.")
    return "" if is_shipped else str(path), hashlib.sha256(content).hexdigest()


def describe_plan(plan: Plan) -> Mapping[str, Any]:
    """Return a plan as the fields of a `RunHeader`."""
    prices = [
        (*place, None if market is None else market[1]) for place, market in plan.prices.items()
    ]
    return {"currency": plan.currency, "traded": plan.traded, "prices": prices}


def _inputs(path: Path, lines: Iterator[bytes]) -> Iterator[Input]:
    for number, line in enumerate(lines, 2):
        try:
            yield _DECODER.decode(line)
        except msgspec.DecodeError as error:
            raise DataError(f"line {number} of {path} is damaged: {error}") from None


def _lines(path: Path) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP)
    rest = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            try:
                unpacked = unpacker.decompress(piece)
            except zlib.error as error:
                raise DataError(f"{path} is damaged: {error}") from None
            *whole, rest = (rest + unpacked).split(b"\n")
            yield from whole
