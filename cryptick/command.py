"""The frame of every command: what goes wrong is one sentence and an exit status."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from cryptick.errors import UsageError
from exchange_wrapper.errors import XWrapError

__all__ = ["CommandParser", "carry_out"]


class CommandParser(argparse.ArgumentParser):
    """A parser that raises `UsageError` instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the command line."""
        raise UsageError(message)


def carry_out(name: str, command: Callable[[], int]) -> int:
    """Carry a command out and return its exit status."""
    try:
        return command()
    except XWrapError as error:
        sys.stderr.write(f"{name}: {error.message}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: stopped\n")
        return 130
