"""Keep the stored candles of an exchange complete: its history first, then what is new.

The newest candles are fetched first, a page at a time and the pairs in turn, so that every pair
has its last days soon. The store remembers which periods were asked for, so a restart goes on
where the last run ended, and an interval without trades is not asked for again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from exchange_wrapper.candles import Candles, Instrument
from exchange_wrapper.errors import DataError, NoData, XWrapError
from exchange_wrapper.pair import Pair
from exchange_wrapper.storage import CandleStore
from exchange_wrapper.storage.gaps import Period, subtract
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["CandleKeeper", "CandleVenue"]

_log = logging.getLogger("xwrap.candles")

_PAGE: Final = 300  # candles; no venue gives less at once
_SETTLE_S: Final = 30  # a venue publishes a candle some seconds after its interval
_RETRY_S: Final = (5.0, 15.0, 60.0, 300.0)
_DAY_S: Final = 86_400


class CandleVenue(Protocol):
    """What is needed of an exchange; each call waits for its rate limit."""

    @property
    def name(self) -> str:
        """The name it is loaded under."""
        ...

    async def fetch_candles(
        self, pair: Pair, freq_s: int, start_s: int, end_s: int
    ) -> Sequence[Sequence[object]]:
        """Return rows [time_s, open, high, low, close, volume] of [start_s, end_s)."""
        ...


@dataclass(slots=True)
class _PairState:
    wanted_s: int = 0
    missing: list[Period] = field(default_factory=list)
    end_s: int = 0
    error: str = ""

    def missing_s(self) -> int:
        return sum(end_s - start_s for start_s, end_s in self.missing)


class CandleKeeper:
    """Fill and keep the candles of one exchange.

    Parameters
    ----------
    store : CandleStore
        Its calls are made in threads.
    exchange : CandleVenue
    pairs : mapping of str to Pair
    days : int
        How far back history is fetched.
    freq_s : int
        Length of the candles, s.
    clock : callable
        Returns the time now.
    sleep : coroutine function
        Waits for so many seconds.
    """

    def __init__(
        self,
        store: CandleStore,
        exchange: CandleVenue,
        pairs: Mapping[str, Pair],
        *,
        days: int = 180,
        freq_s: int = 300,
        clock: Callable[[], UtcNs],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._exchange = exchange
        self._pairs = pairs
        self._days = days
        self._freq_s = freq_s
        self._clock = clock
        self._sleep = sleep
        self._wake = asyncio.Event()
        self._states = {name: _PairState() for name in pairs}

    async def run(self) -> None:
        """Fill, and fill again after each ``refill``, until cancelled.

        A failure of the exchange or the store is logged, shown in ``progress`` and tried again.
        """
        failures = 0
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                complete = await self.fill()
            except XWrapError as error:
                _log.warning("candles of %s: %s", self._exchange.name, error)
                complete = False
            if complete:
                failures = 0
            else:
                await self._sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1
                self._wake.set()

    def refill(self) -> None:
        """Have ``run`` look for missing candles, as after a reconnect."""
        self._wake.set()

    async def fill(self, on_page: Callable[[], object] = lambda: None) -> bool:
        """Store the increments and all that is missing of the last ``days``, newest first.

        A pair whose fetch fails is left for the next time.

        Parameters
        ----------
        on_page : callable
            Called whenever ``progress`` has changed.

        Returns
        -------
        bool
            Whether nothing is missing any more.
        """
        await asyncio.to_thread(self._put_instruments)
        end_s = self._floor(self._clock() // SECOND - _SETTLE_S)
        start_s = self._floor(end_s - self._days * _DAY_S)
        for name, state in self._states.items():
            stored = await asyncio.to_thread(self._periods_present, name, start_s, end_s)
            state.wanted_s, state.end_s = end_s - start_s, max(state.end_s, end_s)
            state.missing = subtract((start_s, end_s), stored)
            state.error = ""
        on_page()
        turn = list(self._states)
        while turn:
            unfinished = []
            for name in turn:
                if await self._fetch_page(name):
                    unfinished.append(name)
                on_page()
            turn = unfinished
        return not any(state.missing for state in self._states.values())

    async def keep(self, pair: str, candles: Candles) -> None:
        """Store candles just closed that were made of a venue's trades.

        Where some before them are missing, or storing fails, ``run`` fetches those.
        """
        if not len(candles):
            return
        state = self._states[pair]
        start_s, end_s = int(candles.time[0]), int(candles.time[-1]) + self._freq_s
        if state.end_s < start_s or candles.gaps():
            self.refill()
        try:
            for period_s in candles.coverage():
                part = candles.slice(*period_s)
                await asyncio.to_thread(
                    self._store.write, self._exchange.name, pair, part, covers=period_s
                )
        except XWrapError as error:
            _log.warning("candles of %s on %s: %s", pair, self._exchange.name, error)
            self.refill()
            return
        state.end_s = max(state.end_s, end_s)

    def progress(self) -> dict[str, dict[str, object]]:
        """Return per pair how much of the wanted history is there.

        Returns
        -------
        dict
            ``{pair: {"complete": fraction, "missing_s": seconds, "error": text or ""}}``
        """
        return {
            name: {
                "complete": 1 - state.missing_s() / state.wanted_s if state.wanted_s else 0.0,
                "missing_s": state.missing_s(),
                "error": state.error,
            }
            for name, state in self._states.items()
        }

    def _put_instruments(self) -> None:
        for name, pair in self._pairs.items():
            self._store.put_instrument(
                Instrument(
                    self._exchange.name, name, pair.tick_size, pair.lot_size, pair.min_notional
                )
            )

    def _periods_present(self, pair: str, start_s: int, end_s: int) -> list[Period]:
        key = (self._exchange.name, pair, self._freq_s)
        try:
            stored = self._store.read(*key, start_s, end_s).coverage()
        except NoData:
            stored = []
        return [*stored, *self._store.covered(*key)]

    async def _fetch_page(self, name: str) -> bool:
        """Fetch the newest missing page of a pair; say whether more is to be done."""
        state = self._states[name]
        if not state.missing:
            return False
        end_s = state.missing[-1][1]
        # A whole page at once, though not all of it is missing: many small holes cost one call.
        page_s = end_s - _PAGE * self._freq_s
        start_s = min(max(first_s, page_s) for first_s, last_s in state.missing if last_s > page_s)
        try:
            rows = await self._exchange.fetch_candles(
                self._pairs[name], self._freq_s, start_s, end_s
            )
            received_at = self._clock() // SECOND
            candles = self._to_candles(name, rows, received_at).slice(start_s, end_s)
            await asyncio.to_thread(
                self._store.write, self._exchange.name, name, candles, covers=(start_s, end_s)
            )
        except XWrapError as error:
            _log.warning("candles of %s on %s: %s", name, self._exchange.name, error)
            state.error = str(error)
            return False
        state.missing = [gap for old in state.missing for gap in subtract(old, [(start_s, end_s)])]
        return bool(state.missing)

    def _to_candles(self, pair: str, rows: Sequence[Sequence[object]], received_at: int) -> Candles:
        """Leave out what can't be a candle: one bad row must not hold up all before it."""
        rows = list(rows)
        while True:
            try:
                return Candles.from_rows(self._freq_s, rows, received_at)
            except DataError as error:
                if error.data is None:
                    raise
                _log.warning("candles of %s on %s: %s", pair, self._exchange.name, error)
                del rows[cast(int, error.data["row"])]

    def _floor(self, time_s: int) -> int:
        return time_s - time_s % self._freq_s
