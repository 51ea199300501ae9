"""Methods about orders and trades. What they tell is durable by then."""

from collections.abc import Awaitable
from decimal import Decimal
from typing import Annotated, Final

import msgspec

from exchange_wrapper.archive import order_at, recent_orders, recent_trades
from exchange_wrapper.errors import (
    ApiUsageError,
    InsufficientFunds,
    InvalidAmount,
    OrderRejected,
    UnknownName,
    XWrapError,
)
from exchange_wrapper.numbers import parse_amount
from exchange_wrapper.orders import OrderRequest
from exchange_wrapper.service.part import Json, Name, Part, Rows
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import from_iso
from serving.registry import Caller, Role, api_method

__all__ = ["OrderApi"]

_YEAR_S: Final = 366 * 86_400

Seconds = Annotated[int, msgspec.Meta(ge=0, le=_YEAR_S)]


class OrderApi(Part):
    """Orders and trades."""

    @api_method(Role.TRADER, post="/orders/new", at_once=True)
    def make_order(
        self,
        *,
        connection_id: int | None,
        run_id: Name,
        exchange: str,
        client_oid: Name,
        type: OrderType,
        pair: str,
        size: Decimal,
        side: Side,
        wallet_set_id: int | None = None,
        limit: Decimal | None = None,
        cancel_after: Seconds = 0,
        funds: Decimal | None = None,
        post_only: bool = False,
    ) -> Awaitable[list[str]] | list[str]:
        """Make an order; the answer comes once it is stored durably.

        ``type`` is ``limit``, ``limit-immediate-cancel``, ``limit-fill-kill`` or ``market``;
        ``limit`` is left out (or 0) for a market order. After ``cancel_after`` seconds, if not
        0, what still rests is cancelled. A market buy never costs more than ``funds`` with its
        fee; what it can't buy with them is cancelled. With ``post_only`` a ``limit`` order that
        would trade at once when it arrives becomes ``done`` as ``rejected`` instead.

        Returns ``[status, message]``: ``accepted``, or ``invalid`` or ``rejected`` with the reason.
        The same order under the same ``run_id`` and ``client_oid`` is made once, however often it
        is asked for. What becomes of it is told by ``order`` and ``trade`` notifications: each
        trade, each status that the order comes to, and its newest state. How filled it was between
        trades of one commit is not told.
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
            post_only=post_only,
        )
        venue, now = self.engine.venue(exchange), self.engine.clock()
        venue.catch_up(now)  # what arrived before has its funds and its share of the book
        try:
            self.engine.desk.make_order(request, now)
        except InvalidAmount as error:
            return ["invalid", error.message]
        except InsufficientFunds:
            raise
        except OrderRejected as error:
            return ["rejected", error.message]
        return self._committed(["accepted", ""])

    @api_method(Role.TRADER, post="/orders/cancel")
    async def cancel_order(self, *, caller: Caller, exchange: str, client_order_id: str) -> Json:
        """Ask for an order to be cancelled and return it as it is now.

        It may still fill until the cancellation arrives; an order that is done stays as it is.
        """
        self.engine.venue(exchange, ready=False)
        desk = self.engine.desk
        known = desk.by_client(exchange, client_order_id)
        if known is None:
            return await self.get_order(
                caller=caller, exchange=exchange, client_order_id=client_order_id
            )
        caller.check_wallet_set(known.request.wallet_set_id)
        order = desk.cancel_order(exchange, client_order_id, self.engine.clock())
        return await self._committed(order.to_dict())

    @api_method(Role.VIEWER, get="/orders/{exchange}/{client_order_id}")
    async def get_order(self, *, caller: Caller, exchange: str, client_order_id: str) -> Json:
        """Return an order, open or done."""
        order = self.engine.desk.by_client(exchange, client_order_id)
        await self.engine.journal.committed()
        if order is None:
            order = await self.engine.journal.read(
                lambda database: order_at(database, exchange, client_order_id)
            )
        if order is None:
            raise UnknownName(
                f"there is no order {client_order_id!r} at {exchange}", field="client_order_id"
            )
        caller.check_wallet_set(order.request.wallet_set_id)
        return order.to_dict()

    @api_method(Role.TRADER, post="/orders/cancel_all")
    async def cancel_all(
        self,
        *,
        run_id: str | None = None,
        exchange: str | None = None,
        wallet_set_id: int | None = None,
    ) -> Json:
        """Ask for all open orders of a run, at an exchange or of a wallet set to be cancelled.

        With several of these, those that fit all of them. ``{"cancelled": [order, …], "failed":
        [{"exchange", "client_order_id", "error"}, …]}``; the cancelled ones may still fill until it
        arrives.
        """
        if run_id is None and exchange is None and wallet_set_id is None:
            raise ApiUsageError(
                "cancel_all needs run_id, exchange or wallet_set_id", field="run_id"
            )
        if exchange is not None:
            self.engine.venue(exchange, ready=False)
        cancelled, failed = [], []
        for order in list(self.engine.desk.orders.values()):
            place, name = order.request.exchange, order.request.client_oid
            if run_id not in (None, order.request.run_id) or exchange not in (None, place):
                continue
            if wallet_set_id not in (None, order.request.wallet_set_id):
                continue
            try:
                self.engine.venue(place, ready=False)
                # Not by its client id, which another run's order may have, too.
                asked = self.engine.desk.cancel(order, self.engine.clock())
                cancelled.append(asked.to_dict())
            except XWrapError as error:
                failed.append({"exchange": place, "client_order_id": name, "error": error.message})
        return await self._committed({"cancelled": cancelled, "failed": failed})

    @api_method(Role.VIEWER, get="/orders/open")
    def list_open_orders(
        self,
        *,
        run_id: str | None = None,
        wallet_set_id: int | None = None,
        limit: Rows = 1000,
        before_id: int | None = None,
    ) -> Awaitable[list[Json]]:
        """Return the newest orders that are not done, newest first, of a run or wallet set or all.

        For those before them, pass the last one's ``id`` as ``before_id``.
        """
        return self._committed(self._opened(run_id, wallet_set_id, before_id)[:limit])

    @api_method(Role.VIEWER, get="/orders/recent")
    async def list_recent_orders(
        self,
        *,
        include_open: bool = False,
        run_id: str | None = None,
        wallet_set_id: int | None = None,
        limit: Rows = 100,
        before_id: int | None = None,
    ) -> list[Json]:
        """Return the orders done last, newest first, of a run or wallet set or all.

        With ``include_open`` the open ones come before them. For those that follow, pass the last
        one's ``id`` as ``before_id``.
        """
        opened: list[Json] = []
        last_done = before_id
        if include_open and (before_id is None or before_id in self.engine.desk.orders):
            opened, last_done = self._opened(run_id, wallet_set_id, before_id)[:limit], None
        await self.engine.journal.committed()
        if len(opened) == limit:
            return opened
        return opened + await self.engine.journal.read(
            lambda database: recent_orders(
                database, run_id, last_done, limit - len(opened), wallet_set_id
            )
        )

    @api_method(Role.VIEWER, get="/trades")
    async def list_trades(
        self,
        *,
        run_id: str | None = None,
        wallet_set_id: int | None = None,
        since: str | None = None,
        before_id: int | None = None,
        limit: Rows = 100,
    ) -> list[Json]:
        """Return the newest trades, newest first, of a run or wallet set or all.

        ``since`` leaves out those before a time in ISO 8601. For those before them, pass the last
        one's ``id`` as ``before_id``.
        """
        start = None if since is None else from_iso(since, "since")
        await self.engine.journal.committed()
        return await self.engine.journal.read(
            lambda database: recent_trades(database, run_id, start, before_id, limit, wallet_set_id)
        )

    def _opened(
        self, run_id: str | None, wallet_set_id: int | None, before_id: int | None
    ) -> list[Json]:
        return [
            order.to_dict()
            for order in reversed(self.engine.desk.orders.values())
            if run_id in (None, order.request.run_id)
            and wallet_set_id in (None, order.request.wallet_set_id)
            and (before_id is None or order.id < before_id)
        ]
