"""Run the tests that money depends on against the compiled core; the others test its sources."""

import sys
import unittest
from typing import Final

from exchange_wrapper.compiled import BUILD, describe

MODULES: Final = {
    "tests.exchange_wrapper": (
        "accounts book changes compiled control desk double_entry fees ledger limits live_book "
        "live_execution matching numbers orders pair paper taken_updates times"
    ),
    "tests.cryptick": (
        "backtest bar_path book_replay compiled exchange_simulator hub look_ahead paper parity "
        "rerun round_trips run_directory timeline valuation"
    ),
    "tests.system": "backtest parity replay",
}


def main() -> int:
    """Return 1 if a test fails; without a build there is nothing to test."""
    if BUILD is None:
        print(f"left out: this is {describe()}")
        return 0
    names = [f"{package}.test_{name}" for package, them in MODULES.items() for name in them.split()]
    tests = unittest.defaultTestLoader.loadTestsFromNames(names)
    return 0 if unittest.TextTestRunner(buffer=True).run(tests).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
