"""Orders and trades: immutable values that know how to print themselves."""

from decimal import Context, Decimal
from uuid import UUID, uuid5

import msgspec

from exchange_wrapper.fees import FeeSchedule, affordable
from exchange_wrapper.numbers import ZERO, Lots, Ticks, format_amount
from exchange_wrapper.pair import Pair
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["Order", "OrderRequest", "Trade"]

_AVERAGE = Context(prec=60)
_VENUE_IDS = UUID("5f1c0f3e-8d0b-5a39-9f0c-6b9d6f1c7a52")


class OrderRequest(msgspec.Struct, frozen=True, gc=False):
    """What a client asks for. Two requests with equal fields are the same request.

    Attributes
    ----------
    run_id, client_oid : str
        The strategy run and its own name for the order; together they make a retry harmless.
    size : Decimal
        Amount of base.
    limit : Decimal or None
        Worst acceptable price in quote per base; None for a market order.
    wallet_set_id : int or None
        The wallet set that pays and receives; None stands for the unallocated funds.
    cancel_after_s : int
        Seconds after which what still rests is cancelled; 0 never.
    funds : Decimal or None
        The most that a market buy may cost with its fee, in quote; what it can't buy with that
        is cancelled.
    post_only : bool
        Whether a limit order is rejected instead of taking anything when it arrives.
    """

    run_id: str
    client_oid: str
    exchange: str
    pair: str
    type: OrderType
    side: Side
    size: Decimal
    limit: Decimal | None = None
    wallet_set_id: int | None = None
    cancel_after_s: int = 0
    funds: Decimal | None = None
    post_only: bool = False


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order as of one moment; each change makes a new value.

    Attributes
    ----------
    limit : Ticks or None
        The limit in ticks; None for a market order.
    filled_notional : int
        Σ ticks × lots of its trades.
    fee, fee_exact : Decimal
        Charged so far, and the same before rounding, in quote.
    hold : Decimal
        What is still on hold for it, in ``hold_currency``, ≥ 0.
    fees : FeeSchedule
        The venue's fees when the order was made; they stay its fees.
    exchange_at : UtcNs or None
        When it arrived at the venue.
    offline : tuple of (UtcNs, UtcNs)
        From when to when nobody followed the market for it, because xWrap was down.
    """

    id: int
    request: OrderRequest
    pair: Pair
    lots: Lots
    limit: Ticks | None
    created_at: UtcNs
    last_updated_at: UtcNs
    hold: Decimal
    hold_currency: str
    fees: FeeSchedule
    status: OrderStatus = OrderStatus.RECEIVED
    done_reason: DoneReason | None = None
    message: str = ""
    exchange_at: UtcNs | None = None
    done_at: UtcNs | None = None
    filled: Lots = Lots(0)
    filled_notional: int = 0
    fee: Decimal = ZERO
    fee_exact: Decimal = ZERO
    offline: tuple[tuple[UtcNs, UtcNs], ...] = ()

    @property
    def venue_oid(self) -> str:
        """The name under which a venue gets it: always the same, so it can't be placed twice."""
        run_id = self.request.run_id
        return str(uuid5(_VENUE_IDS, f"{len(run_id)}:{run_id}:{self.request.client_oid}"))

    @property
    def is_done(self) -> bool:
        """Whether the order is final."""
        return self.status is OrderStatus.DONE

    @property
    def remaining(self) -> Lots:
        """Lots that are not filled."""
        return Lots(self.lots - self.filled)

    @property
    def filled_size(self) -> Decimal:
        """Amount of base that is filled."""
        return self.pair.size(self.filled)

    @property
    def remaining_size(self) -> Decimal:
        """Amount of base that is not filled."""
        return self.pair.size(self.remaining)

    @property
    def avg_price(self) -> Decimal:
        """Average price of its trades, half-even to eight digits more than a price has; 0 if none.

        For people and charts: the exact amount is ``filled_notional``.
        """
        if not self.filled:
            return ZERO
        ticks, rest = divmod(self.filled_notional, self.filled)
        if not rest:  # mostly: all of it at one price
            return self.pair.price(Ticks(ticks))
        notional = self.pair.notional(self.filled_notional)
        step = Decimal(1).scaleb(-self.pair.price_prec - 8)
        return _AVERAGE.quantize(_AVERAGE.divide(notional, self.filled_size), step)

    @property
    def budget(self) -> int | None:
        """Σ ticks × lots that a market buy can pay from its hold; None for other orders."""
        if self.limit is not None or self.request.side is Side.SELL:
            return None
        return affordable(self.hold, self.fees.worst, self.pair)

    @property
    def expires_at(self) -> UtcNs | None:
        """When what still rests is cancelled, or None."""
        seconds = self.request.cancel_after_s
        return UtcNs(self.created_at + seconds * SECOND) if seconds else None

    def to_dict(self) -> dict[str, object]:
        """Return the order as on the wire: amounts as text, times in ISO 8601."""
        request = self.request
        return {
            "id": self.id,
            "created_at": to_iso(self.created_at),
            "wallet_set_id": request.wallet_set_id,
            "exchange": request.exchange,
            "client_order_id": request.client_oid,
            "run_id": request.run_id,
            "type": request.type.value,
            "pair": request.pair,
            "size": format_amount(request.size),
            "side": request.side.value,
            "limit": format_amount(ZERO if request.limit is None else request.limit),
            "cancel_after": request.cancel_after_s,
            "funds": None if request.funds is None else format_amount(request.funds),
            "post_only": request.post_only,
            "status": self.status.value,
            "done_reason": None if self.done_reason is None else self.done_reason.value,
            "message": self.message,
            "done_at": None if self.done_at is None else to_iso(self.done_at),
            "exchange_at": None if self.exchange_at is None else to_iso(self.exchange_at),
            "last_updated_at": to_iso(self.last_updated_at),
            "filled_size": format_amount(self.filled_size),
            "avg_price": format_amount(self.avg_price),
            "fee": format_amount(self.fee),
            "offline": [{"from": to_iso(start), "to": to_iso(end)} for start, end in self.offline],
        }


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One fill of an order.

    Attributes
    ----------
    ext_id : str
        The venue's id of the trade; empty where it is simulated.
    fee : Decimal
        Charged for this trade, in quote.
    maker : bool
        Whether the order was resting.
    """

    id: int
    order_id: int
    ext_id: str
    price: Ticks
    size: Lots
    fee: Decimal
    maker: bool
    time: UtcNs

    def to_dict(self, order: Order) -> dict[str, object]:
        """Return the trade of ``order`` as on the wire: amounts as text, time in ISO 8601."""
        request = order.request
        return {
            "id": self.id,
            "order_id": self.order_id,
            "client_order_id": request.client_oid,
            "run_id": request.run_id,
            "wallet_set_id": request.wallet_set_id,
            "exchange": request.exchange,
            "type": request.type.value,
            "side": request.side.value,
            "pair": request.pair,
            "exec_amount": format_amount(order.pair.size(self.size)),
            "exec_price": format_amount(order.pair.price(self.price)),
            "fee": format_amount(self.fee),
            "maker": self.maker,
            "ext_id": self.ext_id,
            "time": to_iso(self.time),
        }
