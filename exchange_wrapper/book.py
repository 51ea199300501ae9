"""The level-2 order book of one pair: how much is bid and asked at each price."""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Generic, TypeVar

from exchange_wrapper.errors import DataError
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side

__all__ = ["L2Book", "Ladder"]

V = TypeVar("V")

# Below this many entries a heap of removed prices is not worth rebuilding.
_HEAP_SLACK = 64

# Walking the heap costs this many times more per level than sorting all of them.
_WALK_COST = 64


class Ladder(Generic[V]):
    """Values by price, of which the best price is known at any time.

    A heap beside the dictionary finds the best price. A removed price stays in the heap until it
    surfaces, so that a removal, and a price that comes and goes, cost no more than a dictionary's.

    Parameters
    ----------
    side : Side
        ``BUY`` where the highest price is the best, ``SELL`` where the lowest is.
    """

    __slots__ = ("_heap", "_heaped", "levels", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = -1 if side is Side.BUY else 1
        self.levels: dict[Ticks, V] = {}
        self._heap: list[int] = []  # sign × price of every level, and of some removed ones
        self._heaped: set[int] = set()  # the prices in the heap

    @property
    def best(self) -> Ticks | None:
        """The best price, or None if there is no level."""
        heap, levels, sign = self._heap, self.levels, self.sign
        while heap:
            price = Ticks(heap[0] * sign)
            if price in levels:
                return price
            heappop(heap)
            self._heaped.discard(price)
        return None

    def reaches(self, price: Ticks) -> bool:
        """Tell whether the best price is ``price`` or better."""
        best = self.best
        return best is not None and best * self.sign <= price * self.sign

    def replace(self, levels: dict[Ticks, V]) -> None:
        """Take over these levels in place of all there were."""
        sign = self.sign
        self.levels = levels
        self._heap = [price * sign for price in levels]
        self._heaped = set(levels)
        heapify(self._heap)

    def add(self, price: Ticks, value: V) -> None:
        """Put a value at a price that has none."""
        levels = self.levels
        levels[price] = value
        if price not in self._heaped:
            heappush(self._heap, price * self.sign)
            self._heaped.add(price)
            if len(self._heap) > 2 * len(levels) + _HEAP_SLACK:
                self.replace(levels)

    def items(self) -> Iterator[tuple[Ticks, V]]:
        """Yield (price, value), best first, at a cost that grows with what is read.

        Values may change meanwhile, but no price be added or removed.
        """
        if self.best is None:
            return
        heap, levels, sign = self._heap, self.levels, self.sign
        # A heap is a tree whose children are never better than their parent: walk it best-first.
        frontier = [(heap[0], 0)]
        while frontier:
            key, index = heappop(frontier)
            for child in range(2 * index + 1, min(2 * index + 3, len(heap))):
                heappush(frontier, (heap[child], child))
            price = Ticks(key * sign)
            if price in levels:
                yield price, levels[price]


class L2Book:
    """The book of one pair, in ticks and lots.

    It is exact under any sequence of changes and has no opinion about them: whether the book is
    live, or may be crossed, is for its owner to judge.
    """

    __slots__ = ("_asks", "_bids", "pair")

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self._bids = Ladder[Lots](Side.BUY)
        self._asks = Ladder[Lots](Side.SELL)

    @property
    def bids(self) -> dict[Ticks, Lots]:
        """Sizes of the bids by price, in no order; for reading only."""
        return self._bids.levels

    @property
    def asks(self) -> dict[Ticks, Lots]:
        """Sizes of the asks by price, in no order; for reading only."""
        return self._asks.levels

    @property
    def best_bid(self) -> Ticks | None:
        """The highest bid, or None."""
        return self._bids.best

    @property
    def best_ask(self) -> Ticks | None:
        """The lowest ask, or None."""
        return self._asks.best

    def replace(
        self, bids: Iterable[tuple[Ticks, Lots]], asks: Iterable[tuple[Ticks, Lots]]
    ) -> None:
        """Replace the whole book; the dictionaries got from it before stay as they were.

        Raises
        ------
        DataError
            A size is negative or a price is not positive; the book is unchanged.
        """
        new_bids, new_asks = _checked(bids), _checked(asks)
        self._bids.replace(new_bids)
        self._asks.replace(new_asks)

    def set_level(self, side: Side, price: Ticks, size: Lots) -> Lots:
        """Set what is displayed at a price, 0 for nothing, and return what was before.

        Raises
        ------
        DataError
            The size is negative or the price is not positive; the book is unchanged.
        """
        ladder = self._bids if side is Side.BUY else self._asks
        levels = ladder.levels
        old = levels.get(price, _NOTHING)
        if size > 0:
            if old:
                levels[price] = size
            elif price > 0:
                ladder.add(price, size)
            else:
                raise DataError(f"a price of {price} ticks in the book of {self.pair}")
        elif size == 0:
            if old:
                del levels[price]
        else:
            raise DataError(f"a size of {size} lots in the book of {self.pair}")
        return old

    def levels(self, side: Side) -> Iterator[tuple[Ticks, Lots]]:
        """Yield (price, size) of one side, best first, at a cost that grows with what is read.

        Levels may be resized meanwhile, but none be added or removed.
        """
        return (self._bids if side is Side.BUY else self._asks).items()

    def depth(self, side: Side, n: int) -> list[tuple[Ticks, Lots]]:
        """Return the ``n`` best levels of one side, or all there are, best first."""
        levels = self.bids if side is Side.BUY else self.asks
        if n * _WALK_COST < len(levels):
            return list(islice(self.levels(side), n))
        prices = sorted(levels, reverse=side is Side.BUY)[:n]
        return [(price, levels[price]) for price in prices]

    def is_crossed(self) -> bool:
        """Tell whether the best bid is the best ask or above it, which no valid book is."""
        bid, ask = self._bids.best, self._asks.best
        return bid is not None and ask is not None and bid >= ask


_NOTHING = Lots(0)


def _checked(levels: Iterable[tuple[Ticks, Lots]]) -> dict[Ticks, Lots]:
    checked: dict[Ticks, Lots] = {}
    for price, size in levels:
        if size < 0 or price <= 0:
            raise DataError(f"a level of {size} lots at {price} ticks")
        if size:
            checked[price] = size
    return checked
