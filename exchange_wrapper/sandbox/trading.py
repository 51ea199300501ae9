"""The venue's own matching engine: orders of profiles against each other and the simulated market.

Takers take what the book shows, makers rest in it and are filled by simulated trades, by
simulated quotes that move across them and by each other, in price-time priority. Time is an
argument and never goes back; all that happened in the market before it is carried out first.
"""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from typing import Final

from exchange_wrapper.errors import OrderRejected, UnknownName
from exchange_wrapper.sandbox import user_channel
from exchange_wrapper.sandbox.accounts import Account
from exchange_wrapper.sandbox.assets import ASSETS
from exchange_wrapper.sandbox.book_model import Depth
from exchange_wrapper.sandbox.clearing import Clearing
from exchange_wrapper.sandbox.keys import Profile
from exchange_wrapper.sandbox.market import BATCH, Market, SimulatedTrade
from exchange_wrapper.sandbox.orders import Order, OrderRequest
from exchange_wrapper.sandbox.private_book import PrivateBook
from exchange_wrapper.sandbox.protocol import Message
from exchange_wrapper.sandbox.tape import Print, Tape
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["OPEN_ORDERS_MAX", "Trading"]

OPEN_ORDERS_MAX: Final = 500
"""Open orders that a profile may have in one product."""

_BEHIND_MAX: Final = 60 * SECOND // BATCH


class Trading:
    """Accounts, orders and fills of all profiles.

    Parameters
    ----------
    market : Market
        The simulated trades.
    simulated : callable
        Returns the simulated book of a product at a batch.
    sequence : callable
        Returns the sequence number of a batch.
    profiles : sequence of Profile
        Who trades here.

    Attributes
    ----------
    tapes : dict
        Product id → the trades as published.
    wake : callable
        Called when there is something in the outbox.
    """

    def __init__(
        self,
        market: Market,
        simulated: Callable[[str, int], Depth],
        sequence: Callable[[int], int],
        profiles: Sequence[Profile],
    ) -> None:
        self._market = market
        self._simulated = simulated
        self._sequence = sequence
        self._assets = {asset.product_id: asset for asset in ASSETS}
        self._now = UtcNs(0)
        self._books: dict[str, PrivateBook] = {}
        self.tapes = {name: Tape(market, asset) for name, asset in self._assets.items()}
        self._orders: dict[str, Order] = {}  # purged ones are gone
        self._by_client_oid: dict[tuple[str, str], str] = {}
        self._numbers = 0
        self._outbox: list[Message] = []
        self.wake: Callable[[], None] = lambda: None
        self._clearing = Clearing(profiles, ["USD", *(asset.base for asset in ASSETS)])

    # What is asked

    def accounts(self, profile: Profile) -> dict[str, Account]:
        """Return a profile's accounts by currency."""
        return self._clearing.accounts[profile.profile_id]

    def orders(self, profile: Profile) -> list[Order]:
        """Return all orders of a profile that are not purged, newest first."""
        mine = profile.profile_id
        return [o for o in reversed(self._orders.values()) if o.profile_id == mine]

    def order(self, profile: Profile, order_id: str) -> Order:
        """Return an order by its id, or by ``client:`` and its client's id.

        Raises
        ------
        UnknownName
            There is none, or it was cancelled before anything of it traded.
        """
        if order_id.startswith("client:"):
            client_oid = order_id.removeprefix("client:")
            order_id = self._by_client_oid.get((profile.profile_id, client_oid), "")
        order = self._orders.get(order_id)
        if order is None or order.profile_id != profile.profile_id:
            raise UnknownName("NotFound")
        return order

    def fills(self, profile: Profile) -> list[dict[str, object]]:
        """Return a profile's fills, newest first."""
        return self._clearing.fills[profile.profile_id][::-1]

    def depth(self, product_id: str) -> Depth | None:
        """Return the book of a product; None if it is just the simulated one."""
        book = self._books.get(product_id)
        return None if book is None else book.depth()

    def drain(self) -> list[Message]:
        """Return what the ``user`` channel has to tell since it was asked last."""
        told, self._outbox = self._outbox, []
        return told

    # What is done

    def advance(self, now: UtcNs) -> None:
        """Carry out all that happened in the market until ``now``."""
        if now <= self._now:
            return
        if self._books and now // BATCH - self._now // BATCH > _BEHIND_MAX:
            self._now = UtcNs(now // BATCH * BATCH - 1)  # nobody traded while the process slept
        while self._books and self._now // BATCH < now // BATCH:
            batch = self._now // BATCH + 1
            for product_id, book in self._books.items():
                self._play(product_id, book, UtcNs(batch * BATCH))
            self._now = UtcNs(batch * BATCH)
            for product_id, book in list(self._books.items()):
                self._renew(product_id, book, batch)
        for product_id, book in self._books.items():
            self._play(product_id, book, now)
        self._now = now

    def place(self, profile: Profile, request: OrderRequest, now: UtcNs) -> dict[str, object]:
        """Accept an order and carry it out; return it as it was when it was accepted.

        Raises
        ------
        OrderRejected, UnknownName
            It is refused.
        """
        self.advance(now)
        asset = self._assets.get(request.product_id)
        if asset is None:
            raise UnknownName("Product not found")
        key = profile.profile_id, request.client_oid or ""
        if request.client_oid is not None and key in self._by_client_oid:
            raise OrderRejected("Duplicate client_oid")
        order = Order.of(
            request, asset, profile.profile_id, self._numbers + 1, self._new_id(profile), self._now
        )
        book = self._books.get(asset.product_id) or self._new_book(asset.product_id)
        mine = [o for o in self._resting(book) if o.profile_id == profile.profile_id]
        if len(mine) >= OPEN_ORDERS_MAX:
            raise OrderRejected("Max open orders exceeded")
        offers = (
            (price, lots)
            for price, maker, lots in book.queue(order.side.opposite, None)
            if maker is None or maker.profile_id != order.profile_id
        )
        self._clearing.reserve(order, offers)
        self._numbers += 1
        self._orders[order.id] = order
        if request.client_oid is not None:
            self._by_client_oid[key] = order.id
        if request.post_only and self._crosses(order, book):
            order.status, order.reject_reason = "rejected", "post only"
            self._clearing.release(order)
            return order.told()
        accepted = order.told()
        self._tell(user_channel.received(order, self._number, self._now))
        self._books[asset.product_id] = book
        if request.time_in_force != "FOK" or order.price is None or self._fillable(order, book):
            self._match(order, book)
        if order.live and order.price is not None and request.time_in_force in ("GTC", "GTT"):
            order.status = "open"
            book.rest(order)
            self._tell(user_channel.opened(order, self._number, self._now))
        elif order.live:
            self._finish(order, "canceled")
        self._forget_idle()
        return accepted

    def cancel(self, profile: Profile, order_id: str, now: UtcNs) -> str:
        """Cancel an open order; return its id.

        Raises
        ------
        UnknownName, OrderRejected
            There is no such order, or it is done.
        """
        self.advance(now)
        order = self.order(profile, order_id)
        if not order.live:
            raise OrderRejected("Order already done")
        self._withdraw(order)
        self._forget_idle()
        return order.id

    def cancel_all(self, profile: Profile, product_id: str | None, now: UtcNs) -> list[str]:
        """Cancel all open orders of a profile, or those of one product; return their ids."""
        self.advance(now)
        found = [
            order
            for order in self.orders(profile)
            if order.live and product_id in (None, order.asset.product_id)
        ]
        for order in found:
            self._withdraw(order)
        self._forget_idle()
        return [order.id for order in found]

    # How orders trade

    def _match(self, order: Order, book: PrivateBook) -> None:
        """Trade an arriving order with what the book shows."""
        for price, maker, shown in book.queue(order.side.opposite, order.price):
            lots = min(shown, order.wants(price))
            if not lots:
                break
            if maker is not None and maker.profile_id == order.profile_id:
                self._prevent(order, maker)
                if not order.live:
                    return
                continue
            maker_id = None if maker is None else maker.id
            entry = self._tape(order).add(
                self._now, price, lots, order.side.opposite, (maker_id, order.id)
            )
            if maker is None:
                book.take(order.side.opposite, price, lots)
            else:
                self._settle(maker, entry)
            self._settle(order, entry)
        if order.live and self._sated(order, book):
            self._finish(order, "filled")

    def _sated(self, order: Order, book: PrivateBook) -> bool:
        """Return whether an order has traded all that it could ever want."""
        if order.funds is None:
            return not order.remaining
        best = next(book.queue(order.side.opposite, None), None)
        return order.filled > 0 and best is not None and not order.wants(best[0])

    def _prevent(self, taker: Order, maker: Order) -> None:
        """Keep two orders of one profile from trading, as the taker asks."""
        mode = taker.request.stp
        if mode == "dc" and taker.size is not None and taker.remaining != maker.remaining:
            smaller, larger = sorted((taker, maker), key=lambda order: order.remaining)
            assert larger.size is not None
            old, larger.size = larger.size, larger.size - smaller.remaining
            self._clearing.release(larger)
            self._tell(user_channel.changed(larger, old, self._number, self._now))
            self._withdraw(smaller)
            return
        if mode != "cn" and not (mode == "dc" and taker.size is None):
            self._withdraw(maker)
        if mode != "co":
            self._withdraw(taker)

    def _play(self, product_id: str, book: PrivateBook, end: UtcNs) -> None:
        """Carry out the simulated trades of one product until ``end``, within one batch."""
        trades = self._market.trades(self._assets[product_id], self._now, end)
        for trade in trades:
            self._trade(product_id, book, trade)

    def _trade(self, product_id: str, book: PrivateBook, trade: SimulatedTrade) -> None:
        left, parts, makers = trade.size, [], []
        for price, maker, shown in book.queue(trade.maker_side, trade.price):
            lots = min(shown, left)
            if not lots:
                break
            left -= lots
            parts.append((price, lots, None if maker is None else maker.id))
            makers.append(maker)
            if maker is None:
                book.take(trade.maker_side, price, lots)
        if parts == [(trade.price, trade.size, None)]:
            return
        for maker, entry in zip(makers, self.tapes[product_id].replace(trade, parts), strict=True):
            if maker is not None:
                self._settle(maker, entry)

    def _renew(self, product_id: str, book: PrivateBook, batch: int) -> None:
        """Take the next simulated book; what it moves across is traded, what expired is over."""
        for order in self._resting(book):
            if order.expires_at is not None and order.expires_at <= self._now:
                self._withdraw(order)
        book.renew(self._simulated(product_id, batch))
        for order in self._resting(book):
            for price, maker, shown in book.queue(order.side.opposite, order.price):
                lots = min(shown, order.remaining)
                if maker is not None or not lots:
                    break
                book.take(order.side.opposite, price, lots)
                assert order.price is not None
                entry = self.tapes[product_id].add(
                    self._now, order.price, lots, order.side, (order.id, None)
                )
                self._settle(order, entry)
        self._forget_idle()

    def _settle(self, order: Order, entry: Print) -> None:
        """Book a trade for one of its orders."""
        self._clearing.settle(order, entry)
        self._tell(user_channel.matched(order, entry, self._number))
        if order.status == "open" and not order.remaining:
            self._books[order.asset.product_id].remove(order)
            self._finish(order, "filled")

    # Orders and books

    def _withdraw(self, order: Order) -> None:
        """Cancel an order, in the book or on its way there."""
        if order.status == "open":
            self._books[order.asset.product_id].remove(order)
        self._finish(order, "canceled")

    def _finish(self, order: Order, reason: str) -> None:
        order.status, order.done_reason, order.done_at = "done", reason, self._now
        self._clearing.release(order)
        self._tell(user_channel.done(order, self._number, self._now))
        if not order.filled:
            del self._orders[order.id]  # the venue forgets what never traded

    def _crosses(self, order: Order, book: PrivateBook) -> bool:
        return next(book.queue(order.side.opposite, order.price), None) is not None

    def _fillable(self, order: Order, book: PrivateBook) -> bool:
        """Return whether an order could trade in full at once."""
        left = order.remaining
        for _, maker, shown in book.queue(order.side.opposite, order.price):
            if maker is None or maker.profile_id != order.profile_id:
                left -= shown
            elif order.request.stp != "co":
                break
            if left <= 0:
                return True
        return False

    def _new_book(self, product_id: str) -> PrivateBook:
        """Return the simulated book of this moment, less what traded since its batch began."""
        batch = self._now // BATCH
        book = PrivateBook(self._simulated(product_id, batch))
        asset = self._assets[product_id]
        for trade in self._market.trades(asset, UtcNs(batch * BATCH), self._now):
            book.take(trade.maker_side, trade.price, trade.size)
        return book

    def _resting(self, book: PrivateBook) -> list[Order]:
        return [*book.resting[Side.BUY], *book.resting[Side.SELL]]

    def _forget_idle(self) -> None:
        self._books = {name: book for name, book in self._books.items() if not book.idle}

    def _tape(self, order: Order) -> Tape:
        return self.tapes[order.asset.product_id]

    def _new_id(self, profile: Profile) -> str:
        name = f"{profile.profile_id} {self._numbers + 1} {self._now}".encode()
        return str(uuid.UUID(bytes=hashlib.blake2b(name, digest_size=16).digest(), version=4))

    @property
    def _number(self) -> int:
        return self._sequence(self._now // BATCH)

    def _tell(self, message: Message) -> None:
        self._outbox.append(message)
        self.wake()
