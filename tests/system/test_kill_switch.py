"""The kill switch as an operator uses it: from the command line, while orders are open."""

import asyncio
import json
import sys
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any

from exchange_wrapper.client import XWrapClient
from tests.system.processes import ROOT, XWrap, simulated_market
from tests.system.test_crash import ready

ORDERS = 200


class KillSwitch(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        market = await self.enterAsyncContext(simulated_market())
        self.xwrap = XWrap(Path(folder), market, ("BTC", "USD"))
        await self.xwrap.init_db()

    async def test_it_cancels_200_open_orders_and_refuses_new_ones_until_released(self) -> None:
        async with self.xwrap.running() as service:
            url = service.url("rpc")
            client = await ready(await XWrapClient.connect(url))
            funds = [("gdax", "USD", "100000")]
            wallet_set = await client.create_wallet_set("stopped", funds)
            answers = [await self.bid(client, wallet_set, n) for n in range(ORDERS)]
            self.assertEqual({status for status, _ in answers}, {"accepted"})

            answer = await self.kill(url, "cancel")
            self.assertEqual((answer["level"], answer["cancelling"]), ("cancel", ORDERS))
            await self.until_none_is_open(client)
            (wallet,) = (await client.get_wallet_set(wallet_set))["wallets"][:1]
            self.assertEqual((wallet["available"], wallet["hold"]), ("100000", "0"))
            status, message = await self.bid(client, wallet_set, ORDERS)
            self.assertEqual(status, "rejected")
            self.assertIn("kill switch", message)

            await service.kill()

        async with self.xwrap.running() as service:
            url = service.url("rpc")
            client = await ready(await XWrapClient.connect(url))
            status, _ = await self.bid(client, wallet_set, ORDERS + 1)
            self.assertEqual(status, "rejected")
            await self.kill(url, "off")
            status, _ = await self.bid(client, wallet_set, ORDERS + 2)
            self.assertEqual(status, "accepted")

    async def test_flatten_sells_what_the_runs_hold(self) -> None:
        async with self.xwrap.running() as service:
            url = service.url("rpc")
            client = await ready(await XWrapClient.connect(url))
            funds = [("gdax", "BTC", "0.02")]
            wallet_set = await client.create_wallet_set("flat", funds)
            await self.kill(url, "flatten")
            async with asyncio.timeout(20):
                while True:
                    wallets = {
                        wallet["currency"]: Decimal(wallet["balance"])
                        for wallet in (await client.get_wallet_set(wallet_set))["wallets"]
                    }
                    if not wallets["BTC"]:
                        break
                    await asyncio.sleep(0)
            self.assertGreater(wallets["USD"], 100)
            self.assertEqual(await client.list_open_orders(), [])

    async def test_it_works_when_xwrap_does_not_answer(self) -> None:
        answer = await self.kill("ws://127.0.0.1:9", "stop")
        self.assertTrue(answer["at_next_start"])
        async with self.xwrap.running() as service:
            client = await ready(await XWrapClient.connect(service.url("rpc")))
            control = await client.get_control()
            self.assertEqual(control["kill_switch"], [{"scope": None, "level": "stop"}])

    async def until_none_is_open(self, client: XWrapClient) -> None:
        async with asyncio.timeout(20):
            while True:
                if not await client.list_open_orders():
                    return
                await asyncio.sleep(0)

    async def bid(self, client: XWrapClient, wallet_set: int, number: int) -> tuple[str, str]:
        return await client.make_order(
            run_id="stopped",
            exchange="gdax",
            client_oid=f"bid-{number}",
            type="limit",
            pair="BTC_USD",
            side="buy",
            size="0.001",
            limit="1000",
            wallet_set_id=wallet_set,
        )

    async def kill(self, url: str, level: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "exchange_wrapper.service", "kill", level, "--json",
            "--url", url, "--db", self.xwrap.environment["SQLITE_DB"],
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        answer, _ = await process.communicate()
        self.assertEqual(process.returncode, 0)
        return json.loads(answer)
