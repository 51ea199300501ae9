"""``kill``: stop trading, also when xWrap does not answer."""

import argparse
import asyncio
import json
import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from exchange_wrapper.client import XWrapClient
from exchange_wrapper.db import insert_rows, open_database
from exchange_wrapper.errors import Unavailable
from exchange_wrapper.incidents import Incident, IncidentKind
from exchange_wrapper.kill_switch import EVERYTHING, KillLevel, name_scope
from exchange_wrapper.models import Incident as IncidentRow
from exchange_wrapper.records import incident_row
from exchange_wrapper.times import UtcNs

__all__ = ["add_parser", "run"]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "kill",
        help="stop trading, or let it go on",
        description="Set the kill switch: stop refuses new orders, cancel also cancels the open "
        "ones, flatten also sells what wallet sets hold; off releases it. Where xWrap does not "
        "answer, it is written into the database and takes effect at the next start.",
    )
    parser.add_argument("level", choices=[level.value for level in KillLevel])
    parser.add_argument(
        "--scope",
        default=EVERYTHING,
        metavar="NAME",
        help="an exchange's name or a wallet set's id (default: everything)",
    )
    parser.add_argument(
        "--url",
        default=f"ws://{os.environ.get('RPC_HOST', '127.0.0.1')}:"
        f"{os.environ.get('RPC_PORT', '4200')}",
        help="where xWrap listens (default: %(default)s)",
    )
    parser.add_argument(
        "--db",
        type=Path,
        default=os.environ.get("SQLITE_DB"),
        metavar="PATH",
        help="the database to write to if it does not answer (default: $SQLITE_DB)",
    )
    parser.add_argument(
        "--timeout", type=float, default=5.0, metavar="SECONDS", help="how long to wait for xWrap"
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Set the kill switch and say how far it has got.

    Raises
    ------
    XWrapError
        xWrap refuses, or it does not answer and the database can't be written either.
    """
    level = KillLevel(args.level)
    try:
        answer = asyncio.run(_ask(args.url, level, args.scope, args.timeout))
    except Unavailable as error:
        if args.db is None:
            raise Unavailable(
                f"{error.message}; name the database with --db to set the kill switch there"
            ) from error
        _write(args.db, level, args.scope)
        answer = {"scope": args.scope or None, "level": level.value, "at_next_start": True}
        print(f"xwrap: {error.message}", file=sys.stderr)
    if args.json:
        print(json.dumps(answer))
        return 0
    place = name_scope(args.scope)
    if "at_next_start" in answer:
        print(
            f"The kill switch of {place} is written into {args.db} as {level}: it takes effect "
            "when xWrap starts the next time. Until then nothing is cancelled."
        )
    else:
        print(
            f"The kill switch of {place} is at {answer['level']}; "
            f"{answer['cancelling']} open orders await their cancellation."
        )
    return 0


async def _ask(url: str, level: KillLevel, scope: str, timeout_s: float) -> dict[str, Any]:
    async with await XWrapClient.connect(url, name="kill", timeout_s=timeout_s) as client:
        answer: dict[str, Any] = await client.call(
            "kill_switch", level=level.value, scope=scope or None
        )
        return answer


def _write(path: Path, level: KillLevel, scope: str) -> None:
    incident = Incident(
        IncidentKind.KILL_SWITCH, UtcNs(time.time_ns()), "", scope, level.value, "command line"
    )
    with closing(open_database(path)) as database, database.atomic():
        insert_rows(database, IncidentRow, [incident_row(incident)])
