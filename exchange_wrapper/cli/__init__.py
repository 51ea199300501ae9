"""Command line of the service: one module per command.

A command module has ``add_parser(subparsers)`` and ``run(args) -> int``, the exit code: 0 for
success, else that of the error. A module whose name begins with ``_`` is shared by commands.
"""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from exchange_wrapper import __version__
from exchange_wrapper.errors import XWrapError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; an error of ours is one sentence on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m exchange_wrapper.service",
        description="xWrap makes many exchanges look like one.",
    )
    parser.add_argument("--version", action="version", version=f"xWrap {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands = {name: importlib.import_module(f"{__name__}.{name}") for name in _names()}
    for command in commands.values():
        command.add_parser(subparsers)
    args = parser.parse_args(argv)
    try:
        exit_code: int = commands[args.command].run(args)
    except XWrapError as error:
        print(f"xwrap: {error.message}", file=sys.stderr)
        return error.exit_code
    return exit_code


def _names() -> list[str]:
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if not name.startswith("_"))
