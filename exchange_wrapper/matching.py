"""What an arriving order trades, given what the other side offers."""

from collections.abc import Iterable

from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.terms import Side

__all__ = ["Match", "match_limit_order", "match_market_order"]


Match = tuple[Ticks, Lots]
"""The price at which a part of an order trades, and the size of that part."""


def match_limit_order(
    levels: Iterable[tuple[Ticks, Lots]], side: Side, size: Lots, limit: Ticks
) -> list[Match]:
    """Return what an order trades at its limit or better.

    Parameters
    ----------
    levels : iterable of (Ticks, Lots)
        The opposite side of the book, best first; it is read only as far as the order reaches.
    side : Side
        The side of the arriving order.

    Returns
    -------
    list of Match
        Best price first. Whether a rest is booked, cancelled or kills the order is the caller's.
    """
    matches: list[Match] = []
    for price, offered in levels:
        if price > limit if side is Side.BUY else price < limit:
            break
        taken = min(size, offered)
        if taken:
            matches.append((price, taken))
            size = Lots(size - taken)
            if not size:
                break
    return matches


def match_market_order(
    levels: Iterable[tuple[Ticks, Lots]], side: Side, size: Lots, budget: int | None = None
) -> list[Match]:
    """Return what an order trades at whatever price there is.

    Parameters
    ----------
    levels : iterable of (Ticks, Lots)
        The opposite side of the book, best first; it is read only as far as the order reaches.
    side : Side
        The side of the arriving order.
    budget : int, optional
        Σ ticks × lots that a buy must not exceed, whatever its size; fees are the caller's.
    """
    matches: list[Match] = []
    for price, offered in levels:
        taken = min(size, offered)
        if budget is not None and side is Side.BUY:
            taken = min(taken, Lots(budget // price))
            budget -= price * taken
        if taken:
            matches.append((price, taken))
            size = Lots(size - taken)
        if not size or taken < offered:
            break
    return matches
