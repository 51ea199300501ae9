"""Every shipped strategy on paper, several at once, and the replay of each: nothing differs."""

import asyncio
import json
import sys
import tempfile
import unittest
from pathlib import Path

from exchange_wrapper.client import XWrapClient
from tests.system.processes import ROOT, Service, XWrap, simulated_market
from tests.system.test_crash import ready

# One line each: name, whether its orders and fills are to be at least one, options.
RUNS = (
    ("HodlStrategy", True, "--gdax-usd", "20000"),
    ("DemoStrategy", True, "--gdax-usd", "30000", "--quotes", "2", "--percent", "90"),
    ("DemoStrategy", True, "--gdax-usd", "30000", "--quotes", "3", "--percent", "50"),
    ("EchoStrategy", False, "--gdax-usd", "1000"),
    ("SmaCross", False, "--gdax-usd", "1000", "--fast", "1", "--slow", "2"),
    ("TwapExecution", True, "--gdax-usd", "90000", "--minutes", "1", "--slices", "30", "--size", "6"),
    ("Arbitrage", True, "--gdax-usd", "50000", "--gdax-btc", "1", "--other-usd", "50000",
     "--other-btc", "1", "--cooldown-s", "0"),
    ("ComponentDemo", False, "--gdax-usd", "1000"),
)  # fmt: skip


class ShippedStrategies(unittest.IsolatedAsyncioTestCase):
    async def test_none_differs_from_its_replay(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        markets = [await self.enterAsyncContext(simulated_market(seed)) for seed in (7, 8)]
        xwrap = XWrap(folder, markets[0], ("BTC", "USD"))
        self.record(xwrap, markets)
        await xwrap.init_db()
        service = await self.enterAsyncContext(xwrap.running())
        url = service.url("rpc")
        async with await XWrapClient.connect(url) as client:
            await ready(client)
            answers = await asyncio.gather(
                *(self.run_paper(url, folder / "runs", run) for run in RUNS)
            )
        for number, (name, trades, *_), directory in zip(
            range(len(RUNS)), RUNS, answers, strict=True
        ):
            with self.subTest(strategy=name, number=number):
                code, parity = await self.parity(url, folder / "runs", directory)
                self.assertEqual((code, parity["first"]), (0, None))
                compared = parity["compared"]
                self.assertGreater(compared["inputs"], 10)
                if trades:
                    self.assertGreater(min(compared["orders"], compared["fills"]), 0)
                print(name, compared, parity["notes"][:1])

    def record(self, xwrap: XWrap, markets: list[Service]) -> None:
        settings = json.loads(xwrap.config.read_text())
        one = settings["exchanges"]["gdax"] | {"record": True}
        other = one | {"rest_url": markets[1].url("rest"), "ws_url": markets[1].url("ws")}
        settings["exchanges"] = {"gdax": one, "other": other}
        xwrap.config.write_text(json.dumps(settings))

    async def run_paper(self, url: str, runs: Path, run: tuple[str | bool, ...]) -> str:
        name, _, *options = map(str, run)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cryptick.run", name, "-m", "paper", "--for", "10s", "--json",
            "--xwrap", url, "--runs-dir", str(runs), *options,
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, said = await process.communicate()
        self.assertEqual(process.returncode, 0, said.decode())
        run_id: str = json.loads(out)["run_id"]
        return run_id

    async def parity(self, url: str, runs: Path, run_id: str) -> tuple[int | None, dict]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cryptick.parity", run_id, "--runs-dir", str(runs), "--json",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode, json.loads(out)
