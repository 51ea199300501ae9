"""xWrap is killed without warning and started again on its files."""

import asyncio
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any

from exchange_wrapper.client import XWrapClient
from exchange_wrapper.errors import Unavailable
from exchange_wrapper.users.service import Users
from tests.system.processes import XWrap, simulated_market

Json = dict[str, Any]

WALLETS = [("gdax", "USD", "20000"), ("gdax", "BTC", "1")]
FUNDS = ("balance", "available", "hold")


async def ready(client: XWrapClient) -> XWrapClient:
    """Return the client once the exchange's books are live."""
    live = asyncio.Event()
    client.on("exchstatus", lambda change: live.set() if change["to"] == "ready" else None)
    exchange, *_ = await client.get_exchanges()
    if exchange["status"] != "ready":
        async with asyncio.timeout(30):
            await live.wait()
    return client


def money(wallet_set: Json) -> dict[str, tuple[str, ...]]:
    """Return balance, available and hold by currency."""
    return {
        wallet["currency"]: tuple(wallet[field] for field in FUNDS)
        for wallet in wallet_set["wallets"]
    }


class Killed(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        market = await self.enterAsyncContext(simulated_market())
        self.xwrap = XWrap(Path(folder), market, ("BTC", "ETH", "USD"))
        await self.xwrap.init_db()

    async def test_open_orders_and_holds_are_as_they_were(self) -> None:
        async with self.xwrap.running() as service:
            client = await ready(await XWrapClient.connect(service.url("rpc")))
            wallet_set = await client.create_wallet_set("crash", WALLETS)
            filled = asyncio.Event()
            client.on("order", lambda order: filled.set() if order["status"] == "done" else None)
            bought = {"type": "market", "side": "buy", "size": "0.01", "funds": "2000"}
            await self.order(client, wallet_set, "bought", **bought)
            async with asyncio.timeout(10):
                await filled.wait()
            await self.order(client, wallet_set, "bid", side="buy", size="0.1", limit="1000.01")
            await self.order(client, wallet_set, "ask", side="sell", size="0.25", limit="999999")
            opened = await self.opened(client, 2)
            before = money(await client.get_wallet_set(wallet_set))
            total = money(await client.get_total_wallet_set())
            trades = await client.list_trades("crash")
            await service.kill()

        async with self.xwrap.running() as service:
            # The service audits the ledger before it listens, and would not have started.
            client = await ready(await XWrapClient.connect(service.url("rpc")))
            for before_it, after_it in zip(opened, await self.opened(client, 2), strict=True):
                (window,) = after_it["offline"]
                self.assertGreaterEqual(window["from"], before_it["last_updated_at"])
                self.assertEqual(window["to"], after_it["last_updated_at"])
                same = {key: before_it[key] for key in ("offline", "last_updated_at")}
                self.assertEqual(after_it | same, before_it)
            self.assertEqual(money(await client.get_wallet_set(wallet_set)), before)
            self.assertEqual(money(await client.get_total_wallet_set()), total)
            self.assertEqual(before["BTC"][2], "0.25")
            self.assertGreater(Decimal(before["USD"][2]), Decimal("100.001"))

            # Asked for again, the order of before the crash is found and not made twice.
            await self.order(client, wallet_set, "bought", **bought)
            self.assertEqual(len(await client.list_trades("crash")), len(trades))

            for order in opened:
                await client.cancel_order("gdax", order["client_order_id"])
            await self.opened(client, 0)
            for currency, (balance, available, hold) in money(
                await client.get_wallet_set(wallet_set)
            ).items():
                self.assertEqual((available, hold), (balance, "0"), currency)
            self.assertEqual(await service.stop(), 0)

    async def test_what_was_acknowledged_is_there_however_busy_it_was(self) -> None:
        acknowledged: list[str] = []
        async with self.xwrap.running() as service:
            client = await ready(await XWrapClient.connect(service.url("rpc")))
            wallet_set = await client.create_wallet_set("busy", WALLETS)

            async def trade(worker: int) -> None:
                for number in range(10_000):
                    oid = f"{worker}-{number}"
                    side, limit = ("buy", "1000.01") if number % 2 else ("buy", "999000")
                    await self.order(
                        client, wallet_set, oid, side=side, limit=limit, size="0.001", run_id="busy"
                    )
                    acknowledged.append(oid)
                    if len(acknowledged) == 100:
                        await service.kill()

            trading = [asyncio.create_task(trade(worker)) for worker in range(8)]
            for ended in await asyncio.gather(*trading, return_exceptions=True):
                self.assertIsInstance(ended, Unavailable)

        async with self.xwrap.running() as service:
            client = await ready(await XWrapClient.connect(service.url("rpc")))
            for oid in acknowledged:
                self.assertEqual((await client.get_order("gdax", oid))["run_id"], "busy")
            held = sum(
                (
                    Decimal(order["size"]) * Decimal(order["limit"]) * Decimal("1.006")
                    for order in await client.list_open_orders()
                    if Decimal(order["limit"]) < 2000
                ),
                Decimal(0),
            )
            self.assertGreaterEqual(
                Decimal(money(await client.get_wallet_set(wallet_set))["USD"][2]), held
            )
            self.assertEqual(await service.stop(), 0)

    async def test_a_change_that_was_acknowledged_is_in_the_audit_log(self) -> None:
        for number in range(3):
            async with self.xwrap.running() as service:
                client = await ready(await XWrapClient.connect(service.url("rpc")))
                set_id = await client.create_wallet_set(f"audited-{number}", WALLETS)
                await client.allocate_to_wallet_set(set_id, "gdax", "USD", str(number + 1))
                await client.kill_switch("stop", str(set_id))
                await service.kill()
        with Users(Path(self.xwrap.environment["SQLITE_DB"])) as users:
            recorded = [
                (row["method"], row["outcome"])
                for row in reversed(users.read_audit())
                if row["address"]
            ]
        methods = ("create_wallet_set", "allocate_to_wallet_set", "kill_switch")
        self.assertEqual(recorded, [(method, "ok") for method in methods] * 3)

    async def order(
        self, client: XWrapClient, wallet_set: int, oid: str, *, run_id: str = "crash", **order: str
    ) -> None:
        given = {"type": "limit", "pair": "BTC_USD", "exchange": "gdax"} | order
        status, message = await client.make_order(
            run_id=run_id, client_oid=oid, wallet_set_id=wallet_set, **given
        )  # type: ignore[arg-type]
        self.assertEqual((status, oid), ("accepted", oid), message)

    async def opened(self, client: XWrapClient, count: int) -> list[Json]:
        """Return the open orders as soon as there are so many, all of them at the venue."""
        async with asyncio.timeout(10):
            while True:
                orders = await client.list_open_orders()
                if len(orders) == count and all(order["status"] == "open" for order in orders):
                    return orders
                await asyncio.sleep(0)
