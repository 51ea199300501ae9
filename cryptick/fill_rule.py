"""How a backtest fills orders: the model, the latency and the slippage, as the report states it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from exchange_wrapper.times import MILLISECOND

__all__ = ["FillModel", "FillRule"]


class FillModel(StrEnum):
    """What an order meets.

    ``NEXT_OPEN``
        Candles; a market order trades at the open of a bar, see `candle_market`.
    ``BAR_PATH``
        Candles; inside a bar the price follows a path, see `bar_path`.
    ``BOOK``
        Recorded books and trades, by the paper engine, see `book_replay`.
    """

    NEXT_OPEN = "next_open"
    BAR_PATH = "bar_path"
    BOOK = "book"


@dataclass(frozen=True)
class FillRule:
    """How orders are filled.

    Attributes
    ----------
    model : FillModel
    latency_ns : int
        From sending an order or a cancellation to its arrival, ≥ 0.
    slippage_bps : Decimal
        By how much worse than the candle's price an order that takes trades, in hundredths of a
        percent, ≥ 0; rounded against the trader to the tick. Books need none: their depth tells.
    """

    model: FillModel = FillModel.NEXT_OPEN
    latency_ns: int = 5 * MILLISECOND
    slippage_bps: Decimal = Decimal(0)

    def __str__(self) -> str:
        slippage = f"slippage {self.slippage_bps:f} bp" if self.slippage_bps else "no slippage"
        return f"{self.model}, latency {self.latency_ns / MILLISECOND:g} ms, {slippage}"
