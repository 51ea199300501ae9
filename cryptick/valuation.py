"""Which pairs a run needs, and what its wallets are worth together."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from cryptick.errors import UsageError
from cryptick.messages import Fill
from cryptick.metrics import FloatArray, IntArray
from cryptick.strategy.base import Funded
from exchange_wrapper.errors import XWrapError
from exchange_wrapper.numbers import LEDGER, ZERO
from exchange_wrapper.pair import split_name
from exchange_wrapper.terms import Side

__all__ = ["Market", "Plan", "equity_curve", "make_plan"]

Market = tuple[str, str]
"""An exchange and the name of one of its pairs."""


@dataclass(frozen=True)
class Plan:
    """What a run trades and how its equity is counted.

    Attributes
    ----------
    currency : str
        The currency of the equity.
    traded : list of (exchange, pair)
        What the strategy follows.
    prices : dict of (exchange, currency) to (exchange, pair) or None
        Whose price turns a wallet into ``currency``; None where the wallet is of it.
    """

    currency: str
    traded: list[Market]
    prices: dict[tuple[str, str], Market | None]

    @property
    def followed(self) -> list[Market]:
        """All pairs whose price is needed, each once, the traded ones first."""
        needed = (market for market in self.prices.values() if market is not None)
        return list(dict.fromkeys([*self.traded, *needed]))

    def equity(
        self,
        holdings: Mapping[tuple[str, str], Decimal],
        price: Callable[[str, str], Decimal | None],
    ) -> Decimal:
        """Return the exact worth of wallets, by (exchange, currency), at these prices."""
        total = ZERO
        for place, amount in holdings.items():
            if amount:
                total = LEDGER.add(total, self._worth(place, amount, price))
        return total

    def _worth(
        self,
        place: tuple[str, str],
        amount: Decimal,
        price: Callable[[str, str], Decimal | None],
    ) -> Decimal:
        market = self.prices[place]
        if market is None:
            return amount
        last = price(*market)
        if last is None:
            raise UsageError(f"{market[1]} on {market[0]} has no price to count {place[1]} with")
        return LEDGER.multiply(amount, last)


def make_plan(
    wanted: Sequence[Market],
    funded: Funded,
    listed: Mapping[str, Collection[str]],
    place: str,
    missing: type[XWrapError],
) -> Plan:
    """Choose what of the wanted pairs can be traded and in which currency to count.

    Parameters
    ----------
    wanted : sequence of (exchange, pair)
        What the strategy would trade; ``*_USD`` are all pairs with that quote.
    funded : mapping of str to frozenset of str
    listed : mapping of str to collection of str
        The pairs of each exchange.
    place : str
        Who lists them, for the error.
    missing : type of XWrapError
        Raised when an exchange, a currency or all wanted pairs are not listed.

    Raises
    ------
    UsageError
        No currency can count all wallets.
    """
    for exchange in sorted(funded):
        if exchange not in listed:
            raise missing(f"{place} has no exchange {exchange!r}; it has {_names(listed)}")
        pairs = listed[exchange]
        known = {currency for pair in pairs for currency in split_name(pair)}
        for currency in sorted(funded[exchange] - known):
            raise missing(
                f"{place} has no pair of {currency} on {exchange}; it has {_names(pairs)}"
            )
    traded = [
        (exchange, pair) for exchange, name in wanted for pair in _matching(name, listed[exchange])
    ]
    if not traded:
        names = ", ".join(f"{pair} on {exchange}" for exchange, pair in wanted) or "nothing"
        there = "; ".join(f"{name}: {_names(pairs)}" for name, pairs in sorted(listed.items()))
        raise missing(f"with these balances {names} would be traded, but {place} has {there}")
    places = {(exchange, currency) for exchange in funded for currency in funded[exchange]}
    places |= {(exchange, currency) for exchange, pair in traded for currency in split_name(pair)}
    candidates = dict.fromkeys(split_name(pair)[1] for _, pair in traded)
    for counted in candidates:
        prices: dict[tuple[str, str], Market | None] = {}
        for exchange, currency in sorted(places):
            pair = f"{currency}_{counted}"
            if currency == counted:
                prices[exchange, currency] = None
            elif pair in listed[exchange]:
                prices[exchange, currency] = (exchange, pair)
        if len(prices) == len(places):
            return Plan(counted, traded, prices)
    currencies = ", ".join(sorted({currency for _, currency in places}))
    raise UsageError(f"no pair of {place} allows to count {currencies} in one currency")


def equity_curve(
    plan: Plan,
    balances: Mapping[tuple[str, str], Decimal],
    fills: Sequence[Fill],
    time_ns: IntArray,
    prices: Mapping[Market, FloatArray],
) -> FloatArray:
    """Return the equity at each point of time, for statistics.

    Parameters
    ----------
    balances : mapping of (exchange, currency) to Decimal
        At the start.
    fills : sequence of Fill
        In time order.
    time_ns : ndarray of int64, shape (n,)
        Ascending. A fill counts from its own time on.
    prices : mapping of (exchange, pair) to ndarray of float64, shape (n,)
        Last price at each point.
    """
    points = np.searchsorted(time_ns, np.array([fill.time for fill in fills], np.int64))
    moves: dict[tuple[str, str], tuple[list[int], list[float]]]
    moves = {place: ([], []) for place in plan.prices}  # points of time and amounts
    places = {
        (exchange, pair): [moves[exchange, currency] for currency in split_name(pair)]
        for exchange, pair in plan.followed
    }
    for fill, point in zip(fills, points.tolist(), strict=True):
        bases, quotes = places[fill.exchange, fill.pair]
        sign = 1.0 if fill.side is Side.BUY else -1.0
        notional = float(LEDGER.multiply(fill.price, fill.size))
        bases[0].append(point)
        bases[1].append(sign * float(fill.size))
        quotes[0].append(point)
        quotes[1].append(-(sign * notional + float(fill.fee)))
    equity = np.zeros(len(time_ns))
    for place, market in plan.prices.items():
        at, amounts = (np.array(column) for column in moves[place])
        moved = np.bincount(at.astype(np.int64), amounts, len(time_ns) + 1)
        held = float(balances.get(place, ZERO)) + np.cumsum(moved[:-1])
        equity += held if market is None else held * prices[market]
    return equity


def _matching(name: str, listed: Collection[str]) -> list[str]:
    if name.startswith("*_"):
        return sorted(pair for pair in listed if pair.endswith(name[1:]))
    return [name] if name in listed else []


def _names(names: Collection[str], most: int = 8) -> str:
    """Return names as text, a long list cut."""
    shown = sorted(names)[:most]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "") if shown else "nothing"
