"""Prove that a run would be the same in a backtest: ``python -m cryptick.parity RUN_ID``."""

import argparse
import asyncio
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from cryptick.command import CommandParser, carry_out
from cryptick.errors import UsageError
from cryptick.inputs import INPUTS, Input, RunHeader, read_inputs
from cryptick.past_runs import PastRun
from cryptick.request import make_params_from_json
from cryptick.run_directory import RunDirectory
from cryptick.run_replay import MESSAGES, RunReplay
from cryptick.strategy import Strategy, find_strategy
from cryptick.told import Difference, ToldComparison
from cryptick.venue_replay import Replayed, VenueReplay
from cryptick.xwrap_forms import Json, read_pair
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import DataError, NoData
from exchange_wrapper.history import HistorySource, Recorded, RemoteHistory, StoreHistory
from exchange_wrapper.terms import Mode
from exchange_wrapper.times import SECOND, UtcNs, from_iso, to_iso

__all__ = ["Market", "Parity", "check", "main", "xwrap_market"]

_ORDERS_PAGE: Final = 1000
_EARLIER_NS: Final = 86_400 * SECOND  # other runs' orders of so long before may still matter
_STORED_LATE_NS: Final = 60 * SECOND  # a store may be so much behind a market that is quiet

_EPILOG: Final = """\
A paper run is replayed, also one that failed or was killed: xWrap's recorded books and trades go
through the desk and the paper engine once more, with the orders of the run at the times at which
xWrap made them, and the strategy runs once more on what it heard. All orders, fills, wallets and
decisions are compared.

exit status: 0 nothing differs, 1 something does, 2 the command can't be run, 3 nothing was
recorded, 4 xWrap or the store is not available.
"""

_UNKNOWN_ORDERS: Final = "a store has no orders: what other runs took of the book is not known"


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """The result.

    Attributes
    ----------
    differences : int
        How many of these differ: the parameters, what xWrap told, what the strategy decided.
    first : Difference or None
        The first difference of the first of them.
    compared : dict of str to int
        How much was, by what it is.
    source : str
        Where the market is from.
    notes : list of str
        What else is to be known.
    """

    run_id: str
    strategy: str
    differences: int
    first: Difference | None
    compared: dict[str, int]
    period_start: str
    period_end: str
    source: str
    notes: list[str]


def main(argv: Sequence[str] | None = None) -> int:
    """Compare a run with its replay and return the exit status."""
    return carry_out("cryptick.parity", lambda: _run(_parser().parse_args(argv)))


def _run(options: argparse.Namespace) -> int:
    run = PastRun.open(Path(options.runs_dir), options.run_id, with_result=False)
    if options.store is None:
        parity = check(
            run, lambda header, end: xwrap_market(options.xwrap or header.url, header, end)
        )
    else:
        with StoreHistory(options.store) as store:
            parity = check(run, lambda *_: Market(f"store {options.store}", store, None))
    RunDirectory(run.path).write_json("parity.json", parity)
    if options.json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(parity), indent=2) + "\n")
    else:
        _print(parity, Console(highlight=False, markup=False))
    return 1 if parity.differences else 0


@dataclass(frozen=True)
class Market:
    """What xWrap knows of a run's market.

    Attributes
    ----------
    place : str
        Where it is from, for the report.
    recorded : HistorySource
        Books and trades.
    others : list of dict or None
        Orders of other runs; None where nobody knows.
    """

    place: str
    recorded: HistorySource
    others: Sequence[Json] | None


def check(
    run: PastRun,
    find_market: Callable[[RunHeader, UtcNs], Market],
    strategy: type[Strategy] | None = None,
) -> Parity:
    """Compare a run with its replay, as far as its record goes.

    Parameters
    ----------
    run : PastRun
    find_market : callable
        Returns the market of a run until a time.
    strategy : type of Strategy, optional
        By default it is found by the name or the file that the run had.

    Raises
    ------
    UsageError
        It is a backtest, or its strategy is gone.
    NoData
        Its inputs or its market were not recorded.
    Unavailable
        xWrap can't be reached.
    """
    path = run.path
    if run.run.get("mode") == "backtest":
        raise UsageError(f"{run.run_id} is a backtest: parity is for runs on paper")
    header, stored = read_inputs(path / INPUTS)
    inputs = list(stored)
    if not inputs or not (path / MESSAGES).is_file():
        raise NoData(f"{path} has no record of what the run heard and did")
    strategy = strategy or _find(header)
    params = make_params_from_json(strategy, run.run.get("params", header.params))
    orders = [input.params for input in inputs if input.method == "order"]
    # xWrap's clock may be another machine's.
    end = max([inputs[-1].time, *(from_iso(order["last_updated_at"]) for order in orders)])
    market = find_market(header, end)
    until, notes = _known_until(header, inputs, market)
    replayed, more = _replay_venues(header, orders, end if until is None else until, market)
    # Whoever fails or stops closes its record; what was killed, or goes on, has not.
    whole = run.run.get("state") == "stopped" or "traceback" in run.run
    told = ToldComparison(replayed, header.wallet_set_id, until, whole)
    replay = RunReplay(header, strategy, params, path / MESSAGES, whole)
    with TemporaryDirectory(prefix="cryptick-parity-") as scratch:
        replay.run(list(told.run(inputs)), Path(scratch))
    given = _parameters_differ(header, params, strategy)
    failed = _failure_differs(run, replay, inputs[-1].time)
    found = [one for one in (given, told.difference, replay.difference, failed) if one is not None]
    return Parity(
        run_id=header.run_id,
        strategy=header.strategy,
        differences=len(found),
        first=found[0] if found else None,
        compared=_counts(inputs, told, replay),
        period_start=to_iso(header.start),
        period_end=to_iso(end),
        source=market.place,
        notes=[*_ending(run, replay, inputs[-1].time), *notes, *more],
    )


def _ending(run: PastRun, replay: RunReplay, end: UtcNs) -> list[str]:
    """Say how a run ended that did not end well."""
    state, error = run.run.get("state"), run.run.get("error")
    if state == "stopped":
        return []
    if "traceback" in run.run:
        return [f"the run failed, and so does the replay: {error}"]
    how = f"the run failed: {error}" if state == "failed" else "the run goes on, or was killed"
    left = f"; {replay.left:,} messages after that are not compared" if replay.left else ""
    return [f"{how}; its record ends at {to_iso(end)}{left}"]


def _failure_differs(run: PastRun, replay: RunReplay, end: UtcNs) -> Difference | None:
    """Compare whether the strategy raised."""
    if ("traceback" in run.run) == bool(replay.problem) or replay.difference is not None:
        return None
    expected = str(run.run.get("error")) if "traceback" in run.run else "no failure"
    found = replay.problem or "no failure"
    cause = "the strategy depends on something that is not among its inputs"
    return Difference("failure", "the strategy", to_iso(end), expected, found, cause)


def _known_until(
    header: RunHeader, inputs: Sequence[Input], market: Market
) -> tuple[UtcNs | None, list[str]]:
    """Return until when xWrap's side can be replayed where xWrap was killed meanwhile, and a note.

    What it had not stored is lost with it, and so is the liquidity that it knew to be taken.
    """
    away: UtcNs | None = None
    for input in inputs:
        if input.method == "away":
            away = input.time
        elif input.method == "back":
            if not input.params["complete"]:
                break
            away = None
    if away is None:
        return None, []
    since = UtcNs(away - _STORED_LATE_NS)
    last = [away]
    for exchange, described in header.exchanges.items():
        if described["mode"] != Mode.LIVE:
            for pair in described["increments"]:
                last.append(_last_stored(market.recorded, exchange, pair, since, away))
    until = min(last)
    return until, [
        f"xWrap was away at {to_iso(away)} and restarted: what it told after {to_iso(until)}, the "
        "last that it had stored, is taken from the run's record"
    ]


def _last_stored(
    recorded: HistorySource, exchange: str, pair: str, since: UtcNs, end: UtcNs
) -> UtcNs:
    try:
        events = recorded.recorded_events(exchange, pair, since, end)
        return max((event.received_at for event in events), default=since)
    except NoData:
        return since


def _counts(inputs: Sequence[Input], told: ToldComparison, replay: RunReplay) -> dict[str, int]:
    names = ("orders", "order states", "fills", "wallet states", "quotes", "trades")
    decided = ("orders decided", "cancellations decided", "messages")
    return {
        "inputs": len(inputs),
        **{name: told.counts[name] for name in names},
        **{name: replay.counts[name] for name in decided},
    }


def _parameters_differ(
    header: RunHeader, params: Strategy.Params, strategy: type[Strategy]
) -> Difference | None:
    given = make_params_from_json(strategy, header.params)
    if given == params:
        return None
    names = [
        field.name
        for field in dataclasses.fields(given)
        if getattr(given, field.name) != getattr(params, field.name)
    ]
    expected, found = (
        ", ".join(f"{name} {getattr(one, name)}" for name in names) for one in (given, params)
    )
    cause = "the parameters in run.json are not those that the run was given"
    return Difference("parameters", "run.json", to_iso(header.start), expected, found, cause)


def _find(header: RunHeader) -> type[Strategy]:
    name = header.strategy
    return find_strategy(f"{header.source}:{name}" if header.source else name)


def xwrap_market(url: str, header: RunHeader, end: UtcNs) -> Market:
    """Return what a running xWrap knows of a run's market until a time."""
    return Market(f"xWrap at {url}", RemoteHistory(url), _orders_of_others(url, header, end))


def _orders_of_others(url: str, header: RunHeader, end: UtcNs) -> list[Json]:
    """Return other runs' orders at the run's pairs that may have shared its liquidity."""
    markets = set(header.plan.followed)

    async def ask() -> tuple[dict[str, Any], list[Json]]:
        orders: list[Json] = []
        async with await XWrapClient.connect(url, name="cryptick parity") as client:
            status = await client.get_status()
            page = await client.list_recent_orders(True, limit=_ORDERS_PAGE)
            while page:
                orders += page
                last = page[-1]
                done = last["done_at"] is not None and from_iso(last["done_at"])
                if len(page) < _ORDERS_PAGE or (done and done < header.start - _EARLIER_NS):
                    break
                page = await client.list_recent_orders(
                    True, limit=_ORDERS_PAGE, before_id=last["id"]
                )
        return status, orders

    status, orders = asyncio.run(ask())
    started_at, since = from_iso(status["started_at"]), header.start - _EARLIER_NS
    if started_at <= header.start:  # then it forgot what was taken before
        since = max(since, started_at)
    return [
        order
        for order in orders
        if (order["exchange"], order["pair"]) in markets
        and order["wallet_set_id"] != header.wallet_set_id
        and since <= from_iso(order["created_at"]) <= end
    ]


def _replay_venues(
    header: RunHeader, told: Sequence[Json], end: UtcNs, market: Market
) -> tuple[dict[str, Replayed], list[str]]:
    """Replay the paper exchanges of a run with the orders that were told.

    Return them by name, and what is to be noted.
    """
    last_told = {order["client_order_id"]: order for order in told}
    notes: list[str] = []
    replayed = {}
    for exchange, described in header.exchanges.items():
        if described["mode"] == Mode.LIVE:
            notes.append(f"{exchange} is live: its answers are taken from the run's record")
            continue
        own, others = (
            [order for order in orders if order["exchange"] == exchange]
            for orders in (last_told.values(), market.others or ())
        )
        start = min([header.start, *(from_iso(order["created_at"]) for order in others)])
        events = _events(header, exchange, start, end, market)
        venue = VenueReplay(header, exchange, events, own, others)
        replayed[exchange] = venue.run(end)
        if market.others is None:
            replayed[exchange].doubts.append(_UNKNOWN_ORDERS)
        if others:
            notes.append(f"{len(others):,} orders of other runs on {exchange} are replayed beside")
        notes.extend(f"on {exchange}, {words}" for words in replayed[exchange].doubts)
    return replayed, notes


def _events(
    header: RunHeader, exchange: str, start: UtcNs, end: UtcNs, market: Market
) -> dict[str, Iterator[Recorded]]:
    """Return what was recorded of the run's pairs at an exchange."""
    recorded = {(one.exchange, one.pair): one for one in market.recorded.recordings()}
    events = {}
    for pair, increments in header.exchanges[exchange]["increments"].items():
        info = recorded.get((exchange, pair))
        if info is None or info.start > header.start:
            raise NoData(
                f"the market of {pair} on {exchange} was not recorded when the run began: see "
                '"record" in the settings of xWrap'
            )
        if market.others is None and info.end < end - _STORED_LATE_NS:
            raise NoData(
                f"the recording of {pair} on {exchange} ends at {to_iso(info.end)}, before the run "
                "did"
            )
        known = read_pair(pair, increments)
        if (info.tick_size, info.lot_size) != (known.tick_size, known.lot_size):
            raise DataError(f"the increments of {pair} on {exchange} have changed since")
        first = max(start, info.start)
        events[pair] = market.recorded.recorded_events(exchange, pair, first, UtcNs(end + 1))
    return events


def _print(parity: Parity, console: Console) -> None:
    table = Table(title=f"Parity of {parity.run_id}, {parity.strategy}", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, count in parity.compared.items():
        table.add_row(name, f"{count:,}")
    table.add_row("differences", str(parity.differences))
    if parity.first is not None:
        for name, text in msgspec.structs.asdict(parity.first).items():
            table.add_row(f"first: {name}", text)
    start, end = (time[:19].replace("T", " ") for time in (parity.period_start, parity.period_end))
    table.add_row("period", f"{start} to {end} UTC")
    table.add_row("market from", parity.source)
    for note in parity.notes:
        table.add_row("note", note)
    console.print(table)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m cryptick.parity",
        description="Compare a finished paper run with its replay, order by order.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("run_id", help="the run, such as hodlstrategy_0")
    add("--runs-dir", metavar="PATH", default="var/runs", help="where runs are kept (%(default)s)")
    market = parser.add_mutually_exclusive_group()
    market.add_argument(
        "--xwrap", metavar="URL", help="address of xWrap (default: the one that the run had)"
    )
    market.add_argument("--store", metavar="PATH", help="read what was recorded from this store")
    add("--json", action="store_true", help="print the result as JSON and nothing else")
    return parser


if __name__ == "__main__":
    sys.exit(main())
