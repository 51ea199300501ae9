"""Run all benchmarks, or those that are named: ``python -m benchmarks [wire_to_book …]``."""

import importlib
import pkgutil
import platform
import sys

import benchmarks
from benchmarks.table import show
from exchange_wrapper.compiled import describe

_NO_BENCHMARKS = {"__main__", "backtest_strategies", "level_feed", "pushes", "quiet_exchange"}
_NO_BENCHMARKS |= {"served", "soak", "soak_model", "soak_worker", "table"}


def main(wanted: list[str]) -> int:
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    names = [name for name in names if name not in _NO_BENCHMARKS]
    if unknown := set(wanted) - set(names):
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names)}")
        return 2
    print(f"this is {describe()}, Python {platform.python_version()}")
    for name in wanted or names:
        module = importlib.import_module(f"benchmarks.{name}")
        show(str(module.__doc__).partition("\n")[0], module.run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
