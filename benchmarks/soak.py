"""Trade at random while everything fails: ``python -m benchmarks.soak [--minutes 10] [--seed 1]``.

Workers with wallet sets of their own make and cancel orders, move funds, run into limits, pull the
kill switch and replace their sets, on a sandbox whose feed is cut and gappy, against an xWrap that
is killed without warning and started again, with a client whose connection is cut. The client
catches up, and from the orders and trades it hears alone a model computes every wallet. In the end
the ledger must equal the model, before and after a last restart, with nothing on hold and a clean
audit; otherwise xWrap's files are kept. The last third of the time xWrap is left alive, to see
whether it grows. Which requests are sent depends on the seed, what they meet on the machine's
timing.
"""

import argparse
import asyncio
import json
import random
import shutil
import socket
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import httpx

from benchmarks.soak_model import Heard, combined, is_explained, money
from benchmarks.soak_worker import CURRENCIES, Worker, again
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import Unavailable, XWrapError
from tests.system.processes import Service, XWrap, running

__all__ = ["Soak"]

_WORKERS: Final = 4
_UP_S: Final = (1.5, 15.0)  # between two kills
_QUIET_PART: Final = 1 / 3
_SETTLE_S_MAX: Final = 60.0
_LIMITS: Final = {
    "exchanges": {"gdax": {"open_orders": 60}},
    "wallet_set": {"open_orders": 20, "order_notional_usd": "2500", "orders_per_minute": 900},
}
# Enough for new wallet sets, however many are sold out.
_BALANCES: Final = {"BTC": "10000", "ETH": "100000", "USD": "100000000"}
_OPEN_FILES_MAX: Final = 15  # more than when it was ready
_MEMORY_MB_MAX: Final = 100.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """What a process takes."""

    memory_mb: float
    files: int
    threads: int

    @classmethod
    def of(cls, service: Service) -> "Size":
        folder = Path(f"/proc/{service.process.pid}")
        status = dict(
            line.split(":", 1) for line in (folder / "status").read_text().splitlines() if line
        )
        memory_mb = int(status["VmRSS"].split()[0]) / 1024
        files = sum(1 for _ in (folder / "fd").iterdir())
        return cls(memory_mb, files, int(status["Threads"]))

    def __str__(self) -> str:
        return f"{self.memory_mb:.0f} MB, {self.files} files, {self.threads} threads"


@dataclass
class Soak:
    """One soak.

    Attributes
    ----------
    heard : Heard
        With what is wrong in ``problems``.
    done : Counter
        What was asked for and what happened.
    folder : Path
        Where xWrap's files are; gone if nothing was wrong.
    sizes : dict of str to Size
        What the processes took, by when.
    tasks : tuple of int and int
        The client's process: tasks that there were before there was a client, and after it.
    """

    minutes: float
    seed: int
    heard: Heard = field(default_factory=Heard)
    done: Counter[str] = field(default_factory=Counter)
    folder: Path = Path()
    sizes: dict[str, Size] = field(default_factory=dict)
    tasks: tuple[int, int] = (0, 0)

    async def run(self) -> list[str]:
        """Return what is wrong in the end."""
        self._lives = random.Random(f"{self.seed}-lives")  # each its own: tasks take turns by time
        self._over = asyncio.Event()
        self._deposited, self._unsure = Counter[str](), list[tuple[str, Decimal]]()
        market_command = (
            "exchange_wrapper.sandbox", "simulate", "--seed", str(self.seed), "--faults",
            "--no-limits", "--rest-port", "0", "--ws-port", "0",
        )  # fmt: skip
        folder = self.folder = Path(tempfile.mkdtemp(prefix="soak-"))
        async with running(*market_command, ready="sandbox ready") as market:
            xwrap = XWrap(folder, market, CURRENCIES)
            settings = json.loads(xwrap.config.read_text())
            settings["limits"] = _LIMITS
            settings["exchanges"]["gdax"]["balances"] = _BALANCES
            xwrap.config.write_text(json.dumps(settings))
            xwrap.environment["RPC_PORT"] = str(_free_port())
            await xwrap.init_db()
            before = len(asyncio.all_tasks())
            await self._trade(xwrap, market)
            self.tasks = before, len(asyncio.all_tasks())
        for worker in self._workers:
            self.done += worker.done
        self.done["trades told"] = len(self.heard.trades)
        self.done["orders told"] = len(self.heard.orders)
        self.done["connections made again"] = self._client.reconnects
        if self.tasks[1] > self.tasks[0]:
            self.heard.problems.append(f"there were {self.tasks[0]} tasks, now {self.tasks[1]}")
        if not self.heard.problems:
            shutil.rmtree(folder)
        return self.heard.problems

    async def _trade(self, xwrap: XWrap, market: Service) -> None:
        end = perf_counter() + self.minutes * 60
        quiet = end - self.minutes * 60 * _QUIET_PART
        async with xwrap.running() as service:
            client = self._client = await XWrapClient.connect(service.url("rpc"), reconnect=True)
            client.on("order", self.heard.order)
            client.on("trade", self.heard.trade)
            await _ready(client)
            self._initial = money(await client.get_total_wallet_set(), "balance")
            self._workers = [
                Worker(number, self.seed, client, self.heard) for number in range(_WORKERS)
            ]
            for worker in self._workers:
                await worker.start()
            tasks = [asyncio.create_task(worker.work(self._over)) for worker in self._workers]
            tasks += [asyncio.create_task(each) for each in (self._fund(), self._disturb(market))]
            self.sizes["market at the start"] = Size.of(market)
            await self._end_life(service, quiet)
        while perf_counter() < quiet:
            async with xwrap.running() as service:
                await self._end_life(service, quiet)
        async with xwrap.running() as service:
            await again(client.get_status, self.done)
            self.sizes["xWrap at the start"] = Size.of(service)
            await asyncio.sleep(max(0, end - perf_counter()))
            self._over.set()
            await self._settle(tasks)
            self.heard.check_orders({oid for each in self._workers for oid in each.accepted})
            await self._compare("at the end")
            self.sizes["xWrap at the end"] = Size.of(service)
            self.sizes["market at the end"] = Size.of(market)
            self._compare_sizes()
            if code := await service.stop():
                self.heard.problems.append(f"xWrap ended with {code}")
        async with xwrap.running():
            await _ready(client)
            await self._compare("after a restart")
        await client.close()

    async def _settle(self, tasks: list[asyncio.Task[None]]) -> None:
        """Let everything come to its end, or say what does not."""
        stage = "the tasks do not end"
        try:
            async with asyncio.timeout(_SETTLE_S_MAX):
                await asyncio.gather(*tasks)
                stage = "holds can't be compared"
                await asyncio.gather(*(worker.compare_holds() for worker in self._workers))
                stage = "not all orders are told to be done"
                await asyncio.gather(*(worker.settle() for worker in self._workers))
        except TimeoutError:
            self.heard.problems.append(f"after {_SETTLE_S_MAX:g} s {stage}")
            await self._say_undone()

    async def _say_undone(self) -> None:
        """Note what everybody waits for, as the client knows it and as xWrap says."""

        async def said(asked: Awaitable[Json]) -> Json | str:
            try:
                return await asked
            except XWrapError as error:
                return error.message

        problems, client = self.heard.problems, self._client
        problems.append(f"health: {await said(client.get_health())}")
        for worker in self._workers:
            wallets = await said(client.get_wallet_set(worker.set_id))
            problems.append(f"{worker.run_id} was about to {worker.doing}, its set is {wallets}")
        for oid in sorted(set().union(*(worker.unsettled() for worker in self._workers))):
            told, is_now = self.heard.orders.get(oid), await said(client.get_order("gdax", oid))
            problems.append(f"order {oid}: told was {told}, xWrap has {is_now}")

    async def _end_life(self, service: Service, until: float) -> None:
        wait_s = self._lives.uniform(*_UP_S)
        await asyncio.sleep(max(0, min(wait_s, until - perf_counter())))
        if self._lives.random() < 0.2:
            if code := await service.stop():
                self.heard.problems.append(f"xWrap ended with {code}")
            self.done["stop"] += 1
        else:
            await service.kill()
            self.done["kill -9"] += 1

    async def _disturb(self, market: Service) -> None:
        """Cut the feed and our connection, and leave messages out, now and then."""
        chance = random.Random(f"{self.seed}-faults")
        kinds = ("feed_disconnect", "feed_gap", "server_error", "reconnect")
        async with httpx.AsyncClient(base_url=market.url("rest"), trust_env=False) as http:
            while not self._over.is_set():
                await asyncio.sleep(chance.uniform(0.5, 5))
                kind = chance.choice(kinds)
                if kind == "reconnect":
                    self._client._connection.transport.abort()  # as a network does
                else:
                    answer = await http.post("/sandbox/faults", json={"kind": kind})
                    answer.raise_for_status()
                self.done[kind] += 1
            await http.delete("/sandbox/faults")

    async def _fund(self) -> None:
        """Deposit unallocated funds, and stop the exchange for a moment, now and then."""
        chance = random.Random(f"{self.seed}-funds")
        for number in range(1, 1_000_000):
            await asyncio.sleep(chance.uniform(0.5, 3))
            if self._over.is_set():
                return
            if number % 20 == 0:
                await again(lambda: self._client.kill_switch("cancel", "gdax"), self.done)
                await again(lambda: self._client.kill_switch("off", "gdax"), self.done)
                self.done["kill switch of the exchange"] += 1
            currency = chance.choice(CURRENCIES)
            amount = Decimal(number).scaleb(-6)
            try:
                await self._client.add_virtual_wallet_tx("gdax", currency, amount)
                self._deposited[currency] += amount  # type: ignore[assignment]
            except Unavailable:  # it may have been carried out, and nobody can tell
                self._unsure.append((currency, amount))
                self.done["unavailable"] += 1
            self.done["deposit"] += 1

    async def _compare(self, when: str) -> None:
        heard, client = self.heard, self._client

        def equal(what: str, found: dict[str, Decimal], expected: dict[str, Decimal]) -> None:
            if found != expected:
                text = f"{when}, {what}: the ledger has {found}, told was {expected}"
                heard.problems.append(text)

        nothing = dict.fromkeys(CURRENCIES, Decimal(0))
        for worker in self._workers:
            wallets = await client.get_wallet_set(worker.set_id)
            moved = heard.moved(worker.set_id)
            expected = {each: worker.allocated[each] + moved[each] for each in CURRENCIES}
            equal(worker.run_id, money(wallets, "balance"), expected)
            equal(f"{worker.run_id}, available", money(wallets, "available"), expected)
            equal(f"{worker.run_id}, hold", money(wallets, "hold"), nothing)
            for set_id in worker.closed:
                closed = money(await client.get_wallet_set(set_id), "balance")
                equal(f"closed set {set_id}", closed, nothing)
        moved = heard.moved()
        sets = await client.get_all_wallet_sets()
        total = money(sets.pop("total"), "balance")
        for currency, found in total.items():
            known = self._initial[currency] + moved[currency] + self._deposited[currency]
            unsure = [amount for each, amount in self._unsure if each == currency]
            if not is_explained(found - known, unsure):
                text = f"the ledger has {found} {currency}, told was {known}"
                heard.problems.append(f"{when}, all: {text} and perhaps some of {unsure}")
        sets.pop("allocated")
        equal("sum of the sets", combined(money(each, "balance") for each in sets.values()), total)
        faults = (await client.get_health())["ledger_faults"]
        heard.problems += [f"{when}: {fault}" for fault in faults]
        if opened := await client.list_open_orders():
            heard.problems.append(f"{when}: {len(opened)} orders are open")

    def _compare_sizes(self) -> None:
        start, end = self.sizes["xWrap at the start"], self.sizes["xWrap at the end"]
        if (
            end.files - start.files > _OPEN_FILES_MAX
            or end.memory_mb - start.memory_mb > _MEMORY_MB_MAX
        ):
            self.heard.problems.append(f"xWrap grew from {start} to {end}")


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
    soak = Soak(options.minutes, options.seed)
    problems = soak.heard.problems
    try:
        asyncio.run(soak.run())
    except Exception as error:
        traceback.print_exc()
        problems.append(f"the soak itself ended with {error!r}")
    print(", ".join(f"{name} {count}" for name, count in soak.done.most_common()))
    print("; ".join(f"{when} {size}" for when, size in soak.sizes.items()))
    print("tasks of the client's process before and after: {} and {}".format(*soak.tasks))
    if problems:
        print(f"xWrap's files are in {soak.folder}")
    print("\n".join(problems) or "the ledger equals what was told")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
