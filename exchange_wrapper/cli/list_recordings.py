"""``list_recordings``: of which pairs books and trades are recorded."""

import argparse
import json

from rich.console import Console
from rich.table import Table

from exchange_wrapper.cli._series import add_store, period_words, shown, store_of
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.recordings import describe
from exchange_wrapper.storage import RecordingInfo, open_store
from exchange_wrapper.times import SECOND

__all__ = ["add_parser", "run"]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "list_recordings",
        help="list the recordings of full books and trades",
        description="List the recordings of full books and trades. What is recorded is set by "
        '"record" of an exchange in the settings.',
    )
    parser.add_argument("--json", action="store_true", help="list as JSON")
    add_store(parser)


def run(args: argparse.Namespace) -> int:
    """List on standard output.

    Raises
    ------
    XWrapError
        There is no store, or it can't be read.
    """
    place = store_of(args)
    with open_store(place, read_only=True) as store:
        found = store.recordings()
    if args.json:
        print(json.dumps([describe(info) for info in found], indent=2))
    elif found:
        # Wide enough not to cut a table that is read by another program.
        console = Console() if Console().is_terminal else Console(width=160)
        console.print(_table(found))
    else:
        print(f'nothing is recorded in {shown(place)}; see "record" in the settings')
    return 0


def _table(found: list[RecordingInfo]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("exchange", "pair", "period (UTC)"):
        table.add_column(name)
    for name in ("segments", "kB", "tick size", "lot size"):
        table.add_column(name, justify="right")
    for info in found:
        table.add_row(
            info.exchange,
            info.pair,
            period_words(info.start // SECOND, -(-info.end // SECOND)),
            f"{info.segments:,}",
            f"{info.bytes / 1000:,.0f}",
            format_amount(info.tick_size),
            format_amount(info.lot_size),
        )
    return table
