"""Keep one pair's book in step with its feed, and know when it can't be trusted.

Does no I/O and reads no clock: market events go in, executions of virtual orders come out.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Protocol, cast

from exchange_wrapper.book import L2Book
from exchange_wrapper.errors import DataError
from exchange_wrapper.execution import Execution
from exchange_wrapper.grid import PairGrid
from exchange_wrapper.market import (
    BookLost,
    BookSnapshot,
    BookUpdate,
    MarketEvent,
    TradePrint,
)
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs

__all__ = ["BookListener", "BookState", "LiveBook"]

_BUY = Side.BUY  # what is looked up for each change would cost more through its class
_NOTHING: tuple[Execution, ...] = ()
_ZEROS = frozenset(("0", "0.00000000"))  # as venues write it; other forms are read to be sure
_Levels = dict[Ticks, Lots]


class BookState(StrEnum):
    """Whether a book may be used."""

    SYNCING = "syncing"  # no snapshot yet
    LIVE = "live"
    STALE = "stale"  # was live; empty until its next snapshot


_LIVE = BookState.LIVE  # for the one place where the look-up through the class is felt


class BookListener(Protocol):
    """What follows a book's levels: the paper engine of its pair."""

    @property
    def idle(self) -> bool:
        """Nothing depends on the book now, so that changes need not be reported."""

    def level_changed(
        self, side: Side, price: Ticks, old: Lots, new: Lots, now: UtcNs
    ) -> list[Execution]:
        """Learn of a level's new size; the book has it already."""

    def replaced(self, old_bids: _Levels, old_asks: _Levels, now: UtcNs) -> list[Execution]:
        """Learn that the book was replaced by a snapshot, and what it was before."""

    def traded(self, print: TradePrint, now: UtcNs) -> list[Execution]:
        """Learn of a trade at the venue."""

    def set_stale(self, stale: bool) -> None:
        """Learn whether the book can be trusted."""


class LiveBook:
    """A book with its state.

    Attributes
    ----------
    book : L2Book
        Empty unless the state is ``LIVE``.
    state : BookState
    reason : str
        Why it is not live; empty if it is.
    since : UtcNs or None
        When it came into its state.
    last_message_at : UtcNs or None
        When anything last arrived for the pair.
    gaps, resyncs : int
        How often a live book was lost, and snapshots after the first.
    take : callable of (changes, grid, received_at)
        Applies an update as its venue wrote it, of which nobody has to hear and with which nothing
        is wrong, and returns True. Otherwise ``receive`` it next, as an event: whatever was applied
        of it does no harm then, for it is applied again, to the same sizes, or the book is lost.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.book = L2Book(pair)
        self.state = BookState.SYNCING
        self.reason = "no snapshot yet"
        self.since: UtcNs | None = None
        self.last_message_at: UtcNs | None = None
        self.gaps = 0
        self.resyncs = 0
        self._listener: BookListener | None = None
        self._synced = False
        self._before: tuple[_Levels, _Levels] | None = None  # a lost book's levels
        self.take = _short_way(self)

    def attach(self, listener: BookListener) -> None:
        """Report every change to ``listener`` from now on, unless it is idle."""
        self._listener = listener
        listener.set_stale(self.state is not BookState.LIVE)

    def receive(self, event: MarketEvent) -> Sequence[Execution]:
        """Apply an event of this pair and return the executions it leads to.

        Updates that come before the snapshot or while the book is stale are dropped. A book that
        is crossed, or is told of a level that can't be, is stale at once.
        """
        if type(event) is BookLost:
            self._lose(event.reason, event.received_at)
            return _NOTHING
        self.last_message_at = event.received_at
        try:
            if type(event) is BookUpdate:
                if self.state is not _LIVE:
                    return _NOTHING
                listener = self._listener
                if event.grid is None:
                    if listener is None or listener.idle:
                        numbers: Any = event.written  # a cast is a call, which is felt here
                        if self.book.apply(numbers):
                            self._check()
                        return _NOTHING
                # A crossed book has met this update already, in vain.
                elif not self.book.is_crossed():
                    texts = cast("list[tuple[Side, str, str]]", event.written)
                    if self.take(texts, event.grid, event.received_at):
                        return _NOTHING
                return self._update(event)
            if self.book.fault is not None:
                raise self.book.fault
            if type(event) is TradePrint:
                return self._trade(event)
            if type(event) is BookSnapshot:
                return self._replace(event)
        except DataError as error:
            self._lose(f"{self.pair.x_id}: {error.message}", event.received_at)
        return _NOTHING

    def _update(self, event: BookUpdate) -> Sequence[Execution]:
        # All levels first: half a message may well look crossed.
        listener = self._listener
        if listener is None or listener.idle:
            if self.book.apply(event.changes):
                self._check()
            return _NOTHING
        set_level = self.book.set_level
        changed = [(*change, set_level(*change)) for change in event.changes]
        self._check()
        executions: list[Execution] = []
        for side, price, new, old in changed:
            if new != old:
                executions += listener.level_changed(side, price, old, new, event.received_at)
        return executions

    def _trade(self, event: TradePrint) -> Sequence[Execution]:
        listener = self._listener
        if listener is None or listener.idle or self.state is not BookState.LIVE:
            return _NOTHING
        return listener.traded(event, event.received_at)

    def _replace(self, event: BookSnapshot) -> Sequence[Execution]:
        # What a virtual order took is remembered across a loss: the levels of before tell whether
        # somebody has really taken it since.
        before = self._before = self._before or (self.book.bids, self.book.asks)
        self.book.replace(event.bids, event.asks)
        self._check()
        self._before = None
        self.resyncs += self._synced
        self._synced = True
        if self.state is not BookState.LIVE:
            self.state, self.reason, self.since = BookState.LIVE, "", event.received_at
            if self._listener is not None:
                self._listener.set_stale(False)
        if self._listener is None or self._listener.idle:
            return _NOTHING
        return self._listener.replaced(*before, event.received_at)

    def _check(self) -> None:
        book = self.book
        if book.fault is not None:
            raise book.fault
        if book.is_crossed():
            assert book.best_bid is not None and book.best_ask is not None
            bid, ask = self.pair.price(book.best_bid), self.pair.price(book.best_ask)
            raise DataError(f"crossed: {bid} bid, {ask} asked")

    def _lose(self, reason: str, now: UtcNs) -> None:
        self.reason = reason
        if self._before is None:
            self._before = self.book.bids, self.book.asks
        self.book.replace((), ())
        if self.state is BookState.LIVE:
            self.gaps += 1
            self.state, self.since = BookState.STALE, now
            if self._listener is not None:
                self._listener.set_stale(True)


def _short_way(live: LiveBook) -> Callable[[list[tuple[Side, str, str]], PairGrid, UtcNs], bool]:
    """Return a book's ``take``: one function with all at hand, as nearly every message goes here.

    Prices are read at once. Sizes other than zero stay text until somebody asks for a size.
    """
    book = live.book
    bids, asks = book.bid_sizes, book.ask_sizes

    def take(changes: list[tuple[Side, str, str]], grid: PairGrid, received_at: UtcNs) -> bool:
        listener = live._listener
        if live.state is not _LIVE or not (listener is None or listener.idle):
            return False
        live.last_message_at = received_at
        ticks = grid.ticks
        crossed = False
        try:
            for side, text, size in changes:
                price = ticks[text]
                ladder = bids if side is _BUY else asks
                levels = ladder.levels
                if not size.rstrip("0."):
                    if size not in _ZEROS:
                        grid.lots(size)
                    if price in levels:
                        ladder.remove(price)
                elif price in levels and type(levels[price]) is str:
                    levels[price] = size  # where there was one already, the best price stays
                    continue
                elif price:
                    ladder.set_unread(price, size)
                else:
                    return False
                bid = book.best_bid = bids.best
                ask = book.best_ask = asks.best
                crossed = bid is not None and ask is not None and bid >= ask
        except DataError:
            return False
        return not crossed and book.fault is None

    return take
