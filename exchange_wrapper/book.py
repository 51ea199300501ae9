"""The level-2 order book of one pair: how much is bid and asked at each price."""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Generic, TypeVar, cast

from exchange_wrapper.errors import DataError
from exchange_wrapper.grid import Increment
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import Side

__all__ = ["L2Book", "Ladder", "Sizes"]

V = TypeVar("V")

_BUY = Side.BUY  # looked up for each change of a level, which through the class would cost more

# Below this many entries a heap of removed prices is not worth rebuilding.
_HEAP_SLACK = 64

# So many new prices may wait for a place in the heap; those removed meanwhile never take one.
_WAITING_MAX = 1024

# Walking the heap costs this many times more per level than sorting all of them.
_WALK_COST = 64


class Ladder(Generic[V]):
    """Values by price, of which the best price is known at any time.

    A heap beside the dictionary finds the next best price once the best is removed. A new price
    waits for that moment before it goes into the heap, and a removed one stays there until it
    surfaces, so that away from the best a price comes and goes at a dictionary's cost.

    Parameters
    ----------
    side : Side
        ``BUY`` where the highest price is the best, ``SELL`` where the lowest is.
    """

    __slots__ = ("_heap", "_heaped", "_waiting", "best", "levels", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = -1 if side is Side.BUY else 1
        self.levels: dict[Ticks, V] = {}
        self.best: Ticks | None = None
        self._heap: list[int] = []  # sign × price of every level, and of some removed ones
        self._heaped: set[int] = set()  # the prices in the heap
        self._waiting: list[Ticks] = []  # with the heap, every level's price

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
        self._waiting = []
        heapify(self._heap)
        self.best = self._find_best()

    def add(self, price: Ticks, value: V) -> None:
        """Put a value at a price that has none."""
        levels = self.levels
        levels[price] = value
        waiting, best = self._waiting, self.best
        waiting.append(price)
        if best is None or price * self.sign < best * self.sign:
            self.best = price
        if len(waiting) > _WAITING_MAX:
            self._push_waiting()

    def remove(self, price: Ticks) -> None:
        """Take away the value at a price that has one."""
        del self.levels[price]
        if price == self.best:
            self.best = self._find_best()

    def items(self) -> Iterator[tuple[Ticks, V]]:
        """Yield (price, value), best first, at a cost that grows with what is read.

        Values may change meanwhile, but no price be added or removed.
        """
        if self.best is None:
            return
        self._push_waiting()
        heap, levels, sign = self._heap, self.levels, self.sign
        # A heap is a tree whose children are never better than their parent: walk it best-first.
        frontier = [(heap[0], 0)]
        while frontier:
            key, index = heappop(frontier)
            price = Ticks(key * sign)
            if price in levels:
                yield price, levels[price]  # mostly nobody reads on
            for child in range(2 * index + 1, min(2 * index + 3, len(heap))):
                heappush(frontier, (heap[child], child))

    def _push_waiting(self) -> None:
        heap, heaped, levels, sign = self._heap, self._heaped, self.levels, self.sign
        for price in self._waiting:
            if price in levels and price not in heaped:
                heappush(heap, price * sign)
                heaped.add(price)
        self._waiting.clear()
        if len(heap) > 2 * len(levels) + _HEAP_SLACK:
            self._heap = [price * sign for price in levels]
            heapify(self._heap)
            self._heaped = set(levels)

    def _find_best(self) -> Ticks | None:
        if self._waiting:
            self._push_waiting()
        heap, levels, sign = self._heap, self.levels, self.sign
        while heap:
            price = Ticks(heap[0] * sign)
            if price in levels:
                return price
            heappop(heap)
            self._heaped.discard(price)
        return None


_Levels = dict[Ticks, Lots | str]


class Sizes(Ladder[Lots | str]):
    """The sizes of one side, some of them still text: most are overwritten before they are read."""

    __slots__ = ("unread",)

    def __init__(self, side: Side) -> None:
        super().__init__(side)
        self.unread: list[Ticks] = []  # every price whose size is text, and some others

    def set_unread(self, price: Ticks, text: str) -> None:
        """Put a size that is text where there is none, or one that is read."""
        levels = self.levels
        if price in levels:
            levels[price] = text
        else:
            self.add(price, text)
        unread = self.unread
        unread.append(price)
        if len(unread) > 2 * len(levels) + _HEAP_SLACK:
            self.unread = [price for price, size in levels.items() if type(size) is str]

    def replace(self, levels: _Levels) -> None:
        """Take over these levels in place of all there were."""
        super().replace(levels)
        self.unread = [price for price, size in levels.items() if type(size) is str]


class L2Book:
    """The book of one pair, in ticks and lots.

    It is exact under any sequence of changes and has no opinion about them: whether the book is
    live, or may be crossed, is for its owner to judge.

    Attributes
    ----------
    best_bid, best_ask : Ticks or None
        The highest bid and the lowest ask; for reading only.
    fault : DataError or None
        A size that was put in as text could not be read. The book is empty since.
    bid_sizes, ask_sizes : Sizes
        For `live_book`, which changes them by itself and sets the best prices then.
    """

    __slots__ = ("_lots", "ask_sizes", "best_ask", "best_bid", "bid_sizes", "fault", "pair")

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.best_bid: Ticks | None = None
        self.best_ask: Ticks | None = None
        self.fault: DataError | None = None
        self.bid_sizes = Sizes(Side.BUY)
        self.ask_sizes = Sizes(Side.SELL)
        self._lots = Increment(pair.lot_size).units

    @property
    def bids(self) -> dict[Ticks, Lots]:
        """Sizes of the bids by price, in no order; for reading only."""
        return self._read(self.bid_sizes)

    @property
    def asks(self) -> dict[Ticks, Lots]:
        """Sizes of the asks by price, in no order; for reading only."""
        return self._read(self.ask_sizes)

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
        self.fault = None
        self.bid_sizes.replace(cast(_Levels, new_bids))
        self.ask_sizes.replace(cast(_Levels, new_asks))
        self.best_bid, self.best_ask = self.bid_sizes.best, self.ask_sizes.best

    def set_level(self, side: Side, price: Ticks, size: Lots) -> Lots:
        """Set what is displayed at a price, 0 for nothing, and return what was before.

        Raises
        ------
        DataError
            The size is negative or the price is not positive; the book is unchanged.
        """
        ladder = self.bid_sizes if side is Side.BUY else self.ask_sizes
        levels = self._read(ladder)
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
                ladder.remove(price)
        else:
            raise DataError(f"a size of {size} lots in the book of {self.pair}")
        self.best_bid, self.best_ask = self.bid_sizes.best, self.ask_sizes.best
        return old

    def apply(self, changes: Iterable[tuple[Side, Ticks, Lots]]) -> bool:
        """Set several levels; return whether to look at the book: it is crossed or has a fault.

        Raises
        ------
        DataError
            A size is negative or a price is not positive. Half the changes are made then: the
            book has to be replaced.
        """
        bids, asks = self.bid_sizes, self.ask_sizes
        for side, price, size in changes:
            ladder = bids if side is _BUY else asks
            levels = ladder.levels
            if size > 0:
                if price in levels:
                    levels[price] = size
                elif price > 0:
                    ladder.add(price, size)
                else:
                    raise DataError(f"a price of {price} ticks in the book of {self.pair}")
            elif size < 0:
                raise DataError(f"a size of {size} lots in the book of {self.pair}")
            elif price in levels:
                ladder.remove(price)
        bid = self.best_bid = bids.best
        ask = self.best_ask = asks.best
        return self.fault is not None or (bid is not None and ask is not None and bid >= ask)

    def levels(self, side: Side) -> Iterator[tuple[Ticks, Lots]]:
        """Yield (price, size) of one side, best first, at a cost that grows with what is read.

        Levels may be resized meanwhile, but none be added or removed.
        """
        ladder = self.bid_sizes if side is Side.BUY else self.ask_sizes
        self._read(ladder)
        return cast(Iterator[tuple[Ticks, Lots]], ladder.items())

    def depth(self, side: Side, n: int) -> list[tuple[Ticks, Lots]]:
        """Return the ``n`` best levels of one side, or all there are, best first."""
        levels = self.bids if side is Side.BUY else self.asks
        if n * _WALK_COST < len(levels):
            return list(islice(self.levels(side), n))
        prices = sorted(levels, reverse=side is Side.BUY)[:n]
        return [(price, levels[price]) for price in prices]

    def is_crossed(self) -> bool:
        """Tell whether the best bid is the best ask or above it, which no valid book is."""
        bid, ask = self.best_bid, self.best_ask
        return bid is not None and ask is not None and bid >= ask

    def _read(self, ladder: Sizes) -> dict[Ticks, Lots]:
        """Return the levels of a side, all read; if one can't be, nothing in the book is true."""
        if ladder.unread:
            levels = ladder.levels
            try:
                for price in ladder.unread:
                    size = levels.get(price)
                    if type(size) is str:
                        levels[price] = Lots(self._lots(size))
                ladder.unread.clear()
            except DataError as error:
                self.replace((), ())
                self.fault = error
        return cast(dict[Ticks, Lots], ladder.levels)


_NOTHING = Lots(0)


def _checked(levels: Iterable[tuple[Ticks, Lots]]) -> dict[Ticks, Lots]:
    checked: dict[Ticks, Lots] = {}
    for price, size in levels:
        if size < 0 or price <= 0:
            raise DataError(f"a level of {size} lots at {price} ticks")
        if size:
            checked[price] = size
    return checked
