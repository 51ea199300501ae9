"""Command line: ``python -m exchange_wrapper.sandbox``."""

import argparse
import asyncio
import math
import signal
import sys
from pathlib import Path
from typing import NoReturn

import uvloop

from exchange_wrapper.errors import XWrapError
from exchange_wrapper.sandbox.capture import read_capture
from exchange_wrapper.sandbox.faults import Faults
from exchange_wrapper.sandbox.keys import DEMO, read_profiles
from exchange_wrapper.sandbox.limits import Limits
from exchange_wrapper.sandbox.replay import Replay
from exchange_wrapper.sandbox.server import REST_PORT, WS_PORT, serve
from exchange_wrapper.sandbox.simulation import Simulation
from exchange_wrapper.sandbox.venue import Venue

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """Tells a mistake in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"sandbox: {message}\n")


def _speed(text: str) -> float:
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = math.nan
    if not (speed > 0 and (text == "max" or math.isfinite(speed))):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number or 'max'")
    return speed


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535, 0 for a free one")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m exchange_wrapper.sandbox",
        description="Serve a market on loopback in the Coinbase Exchange protocol.",
    )
    common = _Parser(add_help=False)
    common.add_argument("--host", default="127.0.0.1", help="address to bind (default %(default)s)")
    for name, port in (("--rest-port", REST_PORT), ("--ws-port", WS_PORT)):
        common.add_argument(
            name, type=_port, default=port, help="0 takes a free port (default %(default)s)"
        )
    sources = parser.add_subparsers(dest="source", required=True)
    replay = sources.add_parser("replay", parents=[common], help="a recorded market")
    replay.add_argument("capture", type=Path, help="a ws.txt.gz or the folder that holds it")
    replay.add_argument(
        "--speed", type=_speed, default=1.0, help="a factor, or max (default %(default)g)"
    )
    simulate = sources.add_parser("simulate", parents=[common], help="a simulated market")
    simulate.add_argument("--seed", type=int, required=True, help="same seed, same market")
    simulate.add_argument(
        "--keys", type=Path, help="a JSON file of profiles (default: one public demo key)"
    )
    simulate.add_argument("--show-keys", action="store_true", help="print the demo key")
    simulate.add_argument("--no-limits", action="store_true", help="answer any number of requests")
    simulate.add_argument(
        "--faults", action="store_true", help="let /sandbox/faults make things go wrong"
    )
    return parser


def _venue(options: argparse.Namespace) -> Venue:
    if options.source == "replay":
        return Replay(read_capture(options.capture), options.speed)
    return Simulation(options.seed, read_profiles(options.keys) if options.keys else (DEMO,))


def _keys(options: argparse.Namespace) -> str:
    """Tell where the keys are; only the demo key, which everybody knows, is told itself."""
    if options.source == "replay":
        return ""
    if options.keys:
        return f", keys of {options.keys}"
    if not options.show_keys:
        return ""
    return f", key {DEMO.key} secret {DEMO.secret} passphrase {DEMO.passphrase}"


async def _run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    venue = _venue(options)
    simulated = options.source == "simulate"
    async with serve(
        venue,
        host=options.host,
        rest_port=options.rest_port,
        ws_port=options.ws_port,
        limits=Limits() if simulated and not options.no_limits else None,
        faults=Faults() if simulated and options.faults else None,
    ) as at:
        told = f"{venue.description}{_keys(options)}"
        print(f"sandbox ready: rest {at.rest_url} ws {at.ws_url} {told}", flush=True)
        await stop.wait()


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        uvloop.run(_run(options))
    except XWrapError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
