"""From target weights to orders: the trades that bring holdings to a mix.

Money is exact here. A currency's weight counts all that is held of it on any exchange, at the
middle of bid and ask; money never moves from one exchange to another.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from cryptick.frontier.planned_order import Holdings, Place, PlannedOrder, Terms, execute
from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.fees import FEE_STEP, affordable
from exchange_wrapper.numbers import LEDGER, ZERO, Lots, format_amount
from exchange_wrapper.terms import Side

__all__ = ["RebalancePlan", "plan_rebalance"]

_ONE: Final = Decimal(1)
_SHARE_STEP: Final = Decimal("1E-8")
_RATIO: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ROUNDS_MAX: Final = 32  # two or three are usual
_COST_ROUNDS: Final = 4  # each brings the estimate of costs closer by a factor of the fee

Trades = dict[Place, int]
"""Lots by exchange and base, negative for a sale."""


@dataclass(frozen=True, slots=True)
class RebalancePlan:
    """What to trade for a mix, and what comes of it at the present prices: the preview.

    Attributes
    ----------
    currency : str
        The quote currency, which all amounts are in.
    orders : tuple of PlannedOrder
        Sales before purchases; in this order they never need more than is held.
    equity_before, equity_after : Decimal
        All holdings at the middle of bid and ask. The difference is fees and half spreads.
    fees, turnover : Decimal
        Sums of the orders' fees and notionals.
    weights_before, weights_after, weights_target : dict of str to Decimal
        Fractions of the equity by currency, to 8 decimals.
    deviation : Decimal
        The largest difference of a weight after the plan from its target.
    """

    currency: str
    orders: tuple[PlannedOrder, ...]
    equity_before: Decimal
    equity_after: Decimal
    fees: Decimal
    turnover: Decimal
    weights_before: dict[str, Decimal]
    weights_after: dict[str, Decimal]
    weights_target: dict[str, Decimal]
    deviation: Decimal


def plan_rebalance(
    holdings: Holdings,
    terms: Iterable[Terms],
    target: Mapping[str, Decimal],
    *,
    currency: str,
    band: Decimal = ZERO,
    cash_buffer: Decimal = ZERO,
    slices: int = 1,
    only: Collection[tuple[str, Side]] | None = None,
) -> RebalancePlan:
    """Return the fewest trades found that bring holdings to target weights.

    A currency trades only if its weight is off by more than the band, and then all the way, to
    within a lot or as far as funds and the exchange's minima allow. Each such currency trades
    on one exchange if one can do it all, at the best price after fees, else first where most of
    it is possible. Planning again from the holdings after a plan finds nothing more to do,
    unless for what was kept for the rounding of slices' fees, 1e-8 of the quote each.

    To go on from a plan half done, or to change the target meanwhile, plan from the present
    holdings.

    Parameters
    ----------
    holdings : mapping of (exchange, currency) to Decimal
        What is free to be traded, each ≥ 0.
    terms : iterable of Terms
        Pairs with ``currency`` as quote, each once per exchange; others are ignored.
    target : mapping of str to Decimal
        Weights ≥ 0 that sum to exactly 1. Every currency held must be named, with 0 to sell it;
        ``currency`` itself may be part of the mix, and has 0 unless named.
    currency : str
        Quote currency.
    band : Decimal
        How far a weight may drift before it is traded: 0.01 is 1 % of the equity.
    cash_buffer : Decimal
        Amount of ``currency`` kept outside the mix, in all.
    slices : int
        In how many slices the orders will be placed, for the rounding of their fees.
    only : collection of (str, Side), optional
        The trades that are allowed, by currency: all others are left alone, whatever they weigh.

    Raises
    ------
    ApiUsageError
        Weights that are negative or do not sum to 1, a negative amount, band or buffer, holdings
        without target or worth nothing, or a pair that is needed and missing.
    """
    planner = _Planner(terms, target, currency, band, cash_buffer, slices, only)
    planner.check(holdings)
    before = planner.equity(holdings)
    if not before:
        raise ApiUsageError(
            f"there is nothing to rebalance: the holdings are worth 0 {currency}", field="holdings"
        )
    orders = planner.plan(holdings)
    held = execute(holdings, orders)
    weights = planner.weights(held)
    after = planner.equity(held)
    wanted = {name: planner.target.get(name, ZERO) for name in weights}
    return RebalancePlan(
        currency,
        tuple(orders),
        before,
        after,
        _total(order.fee for order in orders),
        _total(order.notional for order in orders),
        planner.weights(holdings),
        weights,
        wanted,
        max(abs(weights[name] - wanted[name]) for name in weights),
    )


class _Planner:
    def __init__(
        self,
        terms: Iterable[Terms],
        target: Mapping[str, Decimal],
        currency: str,
        band: Decimal,
        cash_buffer: Decimal,
        slices: int,
        only: Collection[tuple[str, Side]] | None,
    ) -> None:
        self.terms = {
            (each.exchange, each.pair.base): each for each in terms if each.pair.quote == currency
        }
        self.target = dict(target)
        self.currency = currency
        self.band = band
        self.buffer = cash_buffer
        self.slices = slices
        self.only = only

    def check(self, holdings: Holdings) -> None:
        """Refuse what can't be planned, before anything is."""
        if any(weight < 0 for weight in self.target.values()) or _total(self.target.values()) != 1:
            found = ", ".join(f"{name} {weight}" for name, weight in self.target.items())
            raise ApiUsageError(
                f"target weights must be ≥ 0 and sum to exactly 1, not {found or 'none at all'}",
                field="target",
            )
        for name, amount in (("band", self.band), ("cash_buffer", self.buffer)):
            if amount < 0:
                raise ApiUsageError(f"{name} must be ≥ 0, not {amount}", field=name)
        if self.slices < 1:
            raise ApiUsageError(f"a plan needs at least 1 slice, not {self.slices}", field="slices")
        for (exchange, name), amount in holdings.items():
            if amount < 0:
                raise ApiUsageError(
                    f"{format_amount(amount)} {name} on {exchange} can't be held", field="holdings"
                )
            if not amount or name == self.currency:
                continue
            if name not in self.target:
                raise ApiUsageError(
                    f"{name} is held on {exchange} and has no target weight: give it 0 to sell it",
                    field="target",
                )
            if (exchange, name) not in self.terms:
                raise ApiUsageError(
                    f"{exchange} holds {name} and has no {name}_{self.currency} to count or sell "
                    "it: add the pair, or leave the holding out",
                    field="pairs",
                )
        listed = {name for _, name in self.terms} | {self.currency}
        for name, weight in self.target.items():
            if weight and name not in listed:
                raise ApiUsageError(
                    f"no exchange has {name}_{self.currency} to buy {name} with: add one, or give "
                    "it the weight 0",
                    field="pairs",
                )

    def values(self, holdings: Holdings) -> dict[str, Decimal]:
        """Return what is held by currency, in quote; every currency of the target has a value."""
        values = dict.fromkeys([*self.target, self.currency], ZERO)
        for (exchange, name), amount in holdings.items():
            if amount:
                worth = amount
                if name != self.currency:
                    worth = LEDGER.multiply(amount, self.terms[exchange, name].mid)
                values[name] = LEDGER.add(values[name], worth)
        return values

    def equity(self, holdings: Holdings) -> Decimal:
        return _total(self.values(holdings).values())

    def weights(self, holdings: Holdings) -> dict[str, Decimal]:
        values = self.values(holdings)
        equity = _total(values.values())
        return {
            name: _RATIO.divide(value, equity).quantize(_SHARE_STEP)
            for name, value in values.items()
        }

    def plan(self, holdings: Holdings) -> list[PlannedOrder]:
        """Return orders after which `trades` finds no more, sales before purchases."""
        equity = self.equity(holdings)
        for _ in range(_COST_ROUNDS):  # the mix is of what is left after the costs
            trades = self.trades(holdings, equity)
            equity = self.equity(execute(holdings, self.orders(trades)))
        for _ in range(_ROUNDS_MAX):
            held = execute(holdings, self.orders(trades))
            more = self.trades(held, self.equity(held), trades)
            merged = {
                place: lots
                for place in trades | more
                if (lots := trades.get(place, 0) + more.get(place, 0))
            }
            if not more or not all(self._tradable(*trade) for trade in merged.items()):
                break
            trades = merged
        return self.orders(trades)

    def trades(self, holdings: Holdings, equity: Decimal, placed: Trades | None = None) -> Trades:
        """Return what brings the holdings to the target weights of an equity.

        ``placed`` has led to these holdings: what its slices may yet cost is not spent.
        """
        mixed = max(ZERO, LEDGER.subtract(equity, self.buffer))
        drift = LEDGER.multiply(self.band, equity)
        lacking: dict[str, Decimal] = {}
        for name, value in self.values(holdings).items():
            if name != self.currency:
                wanted = LEDGER.multiply(self.target[name], mixed)
                lack = LEDGER.subtract(wanted, value)
                side = Side.BUY if lack > 0 else Side.SELL
                if lack.copy_abs() > drift and (self.only is None or (name, side) in self.only):
                    lacking[name] = lack
        funds = {
            exchange: amount
            for (exchange, name), amount in holdings.items()
            if name == self.currency
        }
        for place, lots in (placed or {}).items():
            kept = self._rounding(self.terms[place], abs(lots))
            funds[place[0]] = LEDGER.subtract(funds.get(place[0], ZERO), kept)
        trades: Trades = {}
        bought = {name for name, lack in lacking.items() if lack > 0}
        useful = {exchange for exchange, name in self.terms if name in bought}
        for name, lack in sorted(lacking.items(), key=lambda each: (each[1], each[0])):
            if lack < 0:
                self._sell(name, lack.copy_negate(), holdings, useful, funds, trades)
        for name, lack in sorted(lacking.items(), key=lambda each: (-each[1], each[0])):
            if lack > 0:
                self._buy(name, lack, funds, trades)
        return trades

    def orders(self, trades: Trades) -> list[PlannedOrder]:
        """Return the orders of trades, cut where the exchange limits their size."""
        orders = []
        for place, lots in sorted(trades.items(), key=lambda each: (each[1] > 0, each[0])):
            terms = self.terms[place]
            side = Side.BUY if lots > 0 else Side.SELL
            pieces, done = _pieces(terms, abs(lots)), 0
            for number in range(1, pieces + 1):
                upto = abs(lots) * number // pieces
                orders.append(PlannedOrder(terms, side, Lots(upto - done)))
                done = upto
        return orders

    def _sell(
        self,
        name: str,
        value: Decimal,
        holdings: Holdings,
        useful: set[str],
        funds: dict[str, Decimal],
        trades: Trades,
    ) -> None:
        def preference(terms: Terms) -> tuple[bool, bool, Decimal, Decimal, str]:
            held = holdings.get((terms.exchange, name), ZERO)
            short = LEDGER.multiply(held, terms.mid) < value
            net = LEDGER.multiply(terms.bid, LEDGER.subtract(_ONE, terms.fee))
            # Where nothing can be bought the proceeds are of no use.
            return (
                terms.exchange not in useful,
                short,
                -held if short else -net,
                -net,
                terms.exchange,
            )

        for terms in sorted(self._of(name), key=preference):
            held = holdings.get((terms.exchange, name), ZERO)
            lots = min(_lots(terms, value), terms.pair.floor_lots(held))
            if terms.tradable(Side.SELL, lots):
                trades[terms.exchange, name] = -lots
                value = LEDGER.subtract(value, _worth(terms, lots))
                proceeds = PlannedOrder(terms, Side.SELL, Lots(lots)).movements()[1]
                gained = LEDGER.subtract(proceeds, self._rounding(terms, lots))
                funds[terms.exchange] = LEDGER.add(funds.get(terms.exchange, ZERO), gained)

    def _buy(self, name: str, value: Decimal, funds: dict[str, Decimal], trades: Trades) -> None:
        def preference(terms: Terms) -> tuple[bool, Decimal, Decimal, str]:
            gross = LEDGER.multiply(terms.ask, LEDGER.add(_ONE, terms.fee))
            there = funds.get(terms.exchange, ZERO)
            short = LEDGER.multiply(there, terms.mid) < LEDGER.multiply(value, gross)
            return short, -there if short else gross, gross, terms.exchange

        for terms in sorted(self._of(name), key=preference):
            lots = _lots(terms, value)
            spare = LEDGER.subtract(_total(funds.values()), self.buffer)
            spendable = min(funds.get(terms.exchange, ZERO), spare)
            spendable = LEDGER.subtract(spendable, self._rounding(terms, lots))
            if spendable <= 0:
                continue
            most = affordable(spendable, terms.fee, terms.pair) // terms.pair.to_ticks(terms.ask)
            lots = min(lots, most)
            if terms.tradable(Side.BUY, lots):
                trades[terms.exchange, name] = lots
                value = LEDGER.subtract(value, _worth(terms, lots))
                paid = PlannedOrder(terms, Side.BUY, Lots(lots)).movements()[1]
                spent = LEDGER.subtract(paid, self._rounding(terms, lots))
                funds[terms.exchange] = LEDGER.add(funds[terms.exchange], spent)

    def _of(self, name: str) -> list[Terms]:
        return [terms for (_, base), terms in self.terms.items() if base == name]

    def _tradable(self, place: Place, lots: int) -> bool:
        side = Side.BUY if lots > 0 else Side.SELL
        return self.terms[place].tradable(side, abs(lots))

    def _rounding(self, terms: Terms, lots: int) -> Decimal:
        """Return by how much the fees of an order's slices can exceed that of the whole."""
        more = self.slices * _pieces(terms, lots) - 1
        return LEDGER.multiply(FEE_STEP, Decimal(more)) if terms.fee else ZERO


def _lots(terms: Terms, value: Decimal) -> int:
    """Return how many whole lots are worth no more than ``value``."""
    lot = LEDGER.multiply(terms.pair.lot_size, terms.mid)
    return int(value // lot) if value > 0 else 0


def _worth(terms: Terms, lots: int) -> Decimal:
    return LEDGER.multiply(terms.pair.size(Lots(lots)), terms.mid)


def _pieces(terms: Terms, lots: int) -> int:
    """Return into how many orders so many lots must be cut."""
    if terms.pair.max_order is None:
        return 1
    return max(1, -(-lots // max(1, terms.pair.floor_lots(terms.pair.max_order))))


def _total(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = LEDGER.add(total, amount)
    return total
