"""Backtests: W1 bars with orders, W2 pairs merged in time, W3 book updates; and their peers.

The data and the peers' scripts are looked for in ``$CRYPTICK_PEERS``, else beside the repository;
the peers run in ``.venv-bench``, which ``make bench`` sets up.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.backtest_strategies import BookMid, DailyRebalance, SmaCross, SmaCrossWithBid
from benchmarks.table import Figure
from cryptick.audit import AuditLog
from cryptick.backtest import Backtest
from cryptick.errors import UsageError
from cryptick.fill_rule import FillModel, FillRule
from cryptick.market_data import Recording, Series
from cryptick.report import Summary
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory
from cryptick.strategy.base import Strategy
from cryptick.valuation import make_plan
from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.market import BookSnapshot, BookUpdate
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.storage.embedded import EmbeddedStore
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs

_ROOT = Path(__file__).resolve().parents[1]
_PEERS = Path(os.environ.get("CRYPTICK_PEERS") or _ROOT / "../shared/bench/backtest")
_PYTHON = _ROOT / ".venv-bench/bin/python"
_CASH = Decimal(10_000_000)
_TICK, _LOT = Decimal("0.01"), Decimal("0.00001")
_ROUNDS = 3
_TIMEOUT_S = 300
_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@dataclass(frozen=True, slots=True)
class _Played:
    seconds: float
    summary: Summary


def run() -> list[Figure]:
    """Measure, or say what is missing."""
    if not (_PEERS / "gen_data.py").is_file():
        return [Figure("the peers' scripts and their data are not here", 0, "events/s")]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _script(root, sys.executable, "gen_data.py")
        return [*_minute_bars(root), *_merged(root), *_books(root)]


def _minute_bars(root: Path) -> list[Figure]:
    table = np.load(root / "w1.npz")
    series = [_series("BTC_USDT", table, "", 60)]
    count = len(series[0].candles)
    # Interleaved, so that both kinds see the same machine.
    rounds = [
        (_play(root, SmaCross, series), _play(root, SmaCross, series, audit=False))
        for _ in range(_ROUNDS)
    ]
    seconds, unaudited = (median(one.seconds for one in kind) for kind in zip(*rounds, strict=True))
    summary = rounds[0][0].summary
    long = [_series("BTC_USDT", table, "", 60, times=10)]
    resting = count / _play(root, SmaCrossWithBid, series).seconds
    growth = _play(root, SmaCross, long).seconds / seconds
    figures = [
        Figure("W1 one pair, SMA 20/60", count / seconds, "bars/s", "wanted 900,000"),
        Figure("W1 fills", summary.trades, "", f"equity {summary.final_equity}"),
        Figure("W1 beside a bid that rests", resting, "bars/s", "wanted 500,000"),
        Figure("W1 share of the audit record", 1 - unaudited / seconds, "", "wanted 0.30 at most"),
        Figure("W1 time with 10 times the bars", growth, "times", "wanted 11 at most"),
        *_command(root, series[0]),
    ]
    for arguments, wanted in ((("p_backtesting.py",), 5), (("p_nautilus.py", "w1"), 15)):
        figures.append(_peer(root, "W1", arguments, count / seconds, f"wanted {wanted}"))
    return figures


def _merged(root: Path) -> list[Figure]:
    table = np.load(root / "w2.npz")
    series = [_series(f"{'ABCDEF'[k] * 3}_USDT", table, str(k), 300) for k in range(6)]
    played = [_play(root, DailyRebalance, series) for _ in range(_ROUNDS)]
    rate = sum(len(one.candles) for one in series) / median(one.seconds for one in played)
    summary = played[0].summary
    return [
        Figure("W2 six pairs, daily rebalance", rate, "events/s", "wanted 700,000"),
        Figure("W2 fills", summary.trades, "", f"equity {summary.final_equity}"),
        _peer(root, "W2", ("p_bt.py",), rate),
        _peer(root, "W2", ("p_nautilus.py", "w2"), rate),
    ]


def _books(root: Path) -> list[Figure]:
    table = np.load(root / "w3.npz")
    pair = Pair("BTC-USDT", "BTC", "USDT", Decimal("0.1"), _LOT)
    sides = [(Side.BUY, Side.SELL)[side] for side in table["side"].tolist()]
    lots = np.rint(table["qty"] / float(_LOT)).astype(np.int64).tolist()
    times: list[UtcNs] = table["ts"].tolist()
    events = [
        BookSnapshot(pair.name(), [], [], times[0], times[0]),
        *(
            BookUpdate(pair.name(), [(side, Ticks(price), Lots(size))], time, time)
            for side, price, size, time in zip(
                sides, table["pt"].tolist(), lots, times, strict=True
            )
        ),
    ]
    recording = Recording("sim", pair, times[0], 300, events)
    played = [_play(root, BookMid, [recording]) for _ in range(_ROUNDS)]
    rate = len(events) / median(one.seconds for one in played)
    return [
        Figure("W3 book updates, a callback on each", rate, "updates/s", "wanted 1,000,000"),
        _peer(root, "W3", ("p_nautilus.py", "w3"), rate),
    ]


def _play(
    root: Path,
    strategy: type[Strategy],
    data: Sequence[Series] | Sequence[Recording],
    *,
    audit: bool = True,
) -> _Played:
    """Run a backtest and time it, from its first event to its summary."""
    books = isinstance(data[0], Recording)
    fills = FillRule(FillModel.BOOK if books else FillModel.NEXT_OPEN)
    request = RunRequest(
        strategy, strategy.Params(), "backtest", {"sim": {"USDT": _CASH}}, fills=fills
    )
    wanted = strategy.pairs(request.params, request.funded)
    plan = make_plan(wanted, request.funded, {"sim": {pair for _, pair in wanted}}, "", UsageError)
    directory = RunDirectory.claim(root / "runs", strategy.__name__)
    log = AuditLog(directory.path / "messages.jsonl", flush=False) if audit else nullcontext()
    with log as record:
        backtest = Backtest(request, plan, data, directory, record)
        start = perf_counter()
        summary = backtest.run("memory")
        return _Played(perf_counter() - start, summary)


def _command(root: Path, series: Series) -> list[Figure]:
    """Time the command line from its start to the report, on a store."""
    path = root / "candles.db"
    with EmbeddedStore(path) as store:
        store.put_instrument(series.instrument)
        store.write("sim", series.instrument.pair, series.candles)
    strategy = f"{_ROOT}/benchmarks/backtest_strategies.py:SmaCross"
    command = [sys.executable, "-m", "cryptick.run", strategy, "-m", "backtest"]
    command += ["--sim-usdt", str(_CASH), "--store", str(path), "--runs-dir", str(root / "runs")]
    start = perf_counter()
    # A child begins as large as its parent, so the one that is measured gets a small one.
    peak_kb = subprocess.run(
        [sys.executable, "-c", _PEAK, *command],
        check=True,
        cwd=_ROOT,
        timeout=_TIMEOUT_S,
        stdout=subprocess.PIPE,
    ).stdout
    seconds = perf_counter() - start
    peak_mb = int(peak_kb) / 1024
    return [
        Figure("W1 from command to report", seconds, "s", "wanted 4 at most"),
        Figure("W1 peak memory of that", peak_mb, "MB", "wanted 300 at most"),
    ]


def _peer(root: Path, work: str, arguments: Sequence[str], ours: float, wanted: str = "") -> Figure:
    name = f"{work} {arguments[0].removeprefix('p_').removesuffix('.py')}"
    if not _PYTHON.is_file():
        return Figure(f"{name} is not installed", 0, "events/s")
    result = _script(root, str(_PYTHON), *arguments)
    rate = float(result["rate"])
    told = f"{result['fills']} fills, equity {result['equity']}; " if "fills" in result else ""
    return Figure(name, rate, "events/s", f"{told}ours {ours / rate:.1f} times {wanted}".rstrip())


def _script(root: Path, python: str, *arguments: str) -> dict[str, Any]:
    """Run a peers' script in its place and return its result, if it tells one."""
    done = subprocess.run(
        [python, *arguments],
        check=True,
        cwd=_PEERS,
        env={**os.environ, "PEERS_DATA": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=_TIMEOUT_S,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout
    found = [line for line in done.splitlines() if line.startswith("RESULT ")]
    return json.loads(found[-1].removeprefix("RESULT ")) if found else {}


def _series(pair: str, table: Any, suffix: str, freq_s: int, *, times: int = 1) -> Series:
    """Return the candles of a table, or so many times as many, forth and back."""
    figures = {
        name: np.rint(table[name + suffix] * scale).astype(np.int64)
        for name, scale in (("o", 100), ("h", 100), ("l", 100), ("c", 100), ("v", 1000))
    }
    columns = [
        np.concatenate([figures[name][:: 1 if part % 2 == 0 else -1] for part in range(times)])
        for name in "ohlcv"
    ]
    closes = int(table["ts"][0]) // SECOND
    time = closes - freq_s + freq_s * np.arange(len(columns[0]), dtype=np.int64)
    instrument = Instrument("sim", pair, _TICK, _LOT)
    return Series(instrument, Candles(freq_s, 2, 3, time, *columns, time))
