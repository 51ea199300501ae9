"""Compare what xWrap told a run with the replay of its exchanges, one message after the other."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from cryptick.inputs import Input
from cryptick.venue_replay import Balances, Replayed
from cryptick.xwrap_forms import Json
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.orders import Order
from exchange_wrapper.terms import OrderStatus
from exchange_wrapper.times import UtcNs, from_iso, to_iso

__all__ = ["Difference", "ToldComparison"]

_WINDOW_NS: Final = 1_000_000_000  # what happens so late before the end may not have been told


class Difference(msgspec.Struct, frozen=True):
    """The first thing that is not as it was.

    Attributes
    ----------
    what : str
        Such as ``fill`` or ``decision``.
    where : str
        Which record it is: an input by its number, or a message by its sequence.
    time : str
        ISO 8601.
    expected : str
        What the run's record says.
    found : str
        What the replay says.
    cause : str
    """

    what: str
    where: str
    time: str
    expected: str
    found: str
    cause: str


class ToldComparison:
    """Go through a run's inputs and put the replay in the place of what xWrap told.

    Parameters
    ----------
    replayed : mapping of str to Replayed
        By exchange; what xWrap told of others is taken from the record.
    set_id : int
        The run's wallet set.
    until : UtcNs, optional
        What was told later is taken from the record.
    whole : bool
        Whether the record was written to the end. The last wallets of one that was not are taken
        from it: what moved them was told after them, and may be lost.

    Attributes
    ----------
    counts : Counter
        How many orders, order states, fills, wallet states, quotes and trades were compared.
    difference : Difference or None
        The first one.
    """

    def __init__(
        self,
        replayed: Mapping[str, Replayed],
        set_id: int,
        until: UtcNs | None = None,
        whole: bool = True,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.difference: Difference | None = None
        self._replayed = replayed
        self._set_id = set_id
        self._until = until
        self._whole = whole
        self._states: Counter[str] = Counter()  # by client_oid: those before were told
        self._fills: Counter[str] = Counter()  # by exchange
        self._wallets: Counter[str] = Counter()  # by exchange
        self._done: set[str] = set()
        self._of_wallets: Difference | None = None
        self._comparers = {
            "order": self._order,
            "trade": self._fill,
            "wallet_set": self._wallet_set,
            "ticker": self._quote,
            "trades": self._trade,
        }

    def run(self, inputs: Sequence[Input]) -> Iterator[Input]:
        """Yield the inputs, with the replay's orders, fills and wallets up to a difference."""
        wallets = [n for n, input in enumerate(inputs, 1) if input.method == "wallet_set"]
        unsure = wallets[-1] if wallets and not self._whole else None
        for number, input in enumerate(inputs, 1):
            if number == unsure or (self._until is not None and input.time > self._until):
                yield input
                continue
            compare = self._comparers.get(input.method)
            if compare is not None and self.difference is None:
                input = Input(input.time, input.method, compare(number, input))
            yield input
        if self.difference is None and inputs:
            end = inputs[-1].time
            self._nothing_is_left(end if self._until is None else min(end, self._until))
        # Wallets are told before the fills that moved them, which say more.
        self.difference = self.difference or self._of_wallets

    def _order(self, number: int, input: Input) -> Json:
        told: Json = input.params
        replayed = self._replayed.get(told["exchange"])
        if replayed is None:
            return told
        name = told["client_order_id"]
        if name not in self._states:
            self.counts["orders"] += 1
        if name in replayed.refused:
            reason = f"no such order: {replayed.refused[name]}"
            return self._differs("order", number, input, _words(told), reason, replayed)
        states = replayed.orders[name]
        for index in range(self._states[name], len(states)):
            found = _as_told(states[index], told, self._set_id)
            if found == told:
                self._states[name] = index + 1
                self.counts["order states"] += 1
                if states[index].status is OrderStatus.DONE:
                    self._done.add(name)
                return found
        alike = [one for one in states[self._states[name] :] if one.status.value == told["status"]]
        nearest = (alike or states)[-1] if states else None
        if told["offline"]:
            cause = "xWrap was restarted during the run: nobody followed the market then"
            return self._differs("order", number, input, _words(told), "", replayed, cause)
        closest = None if nearest is None else _as_told(nearest, told, self._set_id)
        return self._differs("order", number, input, *_apart(told, closest), replayed)

    def _fill(self, number: int, input: Input) -> Json:
        told: Json = input.params
        exchange = told["exchange"]
        replayed = self._replayed.get(exchange)
        if replayed is None:
            return told
        index = self._fills[exchange]
        if index == len(replayed.fills):
            return self._differs("fill", number, input, _words(told), "no more fills", replayed)
        self._fills[exchange] += 1
        trade, order = replayed.fills[index]
        found = {
            **trade.to_dict(order),
            "id": told["id"],
            "order_id": told["order_id"],
            "wallet_set_id": self._set_id,
        }
        if found != told:
            return self._differs("fill", number, input, *_apart(told, found), replayed)
        self.counts["fills"] += 1
        return found

    def _wallet_set(self, number: int, input: Input) -> Json:
        """Compare by exchange: what happens at one has its order, what at two has none."""
        told: Json = input.params
        if self._of_wallets is not None:
            return told
        for exchange, replayed in self._replayed.items():
            wanted = _balances(told, exchange)
            for index in range(self._wallets[exchange], len(replayed.wallets)):
                if replayed.wallets[index] == wanted:
                    self._wallets[exchange] = index
                    break
            else:
                found = _funds(replayed.wallets[self._wallets[exchange]])
                got = f"none like it; last {found}"
                self._differs("wallets", number, input, _funds(wanted), got, replayed)
                self._of_wallets, self.difference = self.difference, None
                return told
        self.counts["wallet states"] += 1
        return told

    def _quote(self, number: int, input: Input) -> Json:
        told: Json = input.params
        replayed = self._replayed.get(told["exchange"])
        if replayed is None:
            return told
        found = replayed.quotes.get((told["pair"], from_iso(told["time"])))
        if found != (told["bid"], told["ask"]):
            expected = f"bid {told['bid']}, ask {told['ask']} of {told['pair']}"
            got = "no change of the best prices then"
            if found is not None:
                got = f"bid {found[0]}, ask {found[1]}"
            cause = "what the run is said to have heard is not what xWrap recorded: one was altered"
            return self._differs("quote", number, input, expected, got, replayed, cause)
        self.counts["quotes"] += 1
        return told

    def _trade(self, number: int, input: Input) -> Json:
        told: Json = input.params
        replayed = self._replayed.get(told["exchange"])
        if replayed is None:
            return told
        found = replayed.trades.get((told["pair"], told["trade_id"]))
        if found is None or told["taker_side"] != found.maker_side.opposite.value:
            cause = "what the run is said to have heard is not what xWrap recorded"
            got = "no such trade" if found is None else "the other side"
            return self._differs("trade", number, input, _words(told), got, replayed, cause)
        self.counts["trades"] += 1
        return told

    def _nothing_is_left(self, end: UtcNs) -> None:
        """Find what the replay has and nobody was told."""
        for exchange, replayed in self._replayed.items():
            for trade, order in replayed.fills[self._fills[exchange] :]:
                name = order.request.client_oid
                if name in self._done or trade.time < end - _WINDOW_NS:
                    self.difference = Difference(
                        "fill",
                        "after the last input",
                        to_iso(trade.time),
                        "no more fills",
                        _words(trade.to_dict(order)),
                        "xWrap did not tell it, or the run's record lacks it",
                    )
                    return

    def _differs(
        self,
        what: str,
        number: int,
        input: Input,
        expected: str,
        found: str,
        replayed: Replayed,
        cause: str = "",
    ) -> Json:
        if not cause and replayed.doubts:
            cause = replayed.doubts[0]
        if not cause:
            cause = (
                "the run's record or xWrap's recording was altered, or xWrap filled otherwise "
                "than its paper engine does now"
            )
        where = f"input {number} ({input.method})"
        self.difference = Difference(what, where, to_iso(input.time), expected, found, cause)
        params: Json = input.params
        return params


def _as_told(order: Order, told: Json, set_id: int) -> dict[str, Any]:
    return {**order.to_dict(), "id": told["id"], "wallet_set_id": set_id}


def _balances(told: Json, exchange: str) -> Balances:
    figures = {
        one["currency"]: (Decimal(one["balance"]), Decimal(one["available"]), Decimal(one["hold"]))
        for one in told["wallets"]
        if one["exchange"] == exchange
    }
    return {currency: figure for currency, figure in figures.items() if any(figure)}


def _funds(balances: Balances) -> str:
    return ", ".join(
        f"{format_amount(balance)} {currency} ({format_amount(available)} available)"
        for currency, (balance, available, _) in sorted(balances.items())
    )


def _apart(told: Json, found: Json | None) -> tuple[str, str]:
    """Return the members in which two differ, in words."""
    if found is None:
        return _words(told), "no such order"
    names = [name for name in told if told[name] != found.get(name)]
    about = f" of {told['client_order_id']}"
    expected, got = (", ".join(f"{n} {one.get(n)}" for n in names) for one in (told, found))
    return expected + about, got + about


def _words(told: Json) -> str:
    if "exec_price" in told:
        return (
            f"{told['side']} {told['exec_amount']} {told['pair']} at {told['exec_price']}, "
            f"fee {told['fee']}, order {told['client_order_id']}"
        )
    if "client_order_id" in told:
        return (
            f"{told['status']} {told['type']} order to {told['side']} {told['size']} "
            f"{told['pair']}, {told['client_order_id']}"
        )
    return f"{told['size']} {told['pair']} at {told['price']}, trade {told['trade_id']}"
