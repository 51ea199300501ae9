"""Trade at random while everything fails: ``python -m benchmarks.soak [--minutes 10] [--seed 1]``.

Workers with a wallet set each make and cancel orders and move funds, on a sandbox whose feed is cut
and gappy, against an xWrap that is killed without warning and started again. A client that resumes
hears of orders and trades, and from what it hears alone a model computes every wallet. In the end
the ledger must equal the model, before and after a last restart, with nothing on hold and a clean
audit. Which requests are sent depends on the seed, what they meet on the machine's timing.
"""

import argparse
import asyncio
import random
import socket
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any, Final, TypeVar

import httpx

from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import InsufficientFunds, Unavailable, XWrapError
from exchange_wrapper.numbers import format_amount
from tests.system.processes import Service, XWrap, running

_CURRENCIES: Final = ("BTC", "ETH", "USD")
_GRANTED: Final = {"BTC": Decimal(2), "ETH": Decimal(10), "USD": Decimal(50_000)}
_EXTRA_MAX: Final = Decimal("0.05")  # of the base, above the smallest order
_WORKERS: Final = 4
_UP_S: Final = (2.0, 15.0)  # between two kills
_SETTLE_S_MAX: Final = 60.0
_TYPES: Final = ("limit", "limit", "limit", "limit-immediate-cancel", "limit-fill-kill", "market")

Json = dict[str, Any]
T = TypeVar("T")


@dataclass
class Heard:
    """What the notifications told, and what follows from it."""

    orders: dict[str, Json] = field(default_factory=dict)
    trades: dict[int, Json] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def order(self, order: Json) -> None:
        before = self.orders.get(order["client_order_id"])
        if before is not None and before["status"] == "done" != order["status"]:
            self.problems.append(f"order {order['client_order_id']} was done and is open again")
        self.orders[order["client_order_id"]] = order

    def trade(self, trade: Json) -> None:
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

    def check_orders(self, accepted: set[str]) -> None:
        filled: dict[str, Decimal] = defaultdict(Decimal)
        for trade in self.trades.values():
            filled[trade["client_order_id"]] += Decimal(trade["exec_amount"])
        if self.orders.keys() != accepted:
            self.problems.append(f"accepted, or told of, only: {self.orders.keys() ^ accepted}")
        for oid, order in self.orders.items():
            if order["status"] != "done":
                self.problems.append(f"order {oid} is {order['status']}")
            if Decimal(order["filled_size"]) != filled[oid]:
                told = order["filled_size"]
                self.problems.append(f"order {oid} filled {told}, its trades {filled[oid]}")


class Worker:
    """Trades with a wallet set of its own, one request after the other."""

    def __init__(self, number: int, seed: int, client: XWrapClient, heard: Heard) -> None:
        self.run_id = f"soak-{number}"
        self.set_id = 0
        self.allocated = dict(_GRANTED)
        self.accepted: set[str] = set()
        self.done: Counter[str] = Counter()
        self._client = client
        self._heard = heard
        self._random = random.Random(f"{seed}-{number}")
        self._increments: dict[str, dict[str, str]] = {}

    async def start(self) -> None:
        (exchange,) = await self._client.get_exchanges()
        self._increments = exchange["increments"]
        wallets = [("gdax", currency, amount) for currency, amount in _GRANTED.items()]
        self.set_id = await self._client.create_wallet_set(self.run_id, wallets)

    async def work(self, over: asyncio.Event) -> None:
        actions = (self._order, self._cancel, self._allocate, self._cancel_all)
        while not over.is_set():
            (action,) = self._random.choices(actions, (75, 15, 9, 1))
            await action()
            await asyncio.sleep(self._random.expovariate(20))

    async def settle(self) -> None:
        """Cancel what is open and wait until it is told to be done."""
        await self._again(lambda: self._client.cancel_all(run_id=self.run_id))
        for oid in self.accepted:
            while self._heard.orders.get(oid, {}).get("status") != "done":  # noqa: ASYNC110 - polls
                await asyncio.sleep(0.1)

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
        currency = self._random.choice(_CURRENCIES)
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

    async def _again(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await ask()
            except Unavailable:
                self.done["unavailable"] += 1
                await asyncio.sleep(0.2)


async def soak(minutes: float, seed: int) -> list[str]:
    """Return what is wrong in the end."""
    chance = random.Random(f"{seed}")
    heard, over = Heard(), asyncio.Event()
    end = perf_counter() + minutes * 60
    kills = 0
    with tempfile.TemporaryDirectory() as folder:
        market_command = (
            "exchange_wrapper.sandbox", "simulate", "--seed", str(seed), "--faults", "--no-limits",
            "--rest-port", "0", "--ws-port", "0",
        )  # fmt: skip
        async with running(*market_command, ready="sandbox ready") as market:
            xwrap = XWrap(Path(folder), market, _CURRENCIES)
            xwrap.environment["RPC_PORT"] = str(_free_port())
            await xwrap.init_db()
            async with xwrap.running() as service:
                client = await XWrapClient.connect(service.url("rpc"), reconnect=True)
                client.on("order", heard.order)
                client.on("trade", heard.trade)
                await _ready(client)
                initial = _money(await client.get_total_wallet_set(), "balance")
                workers = [Worker(number, seed, client, heard) for number in range(_WORKERS)]
                for worker in workers:
                    await worker.start()
                tasks = [asyncio.create_task(worker.work(over)) for worker in workers]
                tasks.append(asyncio.create_task(_disturb(market, over, chance)))
                await asyncio.sleep(chance.uniform(*_UP_S))
                await service.kill()
            while (left := end - perf_counter()) > 0:
                kills += 1
                async with xwrap.running() as service:
                    await asyncio.sleep(min(left, chance.uniform(0.1, 1) * _UP_S[1]))
                    await service.kill()
            kills += 1
            async with xwrap.running() as service:
                over.set()
                async with asyncio.timeout(_SETTLE_S_MAX):
                    await asyncio.gather(*tasks)
                    await asyncio.gather(*(worker.settle() for worker in workers))
                heard.check_orders({oid for worker in workers for oid in worker.accepted})
                await _compare(client, workers, heard, initial, "at the end")
                await service.stop()
            async with xwrap.running():
                await _ready(client)
                await _compare(client, workers, heard, initial, "after a restart")
            await client.close()
    totals = sum((worker.done for worker in workers), Counter[str]())
    print(f"{kills} kills, {len(heard.trades)} trades, {len(heard.orders)} orders told of")
    print(", ".join(f"{name} {count}" for name, count in totals.most_common()))
    return heard.problems


async def _disturb(market: Service, over: asyncio.Event, chance: random.Random) -> None:
    """Cut the feed, and leave messages out of it, now and then."""
    async with httpx.AsyncClient(base_url=market.url("rest"), trust_env=False) as http:
        while not over.is_set():
            await asyncio.sleep(chance.uniform(1, 6))
            kind = chance.choice(("feed_disconnect", "feed_gap", "server_error"))
            answer = await http.post("/sandbox/faults", json={"kind": kind})
            answer.raise_for_status()
        await http.delete("/sandbox/faults")


async def _compare(
    client: XWrapClient,
    workers: list[Worker],
    heard: Heard,
    initial: dict[str, Decimal],
    when: str,
) -> None:
    def equal(what: str, found: dict[str, Decimal], expected: dict[str, Decimal]) -> None:
        if found != expected:
            heard.problems.append(f"{when}, {what}: the ledger has {found}, told was {expected}")

    for worker in workers:
        wallets = await client.get_wallet_set(worker.set_id)
        moved = heard.moved(worker.set_id)
        expected = {each: worker.allocated[each] + moved[each] for each in _CURRENCIES}
        equal(worker.run_id, _money(wallets, "balance"), expected)
        equal(f"{worker.run_id}, available", _money(wallets, "available"), expected)
        equal(
            f"{worker.run_id}, hold", _money(wallets, "hold"), dict.fromkeys(expected, Decimal(0))
        )
    moved = heard.moved()
    total = _money(await client.get_total_wallet_set(), "balance")
    equal("all", total, {each: initial[each] + moved[each] for each in initial})
    faults = (await client.get_health())["ledger_faults"]
    heard.problems += [f"{when}: {fault}" for fault in faults]
    if opened := await client.list_open_orders():
        heard.problems.append(f"{when}: {len(opened)} orders are open")


def _money(wallet_set: Json, figure: str) -> dict[str, Decimal]:
    return {each["currency"]: Decimal(each[figure]) for each in wallet_set["wallets"]}


async def _ready(client: XWrapClient) -> None:
    while True:
        try:
            if (await client.get_exchanges())[0]["status"] == "ready":
                return
        except XWrapError:
            pass  # it starts
        await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    problems = asyncio.run(soak(options.minutes, options.seed))
    print("\n".join(problems) or "the ledger equals what was told")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
