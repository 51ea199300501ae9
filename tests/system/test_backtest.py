"""A backtest on the history that a running xWrap has fetched from its exchange."""

import asyncio
import json
import sys
import tempfile
import unittest
from pathlib import Path

from exchange_wrapper.client import XWrapClient
from tests.system.processes import ROOT, XWrap, simulated_market
from tests.system.test_crash import ready


class Backtest(unittest.IsolatedAsyncioTestCase):
    async def test_it_charges_what_the_exchange_charges_on_paper(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        market = await self.enterAsyncContext(simulated_market())
        xwrap = XWrap(folder, market, ("BTC", "USD"))
        await xwrap.init_db()
        service = await self.enterAsyncContext(xwrap.running())
        async with await XWrapClient.connect(service.url("rpc")) as client:
            await ready(client)
            await self.history_is_there(client)

        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cryptick.run", "HodlStrategy", "-m", "backtest", "--json",
            "--gdax-usd", "10000", "--xwrap", service.url("rpc"),
            "--runs-dir", str(folder / "runs"),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        answer, _ = await process.communicate()
        self.assertEqual(process.returncode, 0)
        summary = json.loads(answer)
        self.assertEqual(summary["trades"], 1)
        (fees,) = summary["fees"]
        self.assertEqual((fees["maker"], fees["taker"]), ("0.004", "0.006"))

    async def history_is_there(self, client: XWrapClient) -> None:
        async with asyncio.timeout(30):
            while True:
                if any(series["rows"] > 200 for series in await client.list_ohlcv()):
                    return
                await asyncio.sleep(0)
