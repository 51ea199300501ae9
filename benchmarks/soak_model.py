"""What a soak heard, and what the ledger must be if all of it is true."""

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from exchange_wrapper.client import XWrapClient
from exchange_wrapper.control import FLATTEN_RUN

__all__ = ["Heard", "combined", "hold_problems", "is_explained", "money"]

Json = dict[str, Any]

_FEE_MAX: Final = Decimal("0.01")  # of the notional; what a hold may cover above it
_ROUNDING: Final = Decimal("0.01")  # per order, in the quote currency


@dataclass
class Heard:
    """What the notifications told, and what follows from it."""

    orders: dict[str, Json] = field(default_factory=dict)
    trades: dict[int, Json] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def order(self, order: Json) -> None:
        """Note the state of an order."""
        name = order["client_order_id"]
        before = self.orders.get(name)
        if before is not None and before["id"] != order["id"]:
            self.problems.append(f"order {name} was made twice: {before['id']}, {order['id']}")
        if before is not None and before["status"] == "done" != order["status"]:
            self.problems.append(f"order {name} was done and is {order['status']} again")
        self.orders[name] = order

    def trade(self, trade: Json) -> None:
        """Note a trade."""
        if trade["id"] in self.trades:
            self.problems.append(f"trade {trade['id']} was told twice")
        self.trades[trade["id"]] = trade

    def moved(self, set_id: int | None = None) -> dict[str, Decimal]:
        """Return by how much trades changed each currency, of one wallet set or of all."""
        moved: dict[str, Decimal] = defaultdict(Decimal)
        for trade in self.trades.values():
            if set_id in (None, trade["wallet_set_id"]):
                base, quote = trade["pair"].split("_")
                size, fee = Decimal(trade["exec_amount"]), Decimal(trade["fee"])
                sign = 1 if trade["side"] == "buy" else -1
                moved[base] += sign * size
                moved[quote] -= sign * size * Decimal(trade["exec_price"]) + fee
        return moved

    def undone(self) -> set[str]:
        """Return the names of the orders that are not known to be done."""
        return {name for name, order in self.orders.items() if order["status"] != "done"}

    def check_orders(self, accepted: set[str]) -> None:
        """Compare the orders with those accepted and with their trades."""
        filled: dict[str, Decimal] = defaultdict(Decimal)
        for trade in self.trades.values():
            filled[trade["client_order_id"]] += Decimal(trade["exec_amount"])
        made = {name for name, order in self.orders.items() if order["run_id"] != FLATTEN_RUN}
        if made != accepted:
            self.problems.append(f"accepted, or told of, only: {made ^ accepted}")
        if strange := filled.keys() - self.orders.keys():
            self.problems.append(f"trades of orders nobody told of: {strange}")
        for name, order in self.orders.items():
            if order["status"] != "done":
                self.problems.append(f"order {name} is {order['status']}")
            if Decimal(order["filled_size"]) != filled[name]:
                told = order["filled_size"]
                self.problems.append(f"order {name} filled {told}, its trades {filled[name]}")


def money(wallet_set: Json, figure: str) -> dict[str, Decimal]:
    """Return a figure of each wallet by currency."""
    return {each["currency"]: Decimal(each[figure]) for each in wallet_set["wallets"]}


def is_explained(difference: Decimal, amounts: Iterable[Decimal]) -> bool:
    """Tell whether some of the amounts, each at most once, make up a difference."""
    sums = {Decimal(0)}
    for amount in amounts:
        sums |= {each + amount for each in sums}
    return difference in sums


async def hold_problems(client: XWrapClient, set_id: int) -> list[str] | None:
    """Compare a set's holds with what its open orders need.

    Returns
    -------
    list of str, or None
        None if orders changed while this looked.
    """
    before = await _open_orders(client, set_id)
    holds = money(await client.get_wallet_set(set_id), "hold")
    orders = await _open_orders(client, set_id)
    plain = all(order["type"] == "limit" and order["status"] == "open" for order in orders)
    if before != orders or not plain:
        return None
    least: dict[str, Decimal] = defaultdict(Decimal)
    slack: dict[str, Decimal] = defaultdict(Decimal)
    for order in orders:
        base, quote = order["pair"].split("_")
        rest = Decimal(order["size"]) - Decimal(order["filled_size"])
        if order["side"] == "sell":
            least[base] += rest
        else:
            notional = rest * Decimal(order["limit"])
            least[quote] += notional
            slack[quote] += notional * _FEE_MAX + _ROUNDING
    return [
        f"set {set_id} has {holds[each]} {each} on hold, its orders need {least[each]} and a fee"
        for each in holds
        if not least[each] <= holds[each] <= least[each] + slack[each]
    ]


async def _open_orders(client: XWrapClient, set_id: int) -> list[Json]:
    orders = await client.list_open_orders()
    return [order for order in orders if order["wallet_set_id"] == set_id]


def combined(parts: Iterable[dict[str, Decimal]]) -> dict[str, Decimal]:
    """Return the sum of amounts by currency."""
    total: dict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in itertools.chain.from_iterable(part.items() for part in parts):
        total[currency] += amount
    return total
