"""What starts and ends a run, from the command line and in the process of a server's run alike."""

import asyncio
import os
import resource
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from traceback import format_exception
from typing import Final

from cryptick import __version__
from cryptick.audit import AuditLog
from cryptick.backtest import (
    Backtest,
    Progress,
    load_history,
    load_recordings,
    load_series,
    plan_backtest,
)
from cryptick.control import AWAY_S
from cryptick.errors import HandlerFailed
from cryptick.fill_rule import FillModel
from cryptick.hub import Hub
from cryptick.manifest import describe_run, results_of
from cryptick.market_data import Recording, Series
from cryptick.paper import PaperRun, RunHandle
from cryptick.report import Summary, write_report
from cryptick.report.analysis import late_starts
from cryptick.request import RunRequest
from cryptick.run_directory import RunDirectory
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import Unavailable
from exchange_wrapper.history import HistorySource, RemoteHistory, StoreHistory

__all__ = [
    "STORE_PATH",
    "XWRAP_URL",
    "Outcome",
    "RunStopped",
    "claim",
    "connect",
    "open_history",
    "run_backtest",
    "run_on_xwrap",
    "xwrap_url",
]

XWRAP_URL: Final = "ws://127.0.0.1:4200"
STORE_PATH: Final = "var/timeseries.db"

_RECONNECT_POLL_S: Final = 0.25
_TRACEBACK_MAX: Final = 20_000  # characters, of which the last ones tell most


class RunStopped(BaseException):
    """Ends a backtest before its time, through whatever is going on; not an error."""


class Outcome:
    """Write into ``run.json`` how a run ended, and where it failed into ``run.log``, too.

    Whatever ends the run passes through.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        ended_at = datetime.now(UTC).isoformat()
        if error is None or isinstance(error, RunStopped):
            results = results_of(self._directory.path)
            self._directory.update(state="stopped", ended_at=ended_at, results=results)
            return
        _lift_memory_limit()
        message = str(error) or type(error).__name__
        if not isinstance(error, HandlerFailed) or error.__cause__ is None:
            self._directory.update(state="failed", ended_at=ended_at, error=message)
            return
        trace = "".join(format_exception(error.__cause__))
        self._directory.update(
            state="failed", ended_at=ended_at, error=message, traceback=trace[-_TRACEBACK_MAX:]
        )
        log = self._directory.path / "run.log"
        with log.open("a", encoding="utf-8") as file:
            file.write(trace)
        error.message += f"; see {log}"


def _lift_memory_limit() -> None:
    """Let a run that is at its limit say so: that takes a little memory, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def claim(request: RunRequest, root: Path) -> RunDirectory:
    """Make the directory of a run that is about to start."""
    directory = RunDirectory.claim(root, request.strategy.__name__)
    directory.update(
        run_id=directory.run_id,
        **request.describe(),
        versions={"cryptick": __version__, "python": sys.version.split()[0]},
        state="starting",
        started_at=datetime.now(UTC).isoformat(),
    )
    return directory


def run_backtest(
    request: RunRequest,
    source: HistorySource,
    place: str,
    claim: Callable[[], RunDirectory],
    *,
    warn: Callable[[str], None],
    progress: Progress,
    attach: Callable[[Hub], None] | None = None,
) -> Summary:
    """Run a backtest and return its summary.

    Parameters
    ----------
    place : str
        Where ``source`` is.
    claim : callable
        Returns the run's directory, once it is known that there is history for it.
    warn : callable
        Gets a sentence on each pair whose history begins later than asked.
    progress : callable
        See ``Progress``; whatever it raises ends the run.
    attach : callable, optional
        Gets the run's hub before it begins.

    Raises
    ------
    NoData, UsageError
        It can't be run with the history there is.
    HandlerFailed
        The strategy raised.
    """
    if isinstance(source, RemoteHistory):
        request = replace(request, fees=request.fees.known(source.fees()))
    plan = plan_backtest(request, source, place)
    data: Sequence[Series] | Sequence[Recording]
    if request.fills.model is FillModel.BOOK:
        data = load_recordings(request, source, plan)
    else:
        data = series = load_series(request, source, plan)
        _warn_of_late_starts(request, series, warn)
    directory = claim()
    with (
        AuditLog(directory.path / "messages.jsonl", flush=False) as audit,
        Outcome(directory),
    ):
        history = load_history(request, source, data)
        backtest = Backtest(request, plan, data, directory, audit, history)
        manifest = describe_run(request, place, data)
        directory.update(state="running", source=place, manifest=manifest)
        if attach is not None:
            attach(backtest.hub)
        summary = backtest.run(place, progress)
        if request.fills.model is FillModel.BOOK:  # now it is known what was read
            directory.update(manifest=describe_run(request, place, data))
        write_report(backtest.result, summary, directory)
        return _noted(summary, directory)


async def run_on_xwrap(
    request: RunRequest,
    client: XWrapClient,
    claim: Callable[[], RunDirectory],
    stop: asyncio.Event,
    say: Callable[[str], None],
    *,
    wallet_set_id: int | None = None,
    attach: Callable[[RunHandle], None] | None = None,
    away_s: float = AWAY_S,
    tell_away: Callable[[str | None], None] = lambda words: None,
) -> Summary:
    """Run on paper or live until ``stop`` is set and return the summary; see `PaperRun`."""
    paper = await PaperRun.prepare(request, client)
    directory = claim()
    manifest = describe_run(request, client.url)
    directory.update(state="running", source=client.url, manifest=manifest)
    with (
        AuditLog(directory.path / "messages.jsonl", flush=True) as audit,
        Outcome(directory),
    ):
        summary = await paper.run(
            directory,
            audit,
            stop,
            say,
            wallet_set_id=wallet_set_id,
            attach=attach,
            away_s=away_s,
            tell_away=tell_away,
        )
        return _noted(summary, directory)


def _noted(summary: Summary, directory: RunDirectory) -> Summary:
    """Note what a list of runs shows of a result."""
    directory.update(
        orders=summary.orders,
        trades=summary.trades,
        currency=summary.currency,
        initial_equity=summary.initial_equity,
        equity=summary.final_equity,
        fees_paid=summary.fees_paid,
    )
    return summary


async def connect(url: str, name: str, wait_s: float) -> XWrapClient:
    """Connect to xWrap, trying again for ``wait_s`` seconds while it can't be reached.

    A connection that is lost later is made again.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        try:
            return await XWrapClient.connect(url, name=name, reconnect=True)
        except Unavailable:
            if loop.time() >= deadline:
                raise
            await asyncio.sleep(_RECONNECT_POLL_S)


def open_history(
    store: str | None, xwrap: str | None, stack: ExitStack
) -> tuple[HistorySource, str]:
    """Return where history comes from: as told, else a running xWrap, else the default store.

    Parameters
    ----------
    store, xwrap : str or None
        A path and an address; None where nothing is said.
    stack : ExitStack
        Closes it.

    Raises
    ------
    Unavailable
        It is not there.
    """
    if store is not None:
        return stack.enter_context(StoreHistory(store)), f"store {store}"
    url = xwrap_url(xwrap)
    remote = RemoteHistory(url)
    try:
        remote.series()
    except Unavailable as error:
        path = os.environ.get("TIMESERIES_DB", STORE_PATH)
        if xwrap is not None:
            raise
        if not Path(path).is_file():
            raise Unavailable(
                f"{error.message} Nor is there a store at {path}: import candles, or give --store"
            ) from None
        return stack.enter_context(StoreHistory(path)), f"store {path}"
    return remote, f"xWrap at {url}"


def xwrap_url(given: str | None = None) -> str:
    """Return the address of xWrap: what was given, else ``XWRAP_URL``, else the usual one."""
    return given or os.environ.get("XWRAP_URL", XWRAP_URL)


def _warn_of_late_starts(
    request: RunRequest, series: Sequence[Series], warn: Callable[[str], None]
) -> None:
    candles = ((s.instrument.exchange, s.instrument.pair, s.candles) for s in series)
    for words in late_starts(request.start_s, candles):
        warn(words)
