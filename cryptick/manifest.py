"""What a run rests on, so that it can be run again: code, request, data, and what came out."""

import hashlib
import inspect
import platform
import subprocess
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from cryptick import __version__
from cryptick.fill_rule import FillModel, FillRule
from cryptick.hashed_events import HashedEvents
from cryptick.market_data import Recording, Series
from cryptick.request import Fees, RunRequest, make_params_from_json
from cryptick.strategy import Strategy, find_strategy
from exchange_wrapper.candles import Candles
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.times import SECOND

__all__ = [
    "RESULT_FILES",
    "Manifest",
    "candles_hash",
    "describe_run",
    "request_of",
    "results_of",
]

RESULT_FILES: Final = ("orders.csv", "trades.csv")

_SCHEMA: Final = 1
_ROOT: Final = Path(__file__).resolve().parents[1]
_PACKAGES: Final = ("cryptick", "exchange_wrapper")
_LIBRARIES: Final = ("msgspec", "numpy")
_GIT_TIMEOUT_S: Final = 5


class Code(msgspec.Struct, frozen=True):
    """Versions, and the SHA-256 of the packages' source; ``commit`` outside of releases."""

    cryptick: str
    source: str
    commit: str | None
    python: str
    libraries: dict[str, str]


class StrategySource(msgspec.Struct, frozen=True):
    """Where a strategy is from; ``file`` is None for one that comes with Cryptick."""

    name: str
    file: str | None
    source: str  # SHA-256 of its module


class Balance(msgspec.Struct, frozen=True):
    """What a wallet began with."""

    exchange: str
    currency: str
    balance: str


class Charges(msgspec.Struct, frozen=True):
    """The fees of an exchange, as fractions."""

    exchange: str
    maker: str
    taker: str


class Fills(msgspec.Struct, frozen=True):
    """How orders were filled."""

    model: str
    latency_ns: int
    slippage_bps: str


class Data(msgspec.Struct, frozen=True):
    """The candles of a pair: [start_s, end_s), its increments, and the SHA-256 of its columns.

    Of a recorded book ``rows`` are events, from and to the seconds that they lie in, ``columns`` is
    the SHA-256 of them, and ``freq_s`` the length of the bars that are made of its trades.
    """

    exchange: str
    pair: str
    freq_s: int
    start_s: int
    end_s: int
    rows: int
    tick_size: str
    lot_size: str
    min_notional: str
    columns: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run's result follows from.

    Live markets are only named by ``source``. ``key`` names the request: all random
    choices and order ids follow from it.
    """

    schema: int
    code: Code
    strategy: StrategySource
    params: dict[str, object]
    mode: str
    balances: list[Balance]
    start_s: int | None
    end_s: int | None
    freq_s: int | None
    fees: list[Charges]
    fills: Fills | None
    source: str
    data: list[Data]
    key: str


def describe_run(
    request: RunRequest, source: str, data: Sequence[Series] | Sequence[Recording] = ()
) -> Manifest:
    """Return the manifest of a run that is about to begin.

    Parameters
    ----------
    source : str
        Where the market's data comes from.
    data : sequence of Series, or of Recording
        What a backtest runs on. Recordings are read once: they are told when the run is over.
    """
    backtest = request.mode == "backtest"
    return Manifest(
        schema=_SCHEMA,
        code=_code(),
        strategy=_strategy_source(request.strategy),
        params=request.describe_params(),
        mode=request.mode,
        balances=[
            Balance(exchange, currency, format_amount(amount))
            for (exchange, currency), amount in request.wallets().items()
        ],
        start_s=request.start_s,
        end_s=request.end_s,
        freq_s=request.freq_s,
        fees=[_charges(name, request.fees.of(name)) for name in sorted(request.balances)]
        if backtest
        else [],
        fills=_fills(request.fills) if backtest else None,
        source=source,
        data=[row for one in data if (row := _data(one)) is not None],
        key=request.key(),
    )


def request_of(manifest: Manifest) -> RunRequest:
    """Return the request of a backtest's manifest.

    Raises
    ------
    UnknownStrategy
        The strategy is not there any more.
    UsageError
        The strategy has other parameters now.
    """
    source = manifest.strategy
    name = source.name if source.file is None else f"{source.file}:{source.name}"
    strategy = find_strategy(name)
    balances: dict[str, dict[str, Decimal]] = {}
    for row in manifest.balances:
        balances.setdefault(row.exchange, {})[row.currency] = Decimal(row.balance)
    fees = {
        row.exchange: FeeSchedule(Decimal(row.maker), Decimal(row.taker)) for row in manifest.fees
    }
    return RunRequest(
        strategy,
        make_params_from_json(strategy, manifest.params),
        "backtest",
        balances,
        manifest.start_s,
        manifest.end_s,
        manifest.freq_s,
        Fees(fees),
        _rule(manifest.fills),
    )


def results_of(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each result file of a run's directory that is there."""
    found = {}
    for name in RESULT_FILES:
        if (path / name).is_file():
            with (path / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def candles_hash(candles: Candles) -> str:
    """Return the SHA-256 of times, prices and volumes, however many digits they are kept with."""
    digest = hashlib.sha256(f"{candles.freq_s}".encode())
    digest.update(candles.time.astype("<i8").tobytes())
    prices = [candles.open, candles.high, candles.low, candles.close]
    for digits, columns in (
        (candles.price_digits, prices),
        (candles.volume_digits, [candles.volume]),
    ):
        unit = int(np.gcd.reduce([np.gcd.reduce(column, initial=0) for column in columns]))
        spare = 0
        while spare < digits and unit and unit % 10 ** (spare + 1) == 0:
            spare += 1
        digest.update(f"{digits - spare}".encode())
        for column in columns:
            digest.update((column // 10**spare).astype("<i8").tobytes())
    return digest.hexdigest()


def _data(one: Series | Recording) -> Data | None:
    if isinstance(one, Recording):
        events = one.events
        return _recorded(one, events) if isinstance(events, HashedEvents) and events.rows else None
    instrument, candles = one.instrument, one.candles
    return Data(
        instrument.exchange,
        instrument.pair,
        candles.freq_s,
        int(candles.time[0]),
        int(candles.time[-1]) + candles.freq_s,
        len(candles),
        format_amount(instrument.tick_size),
        format_amount(instrument.lot_size),
        format_amount(instrument.min_notional),
        candles_hash(candles),
    )


def _recorded(one: Recording, events: HashedEvents) -> Data:
    pair = one.pair
    return Data(
        one.exchange,
        pair.name(),
        one.freq_s,
        events.start // SECOND,
        events.end // SECOND + 1,
        events.rows,
        format_amount(pair.tick_size),
        format_amount(pair.lot_size),
        format_amount(pair.min_notional),
        events.digest(),
    )


def _fills(rule: FillRule) -> Fills:
    return Fills(rule.model.value, rule.latency_ns, format_amount(rule.slippage_bps))


def _rule(fills: Fills | None) -> FillRule:
    if fills is None:
        return FillRule()
    return FillRule(FillModel(fills.model), fills.latency_ns, Decimal(fills.slippage_bps))


def _charges(exchange: str, fees: FeeSchedule) -> Charges:
    return Charges(exchange, format_amount(fees.maker), format_amount(fees.taker))


def _strategy_source(strategy: type[Strategy]) -> StrategySource:
    file = Path(inspect.getfile(strategy)).resolve()
    shipped = strategy.__module__.partition(".")[0] in _PACKAGES
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return StrategySource(strategy.__name__, None if shipped else str(file), digest)


@cache
def _code() -> Code:
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for file in sorted((_ROOT / package).rglob("*.py")):
            digest.update(f"{file.relative_to(_ROOT).as_posix()}\n".encode())
            digest.update(file.read_bytes())
    return Code(
        __version__,
        digest.hexdigest(),
        _commit(),
        platform.python_version(),
        {name: metadata.version(name) for name in _LIBRARIES},
    )


def _commit() -> str | None:
    if not (_ROOT / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
