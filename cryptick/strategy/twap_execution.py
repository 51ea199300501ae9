"""Buy or sell a large amount in slices over time."""

from dataclasses import dataclass
from decimal import Decimal

from cryptick.errors import UsageError
from cryptick.messages import Bar, OrderUpdate
from cryptick.slicing import Twap
from cryptick.strategy.base import Funded, Strategy, param
from exchange_wrapper.numbers import ZERO, format_amount
from exchange_wrapper.terms import Side

__all__ = ["TwapExecution"]


class TwapExecution(Strategy):
    """Trade one amount at the average price of a period, moving the market little."""

    @dataclass(frozen=True)
    class Params(Strategy.Params):
        """What to trade, over which time and how carefully."""

        side: str = param("buy", help="what to do", choices=("buy", "sell"))
        size: Decimal = param(Decimal(1), help="amount of base to trade", gt=0)
        minutes: int = param(60, help="over how long", unit="min", ge=1)
        slices: int = param(12, help="number of orders, one per interval", ge=1)
        participation: Decimal = param(
            Decimal(0),
            help="largest share of the volume traded since the last slice; 0 is any",
            unit="%",
            ge=0,
            le=100,
        )
        limit: Decimal = param(Decimal(0), help="worst price; 0 is any", ge=0)

    params: Params

    @classmethod
    def pairs(cls, params: Params, funded: Funded) -> list[tuple[str, str]]:
        """Return the one pair to trade."""
        found = super().pairs(params, funded)
        if len(found) != 1:
            places = ", ".join(" ".join(market) for market in found) or "none"
            raise UsageError(f"TwapExecution trades one pair, and this would be {places}")
        return found

    def on_start(self) -> None:
        """Plan the slices."""
        (exchange, pair), params = self.traded[0], self.params
        self.twap = Twap(
            self,
            exchange,
            pair,
            Side(params.side),
            params.size,
            slices=params.slices,
            interval_s=params.minutes * 60 / params.slices,
            limit=params.limit or None,
            participation=params.participation / 100 or None,
            on_done=self.tell,
        )

    def on_bar(self, bar: Bar) -> None:
        """Hear how much the market traded."""
        self.twap.on_bar(bar)

    def on_order(self, order: OrderUpdate) -> None:
        """Hear how a slice ended."""
        self.twap.on_order(order)

    def on_stop(self) -> None:
        """Tell how far it came when it has not finished."""
        if not self.twap.is_done:
            self.tell()

    def tell(self) -> None:
        """Say what was traded, and at which average price."""
        twap, base = self.twap, self.traded[0][1].partition("_")[0]
        done = f"{self.params.side}: {format_amount(twap.filled)} of {self.params.size} {base}"
        price = (
            f" at {float(twap.notional / twap.filled):.8g} on average" if twap.filled > ZERO else ""
        )
        reason = f"; {twap.refusal}" if twap.refusal else ""
        self.log(f"{done}{price}{reason}")
