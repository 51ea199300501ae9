"""What orders hold and what trades move: the accounts and fills of all profiles."""

from collections.abc import Iterable, Sequence

from exchange_wrapper.errors import InsufficientFunds, UnknownName
from exchange_wrapper.sandbox.accounts import Account, accounts_of, amount_text, to_atoms
from exchange_wrapper.sandbox.keys import Profile
from exchange_wrapper.sandbox.orders import MAKER_FEE, RATE_UNIT, TAKER_FEE, Order
from exchange_wrapper.sandbox.protocol import decimal_text
from exchange_wrapper.sandbox.tape import Print
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs, to_iso

__all__ = ["Clearing"]


class Clearing:
    """Accounts and fills.

    Attributes
    ----------
    accounts : dict
        Profile id → currency → account.
    fills : dict
        Profile id → fills as ``GET /fills`` tells them, oldest first.

    Raises
    ------
    UnknownName
        A profile has a currency that is not traded.
    """

    def __init__(self, profiles: Sequence[Profile], currencies: Sequence[str]) -> None:
        self.accounts = {p.profile_id: accounts_of(p, currencies) for p in profiles}
        self.fills: dict[str, list[dict[str, object]]] = {p.profile_id: [] for p in profiles}
        for profile in profiles:
            accounts = self.accounts[profile.profile_id]
            for currency, amount in profile.balances.items():
                if currency not in accounts:
                    raise UnknownName(f"profile {profile.name}: {currency} is not traded here")
                accounts[currency].book(to_atoms(amount), "transfer", {}, UtcNs(0))

    def reserve(self, order: Order, offers: Iterable[tuple[int, int]]) -> None:
        """Hold what an order may cost; a market order, which never rests, only has to be covered.

        Parameters
        ----------
        order : Order
            A new order.
        offers : iterable of (ticks, lots)
            What a market order may trade with, best first.

        Raises
        ------
        InsufficientFunds
            The available funds don't cover it.
        """
        if order.price is not None:
            self.release(order)
            return
        cost = lots = 0
        for price, shown in offers:
            part = shown if order.size is None else min(shown, order.size - lots)
            if order.funds is not None:
                part = min(part, (order.funds - cost) // order.value(price, 1))
            if not part:
                break
            lots += part
            cost += order.value(price, part)
        base, quote = self._pair(order)
        if order.side is Side.BUY:
            asked = cost if order.funds is None else order.funds
            covered = _with_fee(asked) <= quote.available
        else:
            covered = order.base_atoms(lots if order.size is None else order.size) <= base.available
        if not covered:
            raise InsufficientFunds("Insufficient funds")

    def release(self, order: Order) -> None:
        """Hold just what is left of an order may still cost; nothing once it is done."""
        base, quote = self._pair(order)
        needed = _worst(order) if order.live else 0
        (quote if order.side is Side.BUY else base).reserve(needed - order.hold)
        order.hold = needed

    def settle(self, order: Order, entry: Print) -> None:
        """Book a trade for one of its two orders."""
        trade, is_maker = entry.trade, order.id == entry.maker_order_id
        value = order.value(trade.price, trade.size)
        fee = value * (MAKER_FEE if is_maker else TAKER_FEE) // RATE_UNIT
        order.filled += trade.size
        order.executed_value += value
        order.fees += fee
        self.release(order)
        base, quote = self._pair(order)
        sign = 1 if order.side is Side.BUY else -1
        details = {
            "order_id": order.id,
            "trade_id": str(trade.trade_id),
            "product_id": order.asset.product_id,
        }
        base.book(sign * order.base_atoms(trade.size), "match", details, trade.time)
        quote.book(-sign * value, "match", details, trade.time)
        quote.book(-fee, "fee", details, trade.time)
        self.fills[order.profile_id].append(
            {
                "trade_id": trade.trade_id,
                "order_id": order.id,
                "product_id": order.asset.product_id,
                "price": decimal_text(trade.price, order.asset.price_digits),
                "size": decimal_text(trade.size, order.asset.size_digits),
                "fee": amount_text(fee),
                "side": order.side,
                "liquidity": "M" if is_maker else "T",
                "created_at": to_iso(trade.time),
                "settled": True,
                "usd_volume": amount_text(value),
                "profile_id": order.profile_id,
                "user_id": order.profile_id,
            }
        )

    def _pair(self, order: Order) -> tuple[Account, Account]:
        accounts = self.accounts[order.profile_id]
        return accounts[order.asset.base], accounts[order.asset.quote]


def _worst(order: Order) -> int:
    """Return the most that what is left of an order may take from its account, in atoms."""
    if order.price is None:
        return 0
    if order.side is Side.SELL:
        return order.base_atoms(order.remaining)
    return _with_fee(order.value(order.price, order.remaining))


def _with_fee(value: int) -> int:
    # Rounded up; the value of whole ticks and lots is a multiple of RATE_UNIT, funds may not be.
    return value - value * -TAKER_FEE // RATE_UNIT
