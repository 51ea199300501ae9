"""Every shipped strategy on paper, all at once, and the replay of each: nothing differs."""

import asyncio
import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from exchange_wrapper.client import XWrapClient
from tests.system.processes import ROOT, Service, XWrap, simulated_market
from tests.system.test_crash import ready

# Name or file, whether it trades within seconds, options.
RUNS = (
    ("HodlStrategy", True, "--gdax-usd", "20000"),
    ("DemoStrategy", True, "--gdax-usd", "30000", "--quotes", "2", "--percent", "90"),
    ("DemoStrategy", True, "--gdax-usd", "30000", "--quotes", "3", "--percent", "50"),
    ("EchoStrategy", False, "--gdax-usd", "1000"),
    ("SmaCross", False, "--gdax-usd", "1000", "--fast", "1", "--slow", "2"),
    ("TwapExecution", True, "--gdax-usd", "9000", "--minutes", "1", "--slices", "30"),
    ("Arbitrage", True, "--gdax-usd", "50000", "--gdax-btc", "1", "--other-usd", "50000",
     "--other-btc", "1", "--cooldown-s", "0"),
    ("ComponentDemo", False, "--gdax-usd", "1000"),
    ("EfficientFrontier", True, "--gdax-usd", "50000", "--target", "weights=BTC:0.6,ETH:0.4",
     "--confirm", "false", "--interval-s", "1", "--days", "1", "--days-least", "0"),
    (str(ROOT / "tests/cryptick/restless.py"), True, "--gdax-usd", "90000", "--gdax-btc", "2",
     "--most", "0.3"),
)  # fmt: skip


class ShippedStrategies(unittest.IsolatedAsyncioTestCase):
    async def test_none_differs_from_its_replay(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        markets = [await self.enterAsyncContext(simulated_market(seed)) for seed in (7, 8)]
        xwrap = XWrap(folder, markets[0], ("BTC", "ETH", "USD"))
        self.record(xwrap, markets)
        await xwrap.init_db()
        service = await self.enterAsyncContext(xwrap.running())
        url = service.url("rpc")
        async with await XWrapClient.connect(url) as client:
            await ready(client)
            runs = await asyncio.gather(
                *(self.run_paper(url, folder / "runs", run) for run in RUNS)
            )
        for (name, trades, *_), run_id in zip(RUNS, runs, strict=True):
            with self.subTest(strategy=name):
                code, parity = await self.parity(folder / "runs", run_id)
                self.assertEqual((code, parity["first"]), (0, None))
                compared = parity["compared"]
                for what in ("inputs", "messages", "quotes", "wallet states"):
                    self.assertGreater(compared[what], 0, what)
                if trades:
                    self.assertGreater(min(compared["orders"], compared["fills"]), 0)

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

    async def parity(self, runs: Path, run_id: str) -> tuple[int | None, dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cryptick.parity", run_id, "--runs-dir", str(runs), "--json",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        self.assertEqual(json.loads((runs / run_id / "parity.json").read_bytes()), json.loads(out))
        return process.returncode, json.loads(out)


if __name__ == "__main__":
    unittest.main()
