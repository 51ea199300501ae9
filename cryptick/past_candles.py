"""The candles that are over: what a strategy may know of the past, the same in every mode."""

from collections.abc import Mapping

from cryptick.clock import Clock
from exchange_wrapper.candles import Candles
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.times import SECOND

__all__ = ["PastCandles"]


class PastCandles:
    """Keep the candles of a run's pairs and show those that were closed before now.

    It may be given candles of the future, as a backtest does: nobody sees them before their end.

    Parameters
    ----------
    clock : Clock
    candles : mapping of (str, str) to Candles, optional
        By exchange and pair.
    """

    def __init__(
        self, clock: Clock, candles: Mapping[tuple[str, str], Candles] | None = None
    ) -> None:
        self._clock = clock
        self._candles = dict(candles or {})
        self._newer: dict[tuple[str, str], list[Candles]] = {}

    def append(self, exchange: str, pair: str, candles: Candles) -> None:
        """Add newer candles; those of times that are there already are left out."""
        self._newer.setdefault((exchange, pair), []).append(candles)

    def last(self, exchange: str, pair: str, freq_s: int, count: int) -> Candles:
        """Return the candles of the last ``count`` intervals of ``freq_s`` that are over.

        An interval in which nothing was known to trade has none. Longer candles than those that
        are kept are joined from them, aligned to midnight UTC.

        Raises
        ------
        ApiUsageError
            ``freq_s`` is no multiple of the length of the candles that are kept.
        """
        if count <= 0 or freq_s <= 0:
            raise ApiUsageError("candles are asked for by a positive count and length")
        kept = self._joined((exchange, pair))
        if kept is None or not len(kept):
            return Candles.empty(freq_s)
        now_s = self._clock.now() // SECOND
        end_s = now_s - now_s % freq_s
        start_s = end_s - count * freq_s
        first_s = int(kept.time[0])  # perhaps in the middle of a longer one
        start_s = max(start_s, first_s + -first_s % freq_s)
        return kept.slice(start_s, end_s).resample(freq_s)

    def _joined(self, market: tuple[str, str]) -> Candles | None:
        kept = self._candles.get(market)
        for part in self._newer.pop(market, ()):
            if kept is None or not len(kept):
                kept = part
            else:
                fresh = part.slice(int(kept.time[-1]) + 1)
                kept = Candles.concat([kept, fresh]) if len(fresh) else kept
            self._candles[market] = kept
        return kept
