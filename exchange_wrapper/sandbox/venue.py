"""What a source of a market offers to the two servers, REST and websocket feed.

A ``Venue`` answers questions about one moment, a ``Stream`` tells an audience what happens. Both
take the time as an argument and never wait or read a clock, except that answers which take long
are awaited.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Final

import msgspec

from exchange_wrapper.sandbox import protocol
from exchange_wrapper.sandbox.keys import Keyring
from exchange_wrapper.sandbox.protocol import Message
from exchange_wrapper.sandbox.trading import Trading
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["BookLevels", "Candle", "Stream", "StreamBroken", "Subscription", "Venue", "Wanted"]

Candle = tuple[int, float, float, float, float, float]
"""Opening in seconds since 1970, low, high, open, close, volume."""

Subscription = tuple[str, str]
"""Channel and product id."""

Wanted = Callable[[str, str], bool]
"""Tells whether anyone hears this channel of this product."""

_HEARTBEAT: Final = SECOND
_BATCH: Final = 5 * SECOND  # between messages of ticker_batch and status


class StreamBroken(Exception):
    """A stream can't go on: its audience is cut and has to come back to a new one."""


class BookLevels(msgspec.Struct, frozen=True):
    """The aggregated book of one product as ``[price, size]`` texts, best first."""

    sequence: int
    time: str
    bids: list[list[str]]
    asks: list[list[str]]


class Stream(ABC):
    """What one audience hears.

    Parameters
    ----------
    venue : Venue
        Names the products.
    now : UtcNs
        When the audience assembled.
    """

    def __init__(self, venue: "Venue", now: UtcNs) -> None:
        self._venue = venue
        self._heartbeat_due = UtcNs(now // _HEARTBEAT * _HEARTBEAT + _HEARTBEAT)
        self._batch_due = UtcNs(now // _BATCH * _BATCH + _BATCH)
        self._batched: dict[str, bytes] = {}

    @abstractmethod
    def subscribe(self, added: Sequence[Subscription], now: UtcNs) -> list[bytes]:
        """Return what a reader hears first of its new subscriptions."""

    @abstractmethod
    def market_due(self, now: UtcNs) -> UtcNs | None:
        """Return when the market speaks next; None if never again."""

    @abstractmethod
    def market(self, now: UtcNs, wanted: Wanted) -> Iterator[Message]:
        """Yield what the market says until ``now``."""

    @abstractmethod
    def heartbeat(self, product_id: str, now: UtcNs) -> bytes:
        """Return a sign of life of the product."""

    @abstractmethod
    def last_ticker(self, product_id: str) -> bytes | None:
        """Return the newest ticker of the product; None before the first."""

    def next_due(self, now: UtcNs) -> UtcNs:
        """Return when ``advance`` has something to say again."""
        due = min(self._heartbeat_due, self._batch_due)
        market_due = self.market_due(now)
        return due if market_due is None else min(due, market_due)

    def advance(self, now: UtcNs, wanted: Wanted) -> Iterator[Message]:
        """Yield all that is due until ``now`` and that anyone wants to hear.

        Raises
        ------
        StreamBroken
            It can't be told any more.
        """
        yield from self.market(now, wanted)
        if now >= self._heartbeat_due:
            self._heartbeat_due = UtcNs(now // _HEARTBEAT * _HEARTBEAT + _HEARTBEAT)
            for product_id in self._venue.product_ids:
                if wanted("heartbeat", product_id):
                    data = self.heartbeat(product_id, now)
                    yield Message("heartbeat", product_id, data)
        if now >= self._batch_due:
            self._batch_due = UtcNs(now // _BATCH * _BATCH + _BATCH)
            yield from self._batches(wanted)

    def _batches(self, wanted: Wanted) -> Iterator[Message]:
        for product_id in self._venue.product_ids:
            if wanted("ticker_batch", product_id):
                ticker = self.last_ticker(product_id)
                if ticker is not None and ticker != self._batched.get(product_id):
                    self._batched[product_id] = ticker
                    yield Message("ticker_batch", product_id, ticker)
        if wanted("status", ""):
            yield Message("status", "", self._venue.status())


class Venue(ABC):
    """A source of a market behind the Coinbase Exchange protocol.

    Attributes
    ----------
    shared : bool
        Whether all connections hear one stream; otherwise each has its own from its beginning.
    products, currencies : sequence of dict
        The answers of ``GET /products`` and ``GET /currencies``.
    keyring : Keyring
        Who may trade; empty where nobody can.
    trading : Trading or None
        Takes orders; None for a market that is only shown.
    """

    shared: ClassVar[bool]
    keyring = Keyring(())
    trading: Trading | None = None

    def __init__(
        self, products: Sequence[dict[str, object]], currencies: Sequence[dict[str, object]]
    ) -> None:
        self.products = products
        self.currencies = currencies
        self.product_ids = [str(product["id"]) for product in products]

    @property
    @abstractmethod
    def description(self) -> str:
        """What is served, in a few words."""

    @abstractmethod
    def stream(self, now: UtcNs) -> Stream:
        """Return a new stream that begins at ``now``."""

    @abstractmethod
    def book(self, product_id: str, now: UtcNs) -> BookLevels:
        """Return the whole book of a product."""

    @abstractmethod
    def trades(
        self, product_id: str, limit: int, before: int | None, after: int | None, now: UtcNs
    ) -> list[dict[str, object]]:
        """Return the newest trades with ids above ``before`` and below ``after``, newest first."""

    @abstractmethod
    async def ticker(self, product_id: str, now: UtcNs) -> dict[str, object]:
        """Return the answer of ``GET /products/{id}/ticker``."""

    @abstractmethod
    async def stats(self, product_id: str, now: UtcNs) -> dict[str, object]:
        """Return the answer of ``GET /products/{id}/stats``."""

    @abstractmethod
    async def candles(
        self, product_id: str, granularity_s: int, span: tuple[int, int] | None, now: UtcNs
    ) -> list[Candle]:
        """Return candles, newest first; none for an interval without trades.

        ``span`` holds the seconds since 1970 of the first and the last opening that may appear;
        None stands for the last 300 intervals.
        """

    @abstractmethod
    async def prepare(self, added: Sequence[Subscription], now: UtcNs) -> None:
        """Do what would take long in ``Stream.subscribe``."""

    def status(self) -> bytes:
        """Return the message of the ``status`` channel."""
        return protocol.status(self.products, self.currencies)
