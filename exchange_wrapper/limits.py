"""Pre-trade limits: how much an exchange or a wallet set may do, whatever a strategy asks for."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Final

import msgspec

from exchange_wrapper.accounts import UNALLOCATED_SET
from exchange_wrapper.errors import OrderRejected
from exchange_wrapper.numbers import LEDGER, ZERO, format_amount
from exchange_wrapper.orders import Order, OrderRequest, Trade
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["Limits", "LimitsSettings", "PreTradeLimits"]

_MINUTE_NS: Final = 60 * SECOND
_DAY_NS: Final = 86_400 * SECOND

_Count = Annotated[int, msgspec.Meta(ge=0)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of one exchange or of each wallet set; None for no limit.

    Attributes
    ----------
    order_notional_usd : Decimal or None
        The most that one order may be worth.
    open_orders : int or None
        The most orders that may be open, the new one included.
    orders_per_minute : int or None
        The most new orders within any 60 seconds. A restart begins anew.
    daily_loss_usd : Decimal or None
        How much the trades since 00:00 UTC may have lost at present prices, fees included. What
        was there before does not count.
    """

    order_notional_usd: Decimal | None = None
    open_orders: _Count | None = None
    orders_per_minute: _Count | None = None
    daily_loss_usd: Decimal | None = None

    def __post_init__(self) -> None:
        for amount in (self.order_notional_usd, self.daily_loss_usd):
            if amount is not None and not (amount.is_finite() and amount > 0):
                raise ValueError("a limit in USD must be above 0")


class LimitsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All limits.

    Attributes
    ----------
    exchanges : mapping of str to Limits
    wallet_set : Limits
        For each wallet set on its own, the unallocated funds included.
    """

    exchanges: Mapping[str, Limits] = {}
    wallet_set: Limits = Limits()


_Flows = dict[tuple[str, str], Decimal]  # by exchange and currency


class PreTradeLimits:
    """Check new orders against the limits, and follow what those count.

    Parameters
    ----------
    settings : LimitsSettings
    usd_rate : callable
        Called with (currency, exchange): what one unit is worth in USD, or None. An order whose
        limit can't be checked for want of a price is refused.
    """

    def __init__(
        self, settings: LimitsSettings, usd_rate: Callable[[str, str], Decimal | None]
    ) -> None:
        self._settings = settings
        self._usd_rate = usd_rate
        every = (settings.wallet_set, *settings.exchanges.values())
        self._count_losses = any(limits.daily_loss_usd is not None for limits in every)
        self._made: dict[str, deque[UtcNs]] = defaultdict(deque)
        self._flows: dict[str, _Flows] = defaultdict(dict)
        self._day = 0

    def check(
        self,
        request: OrderRequest,
        quote: str,
        notional: Decimal,
        orders: Iterable[Order],
        now: UtcNs,
    ) -> None:
        """Refuse an order that a limit forbids.

        Parameters
        ----------
        quote, notional : str, Decimal
            The pair's quote currency, and what the order is worth in it.
        orders : iterable of Order
            All that are open.

        Raises
        ------
        OrderRejected
            The sentence names the limit, its value and its setting.
        """
        exchange, owner = request.exchange, _owner(request)
        by_exchange = self._settings.exchanges.get(exchange)
        if by_exchange is not None:
            count = 0
            if by_exchange.open_orders is not None:
                count = sum(order.request.exchange == exchange for order in orders)
            place = f"exchanges.{exchange}"
            self._check(by_exchange, exchange, place, request, quote, notional, count, now)
        by_set = self._settings.wallet_set
        count = 0
        if by_set.open_orders is not None:
            count = sum(_owner(order.request) == owner for order in orders)
        self._check(by_set, owner, "wallet_set", request, quote, notional, count, now)

    def made(self, request: OrderRequest, now: UtcNs) -> None:
        """Count an order that was made."""
        for scope in (request.exchange, _owner(request)):
            made = self._made[scope]
            made.append(now)
            while made[0] <= now - _MINUTE_NS:
                made.popleft()

    def traded(self, trade: Trade, order: Order) -> None:
        """Count a trade of an order towards its day's result."""
        if not self._count_losses:
            return
        self._begin_day(trade.time)
        if trade.time // _DAY_NS != self._day:
            return  # it was told late: its day is over
        pair, request = order.pair, order.request
        sign = 1 if request.side is Side.BUY else -1
        notional = pair.notional(trade.price * trade.size)
        for scope in (request.exchange, _owner(request)):
            flows = self._flows[scope]
            for currency, movement in (
                (pair.base, sign * pair.size(trade.size)),
                (pair.quote, LEDGER.subtract(-sign * notional, trade.fee)),
            ):
                place = request.exchange, currency
                flows[place] = LEDGER.add(flows.get(place, ZERO), movement)

    def _check(
        self,
        limits: Limits,
        scope: str,
        place: str,
        request: OrderRequest,
        quote: str,
        notional: Decimal,
        open_orders: int,
        now: UtcNs,
    ) -> None:
        what = f"wallet set {scope}" if scope.isdecimal() else scope

        def refuse(sentence: str, name: str) -> OrderRejected:
            return OrderRejected(f"{sentence} (limits.{place}.{name})", setting=name)

        most = limits.order_notional_usd
        if most is not None:
            rate = self._usd_rate(quote, request.exchange)
            if rate is None:
                raise refuse(
                    f"there is no price of {quote} in USD to check a limit with",
                    "order_notional_usd",
                )
            worth = LEDGER.multiply(notional, rate)
            if worth > most:
                raise refuse(
                    f"an order of {format_amount(worth)} USD is above the limit of "
                    f"{format_amount(most)} USD for {what}",
                    "order_notional_usd",
                )
        if limits.open_orders is not None and open_orders >= limits.open_orders:
            raise refuse(
                f"{what} has {open_orders} open orders and a limit of {limits.open_orders}",
                "open_orders",
            )
        if limits.orders_per_minute is not None:
            recent = sum(made > now - _MINUTE_NS for made in self._made[scope])
            if recent >= limits.orders_per_minute:
                raise refuse(
                    f"{what} has made {recent} orders within a minute and has a limit of "
                    f"{limits.orders_per_minute}",
                    "orders_per_minute",
                )
        if limits.daily_loss_usd is not None:
            self._begin_day(now)
            result = self._result_usd(scope)
            if result is None:
                raise refuse("there is no price in USD to check a limit with", "daily_loss_usd")
            if -result >= limits.daily_loss_usd:
                raise refuse(
                    f"{what} has lost {format_amount(-result)} USD today and has a limit of "
                    f"{format_amount(limits.daily_loss_usd)} USD",
                    "daily_loss_usd",
                )

    def _begin_day(self, now: UtcNs) -> None:
        day = now // _DAY_NS
        if day > self._day:
            self._day = day
            self._flows.clear()

    def _result_usd(self, scope: str) -> Decimal | None:
        """Return what the day's trades are worth now; None without a price."""
        result = ZERO
        for (exchange, currency), amount in self._flows[scope].items():
            if amount:
                rate = self._usd_rate(currency, exchange)
                if rate is None:
                    return None
                result = LEDGER.add(result, LEDGER.multiply(amount, rate))
        return result


def _owner(request: OrderRequest) -> str:
    set_id = request.wallet_set_id
    return str(UNALLOCATED_SET if set_id is None else set_id)
