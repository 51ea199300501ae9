"""``python -m cryptick.server``: serve until Ctrl-C."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence

import msgspec

from cryptick.server.app import serve
from cryptick.server.settings import Settings, load_settings
from exchange_wrapper.errors import XWrapError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Serve and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m cryptick.server",
        description="Serve strategy runs over HTTP and Socket.IO until Ctrl-C. Runs go on when the "
        "server ends; it finds them again when it is back. See docs/server.md.",
    )
    parser.add_argument("--config", metavar="FILE", help='settings file with a member "cryptick"')
    parser.add_argument("--runs-dir", metavar="PATH", help="where runs are kept (var/runs)")
    parser.add_argument(
        "--log-level", default="warning", choices=("debug", "info", "warning", "error")
    )
    options = parser.parse_args(argv)
    logging.basicConfig(
        stream=sys.stderr,
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    for chatty in ("httpx", "sanic.root"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        settings = load_settings(options.config)
        if options.runs_dir is not None:
            settings = msgspec.structs.replace(settings, runs=options.runs_dir)
        asyncio.run(_serve(settings))
    except XWrapError as error:
        print(f"cryptick.server: {error.message}", file=sys.stderr)
        return error.exit_code
    return 0


async def _serve(settings: Settings) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve(settings) as running:
        print(f"Cryptick ready: http {running.url}", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
