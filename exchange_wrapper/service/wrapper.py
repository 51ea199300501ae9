"""The API: what clients can ask of xWrap, whichever way they ask it."""

import asyncio
from collections.abc import Awaitable
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from exchange_wrapper import __version__
from exchange_wrapper.accounts import SetType
from exchange_wrapper.api import api_method
from exchange_wrapper.archive import order_at, recent_orders, recent_trades
from exchange_wrapper.changes import LinePosted
from exchange_wrapper.config import Settings
from exchange_wrapper.errors import (
    BadWalletConfig,
    InsufficientFunds,
    InvalidAmount,
    OrderRejected,
    UnknownName,
)
from exchange_wrapper.ledger import UNALLOCATED_SET
from exchange_wrapper.notifications import Channel
from exchange_wrapper.numbers import LEDGER, format_amount, parse_amount, round_down
from exchange_wrapper.ohlcv import list_series, read_page
from exchange_wrapper.orders import OrderRequest
from exchange_wrapper.service.engine import Engine
from exchange_wrapper.terms import Mode, OrderType, Side
from exchange_wrapper.times import SECOND, to_iso
from exchange_wrapper.wallet import Wallet

__all__ = ["Allocation", "ExchangeWrapper"]

T = TypeVar("T")
Json = dict[str, Any]
Depth = Annotated[int, msgspec.Meta(ge=1, le=5000)]
Rows = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Seconds = Annotated[int, msgspec.Meta(ge=0)]

_USD_STEP: Final = Decimal("1E-8")


class Allocation(msgspec.Struct, forbid_unknown_fields=True):
    """How much of a currency of an exchange a new wallet set gets."""

    exchange: str
    currency: str
    allocation: Decimal


class ExchangeWrapper:
    """Gets data from exchanges, trades on them, and gives both one form.

    Amounts of money are decimal text, market data JSON numbers, times ISO 8601 unless they are
    named ``start`` or ``end`` (seconds since 1970, UTC). All arguments are passed by name.
    """

    def __init__(self, settings: Settings) -> None:
        self.engine = Engine(settings)

    async def start(self) -> None:
        """Restore what is stored and start the exchanges; see ``Engine.start``."""
        await self.engine.start()

    async def shutdown(self) -> None:
        """Stop and make everything durable."""
        await self.engine.shutdown()

    # Utility

    @api_method(http="/status")
    def get_status(self) -> Json:
        """Return xWrap's status, configuration and the health of each exchange."""
        engine = self.engine
        exchanges = {
            name: {
                **venue.health(),
                "candles": engine.keepers[name].progress() if name in engine.keepers else {},
            }
            for name, venue in engine.venues.items()
        }
        return {
            "status": "online",
            "version": __version__,
            "started_at": to_iso(engine.started_at),
            "config": {
                "currencies": list(engine.settings.currencies),
                "exchanges": list(engine.venues),
            },
            "exchanges": exchanges,
        }

    @api_method()
    def echo(self, *, connection_id: int | None, **arguments: Any) -> Json:
        """Return the arguments."""
        return arguments

    @api_method()
    def echo_notify(self, *, connection_id: int | None, **arguments: Any) -> Json:
        """Send the arguments to every client as an ``echo_ret`` notification.

        Returns ``{"status": "ok", "receivers": number of clients}``.
        """
        receivers = self.engine.notifications.publish("echo_ret", arguments)
        return {"status": "ok", "receivers": receivers}

    # Exchanges and prices

    @api_method(http="/exchanges")
    def get_exchanges(self, *, mode: Mode | None = None) -> list[Json]:
        """Return the loaded exchanges, all or those of a mode (``paper`` or ``live``).

        Each is ``{"exchange", "class", "status", "problem", "pairs", "currencies", "mode", "fees",
        "increments"}``; ``pairs`` are known once the exchange has been reached.
        """
        described = []
        for settings in self.engine.settings.exchanges:
            venue = self.engine.venues[settings.name]
            if mode in (None, venue.mode):
                pairs = venue.pairs.values()
                described.append(
                    {
                        "exchange": venue.name,
                        "class": settings.class_path,
                        "status": venue.status.value,
                        "problem": venue.health()["problem"],
                        "pairs": list(venue.pairs),
                        "currencies": sorted(
                            {c for pair in pairs for c in (pair.base, pair.quote)}
                        ),
                        "mode": venue.mode.value,
                        "fees": {
                            "maker": format_amount(venue.fees.maker),
                            "taker": format_amount(venue.fees.taker),
                        },
                        "increments": {
                            pair.name(): {
                                "tick_size": format_amount(pair.tick_size),
                                "lot_size": format_amount(pair.lot_size),
                                "min_order": format_amount(pair.min_order),
                                "min_notional": format_amount(pair.min_notional),
                            }
                            for pair in pairs
                        },
                    }
                )
        return described

    @api_method(http="/{exchange}/book/{pair}")
    def get_book(self, *, exchange: str, pair: str, depth: Depth = 100) -> Json:
        """Return the best ``depth`` levels of a book.

        ``{"bids": [[price, size], …], "asks": …}``, best first.
        """
        live = self.engine.venue(exchange).books.get(pair)
        if live is None:
            raise UnknownName(f"{exchange} has no pair {pair!r}", field="pair")

        def levels(side: Side) -> list[list[float]]:
            found = live.book.depth(side, depth)
            return [[float(live.pair.price(t)), float(live.pair.size(n))] for t, n in found]

        return {"bids": levels(Side.BUY), "asks": levels(Side.SELL)}

    @api_method(http="/{exchange}/pricing")
    def get_pricing(self, *, exchange: str) -> Json:
        """Return best bid and ask by pair: ``{"BTC_USD": {"bid": 8000.1, "ask": 8000.2}}``.

        None where a side of the book is empty.
        """
        prices = {}
        for name, live in self.engine.venue(exchange).books.items():
            bid, ask = live.book.best_bid, live.book.best_ask
            prices[name] = {
                "bid": None if bid is None else float(live.pair.price(bid)),
                "ask": None if ask is None else float(live.pair.price(ask)),
            }
        return prices

    @api_method(http="/ohlcv/{exchange}/{pair}")
    async def get_ohlcv(
        self,
        *,
        exchange: str,
        pair: str,
        start: int | None = None,
        end: int | None = None,
        received_before: int | None = None,
        freq: str = "highest",
    ) -> Json:
        """Return stored candles that open in [start, end), up to 50,000.

        ``freq`` is ``highest`` (the shortest stored), ``daily`` or a length such as ``5m`` or
        ``1h``. ``points`` are ``[time, low, high, open, close, volume, received_at]``, oldest
        first. ``next`` is the ``start`` of the next page, or None. Without ``start`` the page has
        the newest candles.
        """
        candles, following = await asyncio.to_thread(
            read_page,
            self.engine.store,
            exchange,
            pair,
            start=start,
            end=end,
            received_before=received_before,
            freq=freq,
        )
        return {
            "exchange": exchange,
            "pair": pair,
            "freq_s": candles.freq_s,
            "generated_at": self.engine.clock() // SECOND,
            "price_digits": candles.price_digits,
            "volume_digits": candles.volume_digits,
            "next": following,
            "points": candles.points(),
        }

    @api_method(http="/ohlcv")
    async def list_ohlcv(self) -> list[Json]:
        """Return each stored series of candles with its period and increments."""
        return await asyncio.to_thread(list_series, self.engine.store)

    @api_method(http="/convert_to_usd")
    def convert_to_usd(
        self, *, currency: str, value: Decimal, side: Literal["bid", "ask"] = "bid"
    ) -> str | None:
        """Return what an amount of a currency is worth in USD, None where there is no price.

        By a pair against USD, else by one step through another currency, at the best bid (what
        it can be sold for) or ask.
        """
        amount = parse_amount(value, "value")
        rate = self.engine.pricing.usd_rate(currency.upper(), side)
        if rate is None:
            return None
        return format_amount(round_down(LEDGER.multiply(amount, rate), _USD_STEP))

    # Wallets

    @api_method(http="/wallets/sets")
    def get_all_wallet_sets(self, *, aggregate_only: bool = False) -> Json:
        """Return the active wallet sets by id, and ``total``, ``unallocated`` and ``allocated``.

        With ``aggregate_only`` the wallets of each set are summed by currency.
        """
        wallets = self.engine.wallets
        return {
            **wallets.get_wallet_sets(SetType.LOGICAL, aggregate_only),
            "total": wallets.get_exchange_total(),
            "unallocated": wallets.get_unallocated(),
            "allocated": wallets.get_allocated(),
        }

    @api_method(http="/wallets/{set_id}")
    def get_wallet_set(self, *, set_id: int | None = None, aggregate_only: bool = False) -> Json:
        """Return one wallet set, active or not; the unallocated funds by default."""
        wanted = UNALLOCATED_SET if set_id is None else set_id
        return self.engine.wallets.get_wallet_set(wanted, aggregate_only)

    @api_method(http="/wallets/allocated")
    def get_allocated_wallet_set(self) -> Json:
        """Return what all active wallet sets have, summed by currency."""
        return self.engine.wallets.get_allocated()

    @api_method(http="/wallets/unallocated")
    def get_unallocated_wallet_set(self) -> Json:
        """Return what no wallet set has, summed by currency."""
        return self.engine.wallets.get_unallocated()

    @api_method(http="/wallets/unallocated_exchange")
    def get_unallocated_per_exchange(self) -> Json:
        """Return the wallets that no set has: ``{exchange: {currency: wallet}}``."""
        return self.engine.wallets.get_unallocated_per_exchange()

    @api_method(http="/wallets/total")
    def get_total_wallet_set(self) -> Json:
        """Return everything at all exchanges, allocated or not, summed by currency."""
        return self.engine.wallets.get_exchange_total()

    @api_method()
    def get_wallet(self, *, exchange: str, base: str, wallet_set_id: int | None = None) -> Json:
        """Return one wallet of a set; of the unallocated funds by default."""
        self.engine.venue(exchange, ready=False)
        wallet = self.engine.desk.ledger.wallet(wallet_set_id, exchange, base.upper())
        return self.engine.wallets.describe(Wallet.of(wallet))

    @api_method()
    def create_wallet_set(self, *, run_id: str, wallets: list[Allocation]) -> Awaitable[Json]:
        """Create a wallet set for a run, funded from what is unallocated, and return its id.

        Errors are ``insufficient_funds`` and ``bad_wallet_config``; nothing is created then.
        """
        for wallet in wallets:
            if wallet.exchange not in self.engine.venues:
                raise BadWalletConfig(f"exchange {wallet.exchange!r} is not loaded")
            self.engine.venue(wallet.exchange, ready=False)
        created = self.engine.desk.ledger.create_set(
            run_id,
            [
                (each.exchange, each.currency.upper(), parse_amount(each.allocation, "allocation"))
                for each in wallets
            ],
            self.engine.clock(),
            f"Logical Wallet for Run: {run_id}",
        )
        return self._committed({"id": created.id})

    @api_method()
    def allocate_to_wallet_set(
        self, *, wallet_set_id: int, exchange: str, base: str, movement: Decimal
    ) -> Awaitable[Json]:
        """Move unallocated funds into a wallet set, or back where ``movement`` is negative.

        Returns the set's wallet.
        """
        self.engine.venue(exchange, ready=False)
        amount = parse_amount(movement, "movement")
        wallet = self.engine.desk.ledger.allocate(
            wallet_set_id, exchange, base.upper(), amount, self.engine.clock()
        )
        return self._committed(self.engine.wallets.describe(Wallet.of(wallet)))

    @api_method()
    def deactivate_wallet_set(self, *, wallet_set_id: int) -> Awaitable[Json]:
        """Return all funds of a wallet set to the unallocated ones and close it.

        An error while orders hold funds of it.
        """
        self.engine.desk.ledger.deactivate(wallet_set_id, self.engine.clock())
        return self._committed({"id": wallet_set_id, "active": False})

    @api_method()
    def add_virtual_wallet_tx(
        self, *, exchange: str, base: str, movement: Decimal, wallet_id: int | None = None
    ) -> Awaitable[int]:
        """Add virtual funds to a paper exchange, or take some away, and return the line's id.

        They go to the unallocated funds, or to the wallet named.
        """
        self.engine.venue(exchange, ready=False)
        amount = parse_amount(movement, "movement")
        if not amount:
            raise InvalidAmount("movement can't be 0", field="movement")
        ledger = self.engine.desk.ledger
        wallet = ledger.deposit(exchange, base.upper(), amount, self.engine.clock(), wallet_id)
        lines = (each for each in reversed(ledger.changes) if isinstance(each, LinePosted))
        return self._committed(next(each.line.id for each in lines if each.wallet is wallet))

    # Orders

    @api_method()
    def make_order(
        self,
        *,
        connection_id: int | None,
        run_id: str,
        exchange: str,
        client_oid: str,
        type: OrderType,
        pair: str,
        size: Decimal,
        side: Side,
        wallet_set_id: int | None = None,
        limit: Decimal | None = None,
        cancel_after: Seconds = 0,
        funds: Decimal | None = None,
    ) -> Awaitable[list[str]] | list[str]:
        """Make an order; the answer comes once it is stored durably.

        ``type`` is ``limit``, ``limit-immediate-cancel``, ``limit-fill-kill`` or ``market``;
        ``limit`` is left out (or 0) for a market order. After ``cancel_after`` seconds, if not
        0, what still rests is cancelled. A market buy never costs more than ``funds`` with its
        fee; what it can't buy with them is cancelled.

        Returns ``[status, message]``: ``accepted``, or ``invalid`` or ``rejected`` with the reason.
        The same order under the same ``run_id`` and ``client_oid`` is made once, however often it
        is asked for. What becomes of it is told by ``order`` and ``trade`` notifications.
        """
        request = OrderRequest(
            run_id=run_id,
            client_oid=client_oid,
            exchange=exchange,
            pair=pair,
            type=type,
            side=side,
            size=parse_amount(size, "size"),
            limit=parse_amount(limit, "limit") or None if limit is not None else None,
            wallet_set_id=wallet_set_id,
            cancel_after_s=cancel_after,
            funds=None if funds is None else parse_amount(funds, "funds"),
        )
        self.engine.venue(exchange)
        try:
            self.engine.desk.make_order(request, self.engine.clock())
        except InvalidAmount as error:
            return ["invalid", error.message]
        except InsufficientFunds:
            raise
        except OrderRejected as error:
            return ["rejected", error.message]
        return self._committed(["accepted", ""])

    @api_method()
    async def cancel_order(self, *, exchange: str, client_order_id: str) -> Json:
        """Ask for an order to be cancelled and return it as it is now.

        It may still fill until the cancellation arrives; an order that is done stays as it is.
        """
        self.engine.venue(exchange, ready=False)
        desk = self.engine.desk
        if desk.by_client(exchange, client_order_id) is None:
            return await self.get_order(exchange=exchange, client_order_id=client_order_id)
        order = desk.cancel_order(exchange, client_order_id, self.engine.clock())
        return await self._committed(order.to_dict())

    @api_method(http="/orders/{exchange}/{client_order_id}")
    async def get_order(self, *, exchange: str, client_order_id: str) -> Json:
        """Return an order, open or done."""
        order = self.engine.desk.by_client(exchange, client_order_id)
        if order is None:
            order = await self.engine.journal.read(
                lambda database: order_at(database, exchange, client_order_id)
            )
        if order is None:
            raise UnknownName(
                f"there is no order {client_order_id!r} at {exchange}", field="client_order_id"
            )
        return order.to_dict()

    @api_method(http="/orders/open")
    def list_open_orders(self) -> list[Json]:
        """Return all orders that are not done, oldest first."""
        return [order.to_dict() for order in self.engine.desk.orders.values()]

    @api_method(http="/orders/recent")
    async def list_recent_orders(
        self, *, include_open: bool = False, run_id: str | None = None, limit: Rows = 100
    ) -> list[Json]:
        """Return the orders done last, newest first, of one run or of all.

        With ``include_open`` the open ones come before them.
        """
        opened = [
            order.to_dict()
            for order in reversed(self.engine.desk.orders.values())
            if include_open and run_id in (None, order.request.run_id)
        ]
        done = await self.engine.journal.read(
            lambda database: recent_orders(database, run_id, limit)
        )
        return opened + done

    @api_method(http="/trades")
    async def list_trades(
        self, *, run_id: str | None = None, before_id: int | None = None, limit: Rows = 100
    ) -> list[Json]:
        """Return the newest trades, newest first, of one run or of all.

        For those before them, pass the last one's ``id`` as ``before_id``.
        """
        return await self.engine.journal.read(
            lambda database: recent_trades(database, run_id, before_id, limit)
        )

    # Notifications of market data

    @api_method()
    def subscribe(
        self, *, connection_id: int | None, channel: Channel, exchange: str, pair: str
    ) -> Json:
        """Notify this connection of a pair's ``ticker``, ``trades`` or ``candles`` from now on."""
        if pair not in self.engine.venue(exchange, ready=False).pairs:
            raise UnknownName(f"{exchange} has no pair {pair!r}", field="pair")
        if connection_id is not None:
            self.engine.notifications.subscribe(connection_id, channel, exchange, pair)
        return {"status": "ok"}

    @api_method()
    def unsubscribe(
        self, *, connection_id: int | None, channel: Channel, exchange: str, pair: str
    ) -> Json:
        """Take back a subscription."""
        if connection_id is not None:
            self.engine.notifications.unsubscribe(connection_id, channel, exchange, pair)
        return {"status": "ok"}

    async def _committed(self, result: T) -> T:
        await self.engine.journal.committed()
        return result
