"""``run``: run the service."""

import argparse
import asyncio
import logging
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from exchange_wrapper import sentry
from exchange_wrapper.config import Config, Settings
from exchange_wrapper.service.server import serve, tune_interpreter

__all__ = ["add_parser", "run"]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "run",
        help="run the service",
        description="Run the service until Ctrl-C. The environment variable SQLITE_DB names the "
        "database that init_db made; RPC_HOST, RPC_PORT, WEB_HOST and WEB_PORT where to listen.",
    )
    parser.add_argument(
        "--config", type=Path, required=True, metavar="PATH", help="the configuration (JSON)"
    )
    parser.add_argument(
        "--log-level",
        default="warning",
        choices=("debug", "info", "warning", "error"),
        help="what is logged to stderr (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the service until it is told to stop, or can't go on."""
    logging.basicConfig(
        stream=sys.stderr,
        level=args.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    for chatty in ("httpx", "sanic.root"):  # a line for each page of candles, a banner
        logging.getLogger(chatty).setLevel(logging.WARNING)
    config = Config()
    config.load(args.config)
    settings = Settings.from_config(config)
    if settings.sentry_dsn is not None:
        sentry.start(settings.sentry_dsn)
    uvloop.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve(settings, partial(print, flush=True)) as running:
        tune_interpreter()
        print(f"xWrap ready: rpc {running.rpc_url} http {running.http_url}", flush=True)
        failure = running.service.engine.failure
        told = asyncio.ensure_future(stopped.wait())
        ends: list[asyncio.Future[Any]] = [told, failure]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
    if failure.done():
        raise failure.result()
