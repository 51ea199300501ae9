"""What a run hands to its report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from cryptick.messages import Fill
from cryptick.metrics import FloatArray, IntArray
from cryptick.request import RunRequest
from cryptick.run_directory import Counts
from cryptick.valuation import Market, Plan
from exchange_wrapper.candles import Candles
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.times import UtcNs

__all__ = ["RunResult"]


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A finished run, as its report needs it.

    Attributes
    ----------
    source : str
        Where the market's data came from.
    events : mapping of str to int
        How many of what the market said.
    fill_model : str
        With latency and slippage.
    initial, final : Decimal
        Equity at the start and at the end, in the plan's currency.
    holdings : mapping of (exchange, currency) to Decimal
        At the end.
    time_s : ndarray of int64, shape (n,)
        Seconds since 1970, UTC, ascending; perhaps none.
    equity : ndarray of float64, shape (n,)
    prices : mapping of (exchange, pair) to ndarray of float64, shape (n,)
        Last price at each time, NaN before the first; of all pairs that the plan follows.
    first_price : callable
        The price of an (exchange, pair) at the start, None where there was none.
    candles : mapping of (exchange, pair) to Candles
        Those that a backtest ran on; empty where it did not run on candles.
    """

    request: RunRequest
    plan: Plan
    source: str
    events: Mapping[str, int]
    fill_model: str
    fees: Mapping[str, FeeSchedule]
    start: UtcNs
    end: UtcNs
    initial: Decimal
    final: Decimal
    holdings: Mapping[tuple[str, str], Decimal]
    counts: Counts
    fills: Sequence[Fill]
    time_s: IntArray
    equity: FloatArray
    prices: Mapping[Market, FloatArray]
    first_price: Callable[[str, str], Decimal | None]
    candles: Mapping[Market, Candles] = field(default_factory=dict)
