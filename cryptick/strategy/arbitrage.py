"""Buy where a pair is cheap and sell it where it is dear, at the same time."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from cryptick.errors import UsageError
from cryptick.messages import OrderUpdate, Quote
from cryptick.strategy.base import Funded, Strategy, param
from exchange_wrapper.numbers import ZERO, format_amount
from exchange_wrapper.terms import OrderType, Side
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["Arbitrage"]


class Arbitrage(Strategy):
    """Trade one pair on two exchanges when the prices differ by more than both fees."""

    @dataclass(frozen=True)
    class Params(Strategy.Params):
        """When to trade, how much, and how often."""

        threshold: Decimal = param(
            Decimal("0.1"), help="least gain after both fees", unit="%", ge=0, lt=100
        )
        size: Decimal = param(Decimal("0.1"), help="most base to trade at a time", gt=0)
        moved_max: Decimal = param(
            Decimal(1), help="most base that may leave either exchange, net", gt=0
        )
        cooldown_s: int = param(5, help="rest after each trade", unit="s", ge=0)

    params: Params

    @classmethod
    def pairs(cls, params: Params, funded: Funded) -> list[tuple[str, str]]:
        """Return the pairs that two exchanges are funded for."""
        found = super().pairs(params, funded)
        count = Counter(pair for _, pair in found)
        shared = [(exchange, pair) for exchange, pair in found if count[pair] == 2]
        if not shared:
            raise UsageError("Arbitrage needs the same currency on two exchanges: fund both")
        return shared

    def on_start(self) -> None:
        """Begin with nothing moved; find the pairs that two exchanges have."""
        places: dict[str, list[str]] = {}
        for exchange, pair in self.traded:
            places.setdefault(pair, []).append(exchange)
        self.markets = {
            pair: _Market(exchanges[0], exchanges[1])
            for pair, exchanges in places.items()
            if len(exchanges) == 2
        }
        if not self.markets:
            raise UsageError("Arbitrage finds no pair that both exchanges list")

    def on_quote(self, quote: Quote) -> None:
        """Look at both exchanges when their prices seem far enough apart."""
        market = self.markets.get(quote.pair)
        if market is None or market.is_busy or self.find(quote.pair, market) is None:
            return
        market.is_busy = True
        # The other exchange may have news of this very moment: act when all of it was heard.
        self.at(self.now(), lambda: self.act(quote.pair, market))

    def act(self, pair: str, market: "_Market") -> None:
        """Send both legs, each to be filled at once at the price seen or not at all."""
        chance = self.find(pair, market)
        if chance is None:
            market.is_busy = False
            return
        ask, bid, size = chance
        market.bought = market.sold = ZERO
        market.buy_at, market.sell_at = ask.exchange, bid.exchange
        at_once = OrderType.IOC
        market.legs = {
            self.buy_limit(pair, size, ask.ask, type=at_once, exchange=ask.exchange),
            self.sell_limit(pair, size, bid.bid, type=at_once, exchange=bid.exchange),
        }

    def find(self, pair: str, market: "_Market") -> tuple[Quote, Quote, Decimal] | None:
        """Return where to buy, where to sell and how much, if it pays."""
        first, second = (self.quote(pair, exchange) for exchange in market.exchanges)
        if first is None or second is None:
            return None
        ask, bid = (first, second) if first.ask < second.bid else (second, first)
        paid = ask.ask * (1 + self.fees(ask.exchange).taker)
        earned = bid.bid * (1 - self.fees(bid.exchange).taker)
        if earned <= paid * (1 + self.params.threshold / 100):
            return None
        base, quote = pair.split("_")
        moved = market.moved if bid.exchange == market.exchanges[0] else -market.moved
        size = min(
            self.params.size,
            self.params.moved_max - moved,
            self.wallet(quote, ask.exchange).available / paid,
            self.wallet(base, bid.exchange).available,
        )
        here, there = (self.pair(pair, one.exchange) for one in (ask, bid))
        lot = max(here.lot_size, there.lot_size)
        size = size // lot * lot
        least = max(here.min_order, there.min_order, lot)
        if size < least or size * bid.bid < max(here.min_notional, there.min_notional):
            return None
        return ask, bid, size

    def on_order(self, order: OrderUpdate) -> None:
        """Count what a leg traded; after both, even out what one traded more."""
        market = self.markets.get(order.pair)
        if market is None or not order.is_done or order.client_oid not in market.legs:
            return
        market.legs.remove(order.client_oid)
        filled = order.filled_size
        if order.side is Side.BUY:
            market.bought += filled
        else:
            market.sold += filled
        sign = 1 if order.side is Side.SELL else -1
        market.moved += sign * filled if order.exchange == market.exchanges[0] else ZERO
        if market.legs:
            return
        if not market.is_unwinding and self.unwind(order.pair, market):
            return
        market.is_unwinding = False
        market.rest = market.rest + market.bought - market.sold
        if market.rest:
            self.log(f"{format_amount(market.rest)} more {order.pair} bought than sold")
        self.at(UtcNs(self.now() + self.params.cooldown_s * SECOND), market.free)

    def unwind(self, pair: str, market: "_Market") -> bool:
        """Trade the difference of the legs back at the market; tell whether that was possible."""
        surplus = market.rest + market.bought - market.sold
        exchange = market.buy_at if surplus > 0 else market.sell_at
        increments = self.pair(pair, exchange)
        if abs(surplus) < max(increments.min_order, increments.lot_size):
            return False
        market.is_unwinding = True
        send = self.sell_market if surplus > 0 else self.buy_market
        market.legs = {send(pair, size=abs(surplus), exchange=exchange)}
        return True


@dataclass
class _Market:
    """One pair on two exchanges, and what goes on there."""

    first: str
    second: str
    is_busy: bool = False
    is_unwinding: bool = False
    legs: set[str] = field(default_factory=set)  # orders that are not done
    buy_at: str = ""
    sell_at: str = ""
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    rest: Decimal = ZERO  # bought and not sold, too little to be traded back
    moved: Decimal = ZERO  # net base that has left the first exchange

    @property
    def exchanges(self) -> tuple[str, str]:
        """Both, in the order in which `moved` counts."""
        return self.first, self.second

    def free(self) -> None:
        """Let the next chance be taken."""
        self.is_busy = False
