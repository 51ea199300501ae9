"""Every shipped strategy on paper, all at once, and the replay of each: nothing differs."""

import asyncio
import json
import sys
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptick import parity, xwrap_interface, xwrap_link
from cryptick.messages import FILL, Message
from cryptick.past_runs import PastRun
from cryptick.request import RunRequest, make_params_from_json
from cryptick.runner import claim, connect, run_on_xwrap
from cryptick.strategy import find_strategy
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.service import engine
from exchange_wrapper.service.server import serve
from tests.exchange_wrapper.fake_exchange import settings
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


class OnBars(unittest.IsolatedAsyncioTestCase):
    """Strategies that trade on bars, on a service whose candles last a second."""

    async def test_none_differs_from_its_replay(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for module, name, value in (
            (engine, "_CANDLE_FREQ_S", 1),
            (xwrap_interface, "BAR_FREQ_S", 1),
            (xwrap_link, "_FREQ", "1s"),
        ):
            self.enterContext(patch.object(module, name, value))
        market = await self.enterAsyncContext(simulated_market())
        described = {
            "class": "exchange_wrapper.exchange.gdax.GDAXExchange",
            "rest_url": market.url("rest"), "ws_url": market.url("ws"),
            "record": True, "history_days": 0,
        }  # fmt: skip
        xwrap = await self.enterAsyncContext(serve(settings(folder, **described)))
        runs = (("SmaCross", {"fast": 1, "slow": 2}), ("ComponentDemo", {"bars": 1}))
        ids = await asyncio.gather(
            *(self.trade(xwrap.rpc_url, folder, name, params) for name, params in runs)
        )
        for run_id in ids:
            with self.subTest(run_id):
                run = PastRun.open(folder, run_id)
                found = await asyncio.to_thread(
                    parity.check,
                    run,
                    lambda header, end: parity.xwrap_market(xwrap.rpc_url, header, end),
                )
                self.assertIsNone(found.first)
                self.assertGreater(min(found.compared["fills"], found.compared["orders"]), 1)

    async def trade(self, url: str, folder: Path, name: str, params: dict[str, int]) -> str:
        """Run until it has traded twice, and return its id."""
        strategy, stop, fills = find_strategy(name), asyncio.Event(), []

        def filled(message: Message) -> None:
            fills.append(message)
            if len(fills) > 1:
                stop.set()

        balances = {"fake": {"USD": Decimal(1000)}}
        given = make_params_from_json(strategy, params)
        request = RunRequest(strategy, given, "paper", balances)
        async with asyncio.timeout(120), await connect(url, name, 10) as client:
            await run_on_xwrap(
                request,
                client,
                lambda: claim(request, folder),
                stop,
                lambda line: None,
                attach=lambda handle: handle.run.hub.on(FILL, filled),
            )
        return f"{name.lower()}_0"


if __name__ == "__main__":
    unittest.main()
