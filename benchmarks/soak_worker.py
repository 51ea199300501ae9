"""One of those who trade in a soak: a wallet set of its own, one request after the other."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final, TypeVar

from benchmarks.soak_model import Heard, hold_problems, money
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import InsufficientFunds, Unavailable
from exchange_wrapper.numbers import format_amount

__all__ = ["CURRENCIES", "Worker", "again"]

CURRENCIES: Final = ("BTC", "ETH", "USD")
_GRANTED: Final = {"BTC": Decimal(2), "ETH": Decimal(10), "USD": Decimal(50_000)}
_EXTRA_MAX: Final = Decimal("0.05")  # of the base, above the smallest order
_TYPES: Final = ("limit", "limit", "limit", "limit-immediate-cancel", "limit-fill-kill", "market")
_LEVELS: Final = ("stop", "stop", "cancel", "cancel", "flatten")

Json = dict[str, Any]
T = TypeVar("T")


class Worker:
    """Trades at random, as its seed says.

    Attributes
    ----------
    allocated : dict of str to Decimal
        What its present wallet set was given, by currency.
    closed : list of int
        Its wallet sets of before.
    accepted : set of str
        The names of its orders.
    doing : str
        What it does, or did last.
    """

    def __init__(self, number: int, seed: int, client: XWrapClient, heard: Heard) -> None:
        self.run_id = f"soak-{number}"
        self.set_id = 0
        self.allocated: dict[str, Decimal] = {}
        self.closed: list[int] = []
        self.accepted: set[str] = set()
        self.done: Counter[str] = Counter()
        self.doing = "start"
        self._client = client
        self._heard = heard
        self._random = random.Random(f"{seed}-{number}")
        self._increments: dict[str, dict[str, str]] = {}

    async def start(self) -> None:
        """Get a wallet set."""
        (exchange,) = await self._again(self._client.get_exchanges)
        self._increments = exchange["increments"]
        await self._create()

    async def work(self, over: asyncio.Event) -> None:
        """Do one thing after the other until it is over."""
        actions = {
            self._order: 730,
            self._cancel: 140,
            self._allocate: 85,
            self.compare_holds: 20,
            self._cancel_all: 10,
            self._kill_switch: 10,
            self._replace_set: 5,
        }
        while not over.is_set():
            (action,) = self._random.choices(tuple(actions), tuple(actions.values()))
            self.doing = action.__name__.strip("_").replace("_", " ")
            await action()
            await asyncio.sleep(self._random.expovariate(20))

    async def settle(self) -> None:
        """Cancel what is open and wait until all is told to be done."""
        self.doing = "settle"
        await self._again(lambda: self._client.cancel_all(run_id=self.run_id))
        while self.unsettled():  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    async def compare_holds(self) -> None:
        """Compare what is on hold with what the open orders need, unless they change meanwhile."""
        problems = await self._again(lambda: hold_problems(self._client, self.set_id))
        self.done["holds compared"] += problems is not None
        self._heard.problems += problems or []

    def unsettled(self) -> set[str]:
        """Return the names of the orders that are not told to be done: of its own, and of all."""
        return self._heard.undone() | (self.accepted - self._heard.orders.keys())

    async def _order(self) -> None:
        pair = self._random.choice(sorted(self._increments))
        prices = (await self._again(lambda: self._client.get_pricing("gdax")))[pair]
        if prices["bid"] is None or prices["ask"] is None:
            return
        steps = self._increments[pair]
        kind, side = self._random.choice(_TYPES), self._random.choice(("buy", "sell"))
        price = Decimal(str(prices["bid" if side == "buy" else "ask"]))
        near = price * Decimal(self._random.uniform(0.998, 1.002))
        lot = Decimal(steps["lot_size"])
        size = Decimal(steps["min_order"]) + lot * self._random.randrange(int(_EXTRA_MAX / lot))
        oid = f"{self.run_id}-{self.done['order']}"
        order: Json = {
            "run_id": self.run_id,
            "exchange": "gdax",
            "client_oid": oid,
            "type": kind,
            "pair": pair,
            "side": side,
            "size": format_amount(size),
            "wallet_set_id": self.set_id,
        }
        if kind != "market":
            order["limit"] = format_amount(near.quantize(Decimal(steps["tick_size"])))
        if kind == "limit":
            order["cancel_after"] = self._random.choice((0, 0, 1, 5))
            order["post_only"] = self._random.choice((False, False, True))
        self.done["order"] += 1
        for _ in range(self._random.choice((1, 1, 1, 2))):  # the same again makes no second one
            try:
                status, message = await self._again(lambda: self._client.make_order(**order))
            except InsufficientFunds:
                status, message = "insufficient_funds", ""
            if status == "accepted":
                self.accepted.add(oid)
            elif oid in self.accepted:
                self._heard.problems.append(f"order {oid} was accepted, then {status}: {message}")
            self.done[status] += 1

    async def _cancel(self) -> None:
        opened = [
            oid for oid in self.accepted if self._heard.orders.get(oid, {}).get("status") == "open"
        ]
        if opened:
            oid = self._random.choice(sorted(opened))
            await self._again(lambda: self._client.cancel_order("gdax", oid))
            self.done["cancel"] += 1

    async def _cancel_all(self) -> None:
        await self._again(lambda: self._client.cancel_all(run_id=self.run_id))
        self.done["cancel_all"] += 1

    async def _allocate(self) -> None:
        currency = self._random.choice(CURRENCIES)
        part = Decimal(self._random.uniform(-0.2, 0.2)).quantize(Decimal("0.0001"))
        movement = (_GRANTED[currency] * part).normalize()
        if not movement:
            return
        was = self.allocated[currency]
        try:
            await self._client.allocate_to_wallet_set(self.set_id, "gdax", currency, movement)
            self.allocated[currency] = was + movement
        except InsufficientFunds:
            self.done["allocate refused"] += 1
        except Unavailable:
            # It may have been carried out, and unlike an order it can't be asked for again.
            wallet = await self._again(
                lambda: self._client.get_wallet("gdax", currency, self.set_id)
            )
            self.allocated[currency] = Decimal(wallet["allocation"])
            if self.allocated[currency] not in (was, was + movement):
                self._heard.problems.append(
                    f"{self.run_id}: {movement} {currency} on {was}: {wallet}"
                )
        self.done["allocate"] += 1

    async def _kill_switch(self) -> None:
        level = self._random.choice(_LEVELS)
        scope = str(self.set_id)
        await self._again(lambda: self._client.kill_switch(level, scope))  # type: ignore[arg-type]
        for _ in range(self._random.randrange(3)):
            await self._order()
        await self._again(lambda: self._client.kill_switch("off", scope))
        self.done[f"kill switch {level}"] += 1

    async def _replace_set(self) -> None:
        state: Json = {"active": True, "closing": False}
        while state["active"]:
            try:
                if not state["closing"]:
                    await self._client.deactivate_wallet_set(self.set_id, force=True)
                state = await self._client.get_wallet_set(self.set_id)
            except Unavailable:
                self.done["unavailable"] += 1
                state = await self._again(lambda: self._client.get_wallet_set(self.set_id))
            await asyncio.sleep(0.05)
        if any(money(state, "balance").values()):
            self._heard.problems.append(f"{self.run_id}: set {self.set_id} is closed with funds")
        self.closed.append(self.set_id)
        await self._create()
        self.done["replace set"] += 1

    async def _create(self) -> None:
        """Create a wallet set, or find the one whose creation was not answered."""
        run_id = f"{self.run_id}-{len(self.closed)}"
        wallets = [("gdax", currency, amount) for currency, amount in _GRANTED.items()]
        created = False
        while not created:
            try:
                self.set_id = await self._client.create_wallet_set(run_id, wallets)
                created = True
            except Unavailable:
                self.done["unavailable"] += 1
                sets = await self._again(self._client.get_all_wallet_sets)
                for each in sets.values():
                    if each.get("run_id") == run_id:
                        self.set_id, created = each["id"], True
        self.allocated = dict(_GRANTED)

    async def _again(self, ask: Callable[[], Awaitable[T]]) -> T:
        return await again(ask, self.done)


async def again(ask: Callable[[], Awaitable[T]], done: Counter[str]) -> T:
    """Ask until there is an answer, and count when there is none."""
    while True:
        try:
            return await ask()
        except Unavailable:
            done["unavailable"] += 1
            await asyncio.sleep(0.2)
