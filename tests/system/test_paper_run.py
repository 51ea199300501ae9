"""A strategy from the command line, on paper, against a market that is recorded beside it."""

import asyncio
import csv
import json
import sys
import tempfile
import time
import unittest
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from websockets.asyncio.client import connect

from exchange_wrapper.client import XWrapClient
from exchange_wrapper.times import SECOND, from_iso
from tests.system.processes import ROOT, XWrap, simulated_market

PRODUCT = "BTC-USD"
# The recorder and xWrap hear the same message at times that differ by this at most.
APART_NS = SECOND

Level = tuple[str, Decimal]  # side as on the wire ("buy" for a bid), price


@dataclass
class Recording:
    """What the venue offered: the sizes of each level, each with the time from which it held."""

    started: asyncio.Event = field(default_factory=asyncio.Event)
    sizes: dict[Level, list[tuple[int, Decimal]]] = field(default_factory=dict)

    async def run(self, url: str) -> None:
        """Record until cancelled."""
        async with connect(url, max_size=None, compression=None) as feed:
            channels = {"channels": ["level2_batch"], "product_ids": [PRODUCT]}
            await feed.send(json.dumps({"type": "subscribe"} | channels))
            async for text in feed:
                now, message = time.time_ns(), json.loads(text)
                if message["type"] == "snapshot":
                    for side, levels in (("buy", message["bids"]), ("sell", message["asks"])):
                        for price, size in levels:
                            self._note(side, price, size, now)
                    self.started.set()
                elif message["type"] == "l2update":
                    for side, price, size in message["changes"]:
                        self._note(side, price, size, now)

    def offered(self, side: str, price: Decimal, at: int) -> Decimal:
        """Return the largest size that a level had around a moment."""
        largest = before = Decimal(0)
        for since, size in self.sizes.get((side, price), ()):
            if since > at + APART_NS:
                break
            if since < at - APART_NS:
                before = size
            else:
                largest = max(largest, size)
        return max(largest, before)

    def _note(self, side: str, price: str, size: str, now: int) -> None:
        self.sizes.setdefault((side, Decimal(price)), []).append((now, Decimal(size)))


def rows(path: Path) -> list[dict[str, str]]:
    """Return a table's rows by column name."""
    with path.open(newline="") as table:
        return list(csv.DictReader(table))


class PaperRun(unittest.IsolatedAsyncioTestCase):
    async def test_every_fill_was_offered_and_the_wallets_balance_to_the_last_digit(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        market = await self.enterAsyncContext(simulated_market())
        xwrap = XWrap(folder, market, ("BTC", "USD"))
        await xwrap.init_db()
        service = await self.enterAsyncContext(xwrap.running())

        recording = Recording()
        recorder = asyncio.create_task(recording.run(market.url("ws")))
        await recording.started.wait()
        run = await self.run_demo(service.url("rpc"), folder / "runs")
        recorder.cancel()

        trades = rows(run / "trades.csv")
        self.assertGreaterEqual(len(rows(run / "orders.csv")), 4)
        self.assert_offered(recording, trades)

        client = await XWrapClient.connect(service.url("rpc"))
        stored = await client.list_trades(json.loads((run / "run.json").read_text())["run_id"])
        self.assertEqual(
            [(t["exec_price"], t["exec_amount"], t["fee"]) for t in reversed(stored)],
            [(t["price"], t["size"], t["fee"]) for t in trades],
        )

        # What the run began with, plus its trades, is what it gave back.
        base, quote = Decimal(0), Decimal(0)
        for trade in trades:
            size, price = Decimal(trade["size"]), Decimal(trade["price"])
            sign = 1 if trade["side"] == "buy" else -1
            base += sign * size
            quote -= sign * size * price + Decimal(trade["fee"])
        wallets = {w["currency"]: w for w in (await client.get_unallocated_wallet_set())["wallets"]}
        self.assertEqual(Decimal(wallets["BTC"]["balance"]), 100 + base)
        self.assertEqual(Decimal(wallets["USD"]["balance"]), 1_000_000 + quote)
        self.assertEqual({w["hold"] for w in wallets.values()}, {"0"})
        total = {w["currency"]: w for w in (await client.get_total_wallet_set())["wallets"]}
        for currency, wallet in wallets.items():
            self.assertEqual(total[currency]["balance"], wallet["balance"])
        self.assertEqual(await client.list_open_orders(), [])
        await client.close()

    async def run_demo(self, url: str, runs: Path) -> Path:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cryptick.run", "DemoStrategy", "-m", "paper",
            "--gdax-usd", "10000", "--quotes", "3", "--percent", "90", "--for", "10s",
            "--xwrap", url, "--runs-dir", str(runs), cwd=ROOT, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(60):
            self.assertEqual(await process.wait(), 0)
        return runs / "demostrategy_0"

    def assert_offered(self, recording: Recording, trades: list[dict[str, str]]) -> None:
        for trade in trades:
            with self.subTest(trade=trade):
                side = "sell" if trade["side"] == "buy" else "buy"
                at = from_iso(trade["time"])
                offered = recording.offered(side, Decimal(trade["price"]), at)
                self.assertLessEqual(Decimal(trade["size"]), offered)
