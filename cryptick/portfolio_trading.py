"""Bring a portfolio to target weights over time: planned anew before each slice."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cryptick.frontier import Place, PlannedOrder, RebalancePlan, Terms, plan_rebalance
from cryptick.frontier.planned_order import slice_orders
from cryptick.hub import Trigger
from cryptick.messages import Bar, OrderUpdate
from exchange_wrapper.errors import ApiUsageError, XWrapError
from exchange_wrapper.fees import affordable, cost_with_fee
from exchange_wrapper.numbers import LEDGER, ZERO, Lots, format_amount
from exchange_wrapper.terms import DoneReason, OrderType, Side
from exchange_wrapper.times import SECOND, UtcNs

if TYPE_CHECKING:
    from cryptick.strategy.base import Strategy

__all__ = ["Pace", "PortfolioTrader", "TradingState", "same_trades"]

_FRUITLESS_MAX: Final = 10
"""Slices in a row that should have traded and did not, after which nothing more is tried."""

_MOVED_MAX: Final = Decimal("0.05")
"""A trade whose notional differs by no more is still the one that was shown."""

_ONE: Final = Decimal(1)


class TradingState(StrEnum):
    """What a `PortfolioTrader` is doing."""

    IDLE = "idle"
    TRADING = "trading"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Pace:
    """How carefully to trade.

    Attributes
    ----------
    slices : int
    interval_s : float
        From the end of a slice to the next one.
    slippage_max : Decimal
        How far from the best price an order may trade, as a fraction of it.
    participation : Decimal or None
        The largest fraction of what others traded since the last slice that an order may have.
    cash_buffer : Decimal
        Amount of the quote currency kept outside the mix.
    """

    slices: int = 1
    interval_s: float = 60.0
    slippage_max: Decimal = Decimal("0.005")
    participation: Decimal | None = None
    cash_buffer: Decimal = ZERO


class PortfolioTrader:
    """Trade towards target weights in slices, sales before the purchases they pay for.

    Before each slice the rest of the way is planned anew from what is held and what it costs then,
    so that partial fills, refusals and moved prices are made up for. Only what the plan at the
    start sold is sold, and only what it bought is bought. Orders are limits that are filled at
    once or cancelled, at a bounded distance from the best price; what a thin book leaves open
    is tried again. It orders through its strategy, which passes on what it hears: each
    `OrderUpdate` to `on_order` and, where a participation is set, each `Bar` to `on_bar`.

    Parameters
    ----------
    strategy : Strategy
    currency : str
        Quote of all pairs.
    markets : sequence of (str, str)
        Exchanges and pairs to trade and to count.
    pace : Pace
    on_change : callable
        Called after each slice and change of state.
    say : callable
        Gets a sentence where something went otherwise than planned.

    Attributes
    ----------
    state : TradingState
    target : dict of str to Decimal
        Weights by currency; empty before the first start.
    number : int
        How many slices have begun since the start.
    pace : Pace
    """

    def __init__(
        self,
        strategy: "Strategy",
        currency: str,
        markets: Sequence[Place],
        pace: Pace,
        *,
        on_change: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self._strategy = strategy
        self._currency = currency
        self._markets = tuple(markets)
        self._on_change = on_change
        self._say = say
        self.pace = pace
        self.state = TradingState.IDLE
        self.target: dict[str, Decimal] = {}
        self.number = 0
        self._agreed: set[tuple[str, Side]] = set()
        self._open: set[str] = set()
        self._purchases: list[PlannedOrder] = []
        self._volume = dict.fromkeys(self._markets, ZERO)
        self._trigger: Trigger | None = None
        self._is_short = self._has_traded = False
        self._fruitless = 0
        self._refusal = ""

    # What is held, and what it would take

    def holdings(self) -> dict[Place, Decimal]:
        """Return all that the mix is made of, by exchange and currency, open orders included."""
        return {
            (exchange, currency): self._strategy.wallet(currency, exchange).balance
            for exchange, currency in self._places()
        }

    def terms(self) -> list[Terms]:
        """Return on what terms each pair that has a price can be traded now."""
        strategy, found = self._strategy, []
        for exchange, name in self._markets:
            quote = strategy.quote(name, exchange)
            if quote is not None and ZERO < quote.bid <= quote.ask:
                pair, fee = strategy.pair(name, exchange), strategy.fees(exchange).taker
                found.append(Terms(exchange, pair, quote.bid, quote.ask, fee))
        return found

    def without_price(self) -> list[Place]:
        """Return the markets that have no price now."""
        priced = {(one.exchange, one.pair.name()) for one in self.terms()}
        return [market for market in self._markets if market not in priced]

    def weights(self) -> dict[str, float]:
        """Return the weights held now, by currency; empty while nothing can be counted.

        What has no price does not count.
        """
        mids = {(one.exchange, one.pair.base): one.mid for one in self.terms()}
        values: dict[str, float] = {}
        for (exchange, currency), amount in self.holdings().items():
            mid = _ONE if currency == self._currency else mids.get((exchange, currency), ZERO)
            values[currency] = values.get(currency, 0.0) + float(LEDGER.multiply(amount, mid))
        total = sum(values.values())
        return {name: value / total for name, value in values.items()} if total > 0.0 else {}

    def deviation(self) -> float:
        """Return the largest difference of a weight from its target, as a fraction."""
        held = self.weights()
        names = held.keys() | self.target.keys()
        return max(
            (abs(held.get(name, 0.0) - float(self.target.get(name, ZERO))) for name in names),
            default=0.0,
        )

    def plan(self, target: Mapping[str, Decimal], band: Decimal = ZERO) -> RebalancePlan:
        """Return what it takes to get from what is held now to target weights.

        Raises
        ------
        XWrapError
            Nothing can be planned; the sentence says why.
        """
        return self._planned(target, band, self.pace.slices)

    # Its course

    def start(self, target: Mapping[str, Decimal], plan: RebalancePlan) -> None:
        """Trade towards a target, in the directions of this plan; whatever goes on is given up."""
        self._withdraw()
        self.target = dict(target)
        self._agreed = {(order.terms.pair.base, order.side) for order in plan.orders}
        self.number = self._fruitless = 0
        self._refusal = ""
        self._volume = dict.fromkeys(self._markets, ZERO)
        self.state = TradingState.TRADING
        if not self._open:
            self._next()

    def pause(self) -> None:
        """Order nothing more until `resume`; what is open goes on."""
        if self.state is TradingState.TRADING:
            self.state = TradingState.PAUSED
            self._cancel_trigger()
            self._on_change()

    def resume(self) -> None:
        """Go on where it was paused, from what is held now."""
        if self.state is TradingState.PAUSED:
            self.state = TradingState.TRADING
            if not self._open:
                self._next()

    def stop(self) -> None:
        """Order nothing more and take back what is open."""
        if self.state is not TradingState.IDLE:
            self.state = TradingState.IDLE
            self._withdraw()
            self._on_change()

    def on_bar(self, bar: Bar) -> None:
        """Hear how much a market traded."""
        market = bar.exchange, bar.pair
        if market in self._volume:
            self._volume[market] += Decimal(str(bar.volume))

    def on_order(self, order: OrderUpdate) -> None:
        """Hear of an order; those of others are ignored."""
        if order.client_oid not in self._open or not order.is_done:
            return
        self._open.remove(order.client_oid)
        self._has_traded |= order.filled_size > 0
        self._is_short |= order.filled_size < order.size
        if order.done_reason is DoneReason.REJECTED:
            what = f"{order.side} {format_amount(order.size)} {order.pair} on {order.exchange}"
            if order.message != self._refusal:  # the same one again says nothing new
                self._say(f"{what} was refused: {order.message}")
            self._refusal = order.message
        if not self._open:
            self._phase_over()

    def _phase_over(self) -> None:
        if self.state is TradingState.TRADING and self._purchases:
            purchases, self._purchases = self._purchases, []
            self._buy(purchases)
            if self._open:
                return
        self._purchases = []
        if self.state is TradingState.TRADING:
            self._slice_over()
        self._on_change()

    def _slice_over(self) -> None:
        if self.number == 0:  # the orders of what was given up are done
            self._next()
            return
        fruitless = self._is_short and not self._has_traded
        self._fruitless = self._fruitless + 1 if fruitless else 0
        is_over = self.number >= self.pace.slices and not self._is_short
        if is_over or self._fruitless == _FRUITLESS_MAX:
            if not is_over:
                reason = f": {self._refusal}" if self._refusal else ""
                self._say(f"gives up after {_FRUITLESS_MAX} slices without a trade{reason}")
            self.state = TradingState.IDLE
        else:
            due = UtcNs(self._strategy.now() + round(self.pace.interval_s * SECOND))
            self._trigger = self._strategy.at(due, self._next)

    def _next(self) -> None:
        """Order the slice that is due."""
        self._trigger = None
        self.number += 1
        self._is_short = self._has_traded = False
        left = max(1, self.pace.slices - self.number + 1)
        try:
            planned = self._planned(self.target, ZERO, left, self._agreed).orders
        except XWrapError as error:  # a price is missing for now
            if error.message != self._refusal:
                self._say(f"a slice waits: {error.message}")
            self._refusal = error.message
            self._is_short = True
            planned = ()
        due = [cut for one in slice_orders(planned, left)[0] if (cut := self._within_volume(one))]
        self._volume = dict.fromkeys(self._markets, ZERO)
        self._purchases = [one for one in due if one.side is Side.BUY]
        self._sell(one for one in due if one.side is Side.SELL)
        if not self._open:
            self._phase_over()

    def _within_volume(self, order: PlannedOrder) -> PlannedOrder | None:
        """Return the order, smaller where the market traded little; None if too small for it."""
        if self.pace.participation is None:
            return order
        volume = self._volume[order.exchange, order.pair]
        most = order.terms.pair.floor_lots(LEDGER.multiply(volume, self.pace.participation))
        if most >= order.lots:
            return order
        self._is_short = True
        return self._cut(order, most)

    def _cut(self, order: PlannedOrder, lots: int) -> PlannedOrder | None:
        if lots <= 0 or not order.terms.tradable(order.side, lots):
            return None
        return PlannedOrder(order.terms, order.side, Lots(lots))

    def _sell(self, orders: Iterable[PlannedOrder]) -> None:
        for order in orders:
            bound = LEDGER.multiply(order.price, LEDGER.subtract(_ONE, self.pace.slippage_max))
            limit = _on_tick(order.terms, bound, ROUND_CEILING)
            self._send(order, limit)

    def _buy(self, orders: Iterable[PlannedOrder]) -> None:
        """Buy what the money there is pays for; what is spare lets limits be above the ask."""
        funds = {
            exchange: self._strategy.wallet(self._currency, exchange).available
            for exchange, _ in self._markets
        }
        kept: list[PlannedOrder] = []
        for order in orders:
            terms, available = order.terms, max(ZERO, funds[order.exchange])
            ask = terms.pair.to_ticks(terms.ask)
            lots = min(int(order.lots), affordable(available, terms.fee, terms.pair) // ask)
            self._is_short |= lots < order.lots
            cut = self._cut(order, lots)
            if cut is not None:
                kept.append(cut)
                cost = cost_with_fee(cut.notional, terms.fee)
                funds[order.exchange] = LEDGER.subtract(funds[order.exchange], cost)
        for order in kept:
            terms = order.terms
            cost = cost_with_fee(order.notional, terms.fee)
            there = LEDGER.add(funds[order.exchange], cost)
            bound = LEDGER.multiply(terms.ask, LEDGER.add(_ONE, self.pace.slippage_max))
            ticks = min(
                terms.pair.to_ticks(_on_tick(terms, bound, ROUND_FLOOR)),
                affordable(there, terms.fee, terms.pair) // order.lots,
            )
            limit = terms.pair.tick_size * ticks
            held = cost_with_fee(LEDGER.multiply(limit, order.size), terms.fee)
            funds[order.exchange] = LEDGER.subtract(there, held)
            self._send(order, limit)

    def _send(self, order: PlannedOrder, limit: Decimal) -> None:
        send = self._strategy.buy_limit if order.side is Side.BUY else self._strategy.sell_limit
        oid = send(order.pair, order.size, limit, type=OrderType.IOC, exchange=order.exchange)
        self._open.add(oid)

    def _withdraw(self) -> None:
        self._cancel_trigger()
        self._purchases = []
        for oid in sorted(self._open):
            self._strategy.cancel(oid)

    def _cancel_trigger(self) -> None:
        if self._trigger is not None:
            self._trigger.cancel()
            self._trigger = None

    def _planned(
        self,
        target: Mapping[str, Decimal],
        band: Decimal,
        slices: int,
        only: Collection[tuple[str, Side]] | None = None,
    ) -> RebalancePlan:
        missing = [
            place
            for place in self.without_price()
            if target.get(place[1].partition("_")[0]) or self._holds(place)
        ]
        if missing:
            names = ", ".join(f"{pair} on {exchange}" for exchange, pair in missing)
            raise ApiUsageError(f"{names} has no price now: wait for its book", field="prices")
        return plan_rebalance(
            self.holdings(),
            self.terms(),
            {name: ZERO for _, name in self._places()} | dict(target),
            currency=self._currency,
            band=band,
            cash_buffer=self.pace.cash_buffer,
            slices=slices,
            only=only,
        )

    def _holds(self, market: Place) -> bool:
        exchange, pair = market
        return self._strategy.wallet(pair.partition("_")[0], exchange).balance > 0

    def _places(self) -> list[Place]:
        bases = {(exchange, pair.partition("_")[0]): None for exchange, pair in self._markets}
        quotes = {(exchange, self._currency): None for exchange, _ in self._markets}
        return [*bases, *quotes]


def same_trades(shown: RebalancePlan, now: RebalancePlan) -> bool:
    """Tell whether a plan still is the one that was shown.

    That is: the same orders, none of a notional that differs by more than 5 %.
    """
    before, after = _notionals(shown), _notionals(now)
    return before.keys() == after.keys() and all(
        abs(after[key] - notional) <= _MOVED_MAX * notional for key, notional in before.items()
    )


def _notionals(plan: RebalancePlan) -> dict[tuple[str, str, Side], Decimal]:
    found: dict[tuple[str, str, Side], Decimal] = {}
    for order in plan.orders:
        key = order.exchange, order.pair, order.side
        found[key] = LEDGER.add(found.get(key, ZERO), order.notional)
    return found


def _on_tick(terms: Terms, price: Decimal, rounding: str) -> Decimal:
    tick = terms.pair.tick_size
    ticks = (price / tick).to_integral_value(rounding)
    return max(Decimal(1), ticks) * tick
