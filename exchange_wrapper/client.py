"""Typed client of xWrap's JSON-RPC interface."""

from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from typing import Any, Final, Literal

from exchange_wrapper.client_connection import Json, XWrapConnection
from exchange_wrapper.errors import ProcessingError
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.terms import OrderType, Side

__all__ = ["XWrapClient"]

_PAGE: Final = 1000

Amount = Decimal | str | int


class XWrapClient(XWrapConnection):
    """A connection to xWrap with its methods.

    Each raises what xWrap raised. Amounts are ``Decimal`` or text, never floats.
    """

    # Utility

    async def get_status(self) -> Json:
        """Return xWrap's status and configuration."""
        return await self._object("get_status")

    async def echo(self, **arguments: Any) -> Json:
        """Return the arguments as xWrap understood them."""
        return await self._object("echo", **arguments)

    async def echo_notify(self, **arguments: Any) -> Json:
        """Have every client notified of the arguments by ``echo_ret``."""
        return await self._object("echo_notify", **arguments)

    async def get_health(self) -> Json:
        """Return the health of xWrap and of each exchange."""
        return await self._object("get_health")

    # Market data

    async def get_exchanges(self, mode: Literal["paper", "live"] | None = None) -> list[Json]:
        """Return the loaded exchanges."""
        return await self._list("get_exchanges", mode=mode)

    async def get_book(self, exchange: str, pair: str, depth: int | None = None) -> Json:
        """Return the best levels of a book as ``{"bids": [[price, size]], "asks": …}``."""
        return await self._object("get_book", exchange=exchange, pair=pair, depth=depth)

    async def get_pricing(self, exchange: str) -> Json:
        """Return best bid and ask by pair."""
        return await self._object("get_pricing", exchange=exchange)

    async def convert_to_usd(
        self, currency: str, value: Amount, side: Literal["bid", "ask"] = "bid"
    ) -> Decimal | None:
        """Return what an amount is worth in USD, None if there is no price."""
        worth = await self.call("convert_to_usd", currency=currency, value=_text(value), side=side)
        return None if worth is None else Decimal(worth)

    async def get_ohlcv(
        self,
        exchange: str,
        pair: str,
        *,
        start: int | None = None,
        end: int | None = None,
        received_before: int | None = None,
        freq: str | None = None,
    ) -> Json:
        """Return one page of candles; ``next`` is where the next one starts, or None."""
        return await self._object(
            "get_ohlcv",
            exchange=exchange,
            pair=pair,
            start=start,
            end=end,
            received_before=received_before,
            freq=freq,
        )

    async def iterate_ohlcv(
        self, exchange: str, pair: str, *, start: int = 0, end: int | None = None, freq: str
    ) -> AsyncIterator[list[list[Any]]]:
        """Yield all candles that open in [start, end) in pages of up to 50,000, oldest first.

        Each is ``[time, low, high, open, close, volume, received_at]``.
        """
        following: int | None = start
        while following is not None:
            page = await self.get_ohlcv(exchange, pair, start=following, end=end, freq=freq)
            following = page["next"]
            yield page["points"]

    async def list_ohlcv(self) -> list[Json]:
        """Return the stored series with their periods and increments."""
        return await self._list("list_ohlcv")

    async def list_recordings(self) -> list[Json]:
        """Return of which pairs books and trades are recorded, and since when."""
        return await self._list("list_recordings")

    async def get_recording(
        self,
        exchange: str,
        pair: str,
        *,
        start: int | None = None,
        end: int | None = None,
        page: str | None = None,
    ) -> Json:
        """Return one page of a recording; ``next`` is the ``page`` of the next one, or None."""
        return await self._object(
            "get_recording", exchange=exchange, pair=pair, start=start, end=end, page=page
        )

    # Wallets

    async def create_wallet_set(
        self, run_id: str, wallets: Iterable[tuple[str, str, Amount]]
    ) -> int:
        """Create a set from (exchange, currency, allocation) and return its id."""
        allocations = [
            {"exchange": exchange, "currency": currency, "allocation": _text(allocation)}
            for exchange, currency, allocation in wallets
        ]
        created = await self._object("create_wallet_set", run_id=run_id, wallets=allocations)
        return int(created["id"])

    async def get_wallet_set(self, set_id: int | None = None, aggregate_only: bool = False) -> Json:
        """Return a wallet set, the unallocated one by default."""
        return await self._object("get_wallet_set", set_id=set_id, aggregate_only=aggregate_only)

    async def get_wallet_set_history(self, set_id: int) -> Json:
        """Return how the wallets of a set have changed."""
        return await self._object("get_wallet_set_history", set_id=set_id)

    async def get_all_wallet_sets(self, aggregate_only: bool = False) -> Json:
        """Return the active sets by id, and ``total``, ``unallocated`` and ``allocated``."""
        return await self._object("get_all_wallet_sets", aggregate_only=aggregate_only)

    async def get_allocated_wallet_set(self) -> Json:
        """Return what all runs have, by currency."""
        return await self._object("get_allocated_wallet_set")

    async def get_unallocated_wallet_set(self) -> Json:
        """Return what no run has, by currency."""
        return await self._object("get_unallocated_wallet_set")

    async def get_total_wallet_set(self) -> Json:
        """Return everything, by currency."""
        return await self._object("get_total_wallet_set")

    async def get_unallocated_per_exchange(self) -> Json:
        """Return the wallets that no run has, by exchange and currency."""
        return await self._object("get_unallocated_per_exchange")

    async def get_wallet(self, exchange: str, base: str, wallet_set_id: int | None = None) -> Json:
        """Return one wallet, of the unallocated funds by default."""
        return await self._object(
            "get_wallet", exchange=exchange, base=base, wallet_set_id=wallet_set_id
        )

    async def allocate_to_wallet_set(
        self, wallet_set_id: int, exchange: str, base: str, movement: Amount
    ) -> Json:
        """Move unallocated funds into a set, or back; return the set's wallet."""
        return await self._object(
            "allocate_to_wallet_set",
            wallet_set_id=wallet_set_id,
            exchange=exchange,
            base=base,
            movement=_text(movement),
        )

    async def deactivate_wallet_set(self, wallet_set_id: int, force: bool = False) -> Json:
        """Return a set's funds and close it; with ``force`` cancel its open orders first."""
        return await self._object("deactivate_wallet_set", wallet_set_id=wallet_set_id, force=force)

    async def add_virtual_wallet_tx(
        self, exchange: str, base: str, movement: Amount, wallet_id: int | None = None
    ) -> int:
        """Add virtual funds to a paper exchange and return the line's id."""
        return int(
            await self.call(
                "add_virtual_wallet_tx",
                exchange=exchange,
                base=base,
                movement=_text(movement),
                wallet_id=wallet_id,
            )
        )

    async def list_movements(
        self,
        wallet_set_id: int | None = None,
        *,
        run_id: str | None = None,
        exchange: str | None = None,
        currency: str | None = None,
        order_id: int | None = None,
        since: str | None = None,
        limit: int | None = None,
        before_id: int | None = None,
    ) -> list[Json]:
        """Return a page of the newest lines of the ledger, newest first."""
        return await self._list(
            "list_movements",
            wallet_set_id=wallet_set_id,
            run_id=run_id,
            exchange=exchange,
            currency=currency,
            order_id=order_id,
            since=since,
            limit=limit,
            before_id=before_id,
        )

    # Orders

    async def make_order(
        self,
        *,
        run_id: str,
        exchange: str,
        client_oid: str,
        type: OrderType | str,
        pair: str,
        size: Amount,
        side: Side | str,
        wallet_set_id: int | None = None,
        limit: Amount | None = None,
        cancel_after: int = 0,
        funds: Amount | None = None,
        post_only: bool = False,
    ) -> tuple[str, str]:
        """Make an order and return (status, message) once it is durable.

        The status is ``accepted``, or ``invalid`` or ``rejected`` with the reason as message.
        """
        status, message = await self.call(
            "make_order",
            run_id=run_id,
            exchange=exchange,
            client_oid=client_oid,
            type=str(type),
            pair=pair,
            size=_text(size),
            side=str(side),
            wallet_set_id=wallet_set_id,
            limit=None if limit is None else _text(limit),
            cancel_after=cancel_after,
            funds=None if funds is None else _text(funds),
            post_only=post_only,
        )
        return status, message

    async def cancel_order(self, exchange: str, client_order_id: str) -> Json:
        """Ask for an order to be cancelled and return it as it is now."""
        return await self._object(
            "cancel_order", exchange=exchange, client_order_id=client_order_id
        )

    async def kill_switch(
        self, level: Literal["off", "stop", "cancel", "flatten"], scope: str | None = None
    ) -> Json:
        """Stop trading, or let it go on: everywhere, at an exchange or of a wallet set."""
        return await self._object("kill_switch", level=level, scope=scope)

    async def get_control(self) -> Json:
        """Return what stops trading now."""
        return await self._object("get_control")

    async def get_order(self, exchange: str, client_order_id: str) -> Json:
        """Return an order, open or done."""
        return await self._object("get_order", exchange=exchange, client_order_id=client_order_id)

    async def cancel_all(self, *, run_id: str | None = None, exchange: str | None = None) -> Json:
        """Ask for all open orders of a run or at an exchange to be cancelled."""
        return await self._object("cancel_all", run_id=run_id, exchange=exchange)

    async def list_open_orders(self, run_id: str | None = None) -> list[Json]:
        """Return all orders that are not done, newest first."""
        orders: list[Json] = []
        page = await self._list("list_open_orders", run_id=run_id, limit=_PAGE)
        while page:
            orders += page
            if len(page) < _PAGE:
                break
            before = page[-1]["id"]
            page = await self._list(
                "list_open_orders", run_id=run_id, limit=_PAGE, before_id=before
            )
        return orders

    async def list_recent_orders(
        self,
        include_open: bool = False,
        *,
        run_id: str | None = None,
        limit: int | None = None,
        before_id: int | None = None,
    ) -> list[Json]:
        """Return a page of the orders that were done last, newest first."""
        return await self._list(
            "list_recent_orders",
            include_open=include_open,
            run_id=run_id,
            limit=limit,
            before_id=before_id,
        )

    async def list_trades(
        self,
        run_id: str | None = None,
        *,
        since: str | None = None,
        limit: int | None = None,
        before_id: int | None = None,
    ) -> list[Json]:
        """Return a page of the newest trades, newest first, of one run or of all."""
        return await self._list(
            "list_trades", run_id=run_id, since=since, limit=limit, before_id=before_id
        )

    async def _object(self, method: str, **arguments: Any) -> Json:
        result = await self.call(method, **arguments)
        if not isinstance(result, dict):
            raise ProcessingError(f"xWrap answered {method} with {result!r}")
        return result

    async def _list(self, method: str, **arguments: Any) -> list[Json]:
        result = await self.call(method, **arguments)
        if not isinstance(result, list):
            raise ProcessingError(f"xWrap answered {method} with {result!r}")
        return result


def _text(amount: Amount) -> str:
    return format_amount(amount) if isinstance(amount, Decimal) else str(amount)
