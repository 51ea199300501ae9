"""Write a strategy to begin with: ``python -m cryptick.new MyStrategy``."""

import argparse
import keyword
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptick.command import CommandParser, carry_out
from cryptick.errors import UsageError

__all__ = ["main", "template", "write_template"]

_TEMPLATE: Final = '''\
"""NAME, a strategy of my own."""

from dataclasses import dataclass

from cryptick.messages import Bar, Fill, OrderUpdate
from cryptick.strategy import Strategy, param


class NAME(Strategy):
    """Buy after so many falling bars in a row, sell after as many rising ones."""

    @dataclass(frozen=True)
    class Params(Strategy.Params):
        """What can be set: each parameter is a flag, such as --bars 4."""

        bars: int = param(3, help="bars in a row", unit="bars", ge=1)
        percent: int = param(50, help="share of the cash to spend", unit="%", ge=1, le=100)

    params: Params

    def on_start(self) -> None:
        """Set up what the strategy remembers; no price is known yet."""
        self.falling = dict.fromkeys(self.traded, 0)  # below 0: so many rising ones

    def on_bar(self, bar: Bar) -> None:
        """Decide at the close of each bar. Prices of a bar are floats, amounts are Decimal."""
        market = bar.exchange, bar.pair
        run = self.falling[market]
        self.falling[market] = max(run, 0) + 1 if bar.close < bar.open else min(run, 0) - 1
        if self.open_orders:
            return
        base, cash = bar.pair.split("_")
        held = self.wallet(base, bar.exchange).available
        if self.falling[market] == self.params.bars and not held:
            spend = self.wallet(cash, bar.exchange).available * self.params.percent / 100
            self.buy_market(bar.pair, notional=spend, exchange=bar.exchange)
        elif self.falling[market] == -self.params.bars and held:
            self.sell_market(bar.pair, size=held, exchange=bar.exchange)

    def on_fill(self, fill: Fill) -> None:
        """Hear of each trade of an own order."""
        self.log(f"{fill.side} {fill.size} {fill.pair} at {fill.price}")

    def on_order(self, order: OrderUpdate) -> None:
        """Hear of each change of an own order, also of its refusal."""
        if order.is_done and not order.filled_size:
            self.log(f"nothing traded: {order.message or order.done_reason}")

    # Override what else you need, and only that is delivered: on_quote, on_book, on_trade,
    # on_input and on_stop. self.every(60, callback) and self.cron("0 8 * * *", callback) call
    # back; self.candles(pair, 300, 100) has the last bars. See docs/adding-a-strategy.md.
'''


def template(name: str) -> str:
    """Return the text of a new strategy.

    Raises
    ------
    UsageError
        Not the name of a class.
    """
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) or keyword.iskeyword(name):
        raise UsageError(f"{name!r} is not a class name such as MyStrategy")
    return _TEMPLATE.replace("NAME", name)


def write_template(name: str, directory: Path) -> Path:
    """Write the file of a new strategy and return its path; an existing file is never touched.

    Raises
    ------
    UsageError
        Not the name of a class, the file exists, or it can't be written.
    """
    text = template(name)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    path = directory / f"{words.lower()}.py"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        if path.exists():
            raise UsageError(f"{path} exists already; choose another name or --dir") from None
        raise UsageError(f"{path} can't be written: {error.strerror}") from None
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Write a new strategy's file and return the exit status."""
    about = "Write a strategy to begin with."
    parser = CommandParser(prog="python -m cryptick.new", description=about)
    parser.add_argument("name", help="its class name, such as MyStrategy")
    parser.add_argument("--dir", default=".", help="where its file is written (default: here)")
    return carry_out("cryptick.new", lambda: _write(parser.parse_args(argv)))


def _write(arguments: argparse.Namespace) -> int:
    path = write_template(arguments.name, Path(arguments.dir))
    shown = path if path.is_absolute() else f"./{path}"
    run = f"python -m cryptick.run {shown}:{arguments.name}"
    sys.stdout.write(
        f"{shown} is written. Its parameters, a backtest, and the same on live prices:\n"
        f"  {run} --help\n"
        f"  {run} -m backtest --gdax-usd 10000\n"
        f"  {run} -m paper --gdax-usd 10000\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
