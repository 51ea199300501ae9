"""The candle commands and a backtest on an InfluxDB instead of a file."""

import asyncio
import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from tests.exchange_wrapper.storage.influx_server import InfluxServer
from tests.system.processes import ROOT, XWrap, simulated_market

HOUR = 3600
START = 1_522_540_800  # 2018-04-01


class CandlesInInflux(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        server = InfluxServer()
        self.addCleanup(server.stop)
        self.store = server.dsn("candles")

    async def test_are_imported_listed_exported_backfilled_and_tested_on(self) -> None:
        file = self.folder / "BTC_USD.csv"
        rows = [
            f"{START + number * HOUR},{100 + number},{103 + number},{99 + number},{101 + number},2"
            for number in range(240)
        ]
        file.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]) + "\n")
        series = ("--exchange", "gdax", "--pair", "BTC_USD", "--freq", "1h")
        imported = await self.service("import_ohlcv", *series, str(file))
        self.assertEqual(imported["new"], 240)
        exported = self.folder / "exported.csv"
        await self.service("export_ohlcv", *series, str(exported))
        again = await self.service("import_ohlcv", *series, str(exported))
        self.assertEqual((again["new"], again["same"]), (0, 240))

        summaries = []
        file_store = self.folder / "series.db"
        await self.service("import_ohlcv", *series, str(file), store=str(file_store))
        for place in (self.store, str(file_store)):
            summaries.append(await self.backtest(place))
        for summary in summaries:
            self.assertEqual(summary["events"], {"bars of 1h": 240})
        self.assertEqual(*(self.outcome(summary) for summary in summaries))

        async with simulated_market() as market:
            xwrap = XWrap(self.folder, market, ("BTC", "USD"))
            config = ("--config", str(xwrap.config), "--days", "1")
            filled = await self.service("backfill", *config, environment=xwrap.environment)
        (exchange,) = filled["exchanges"]
        self.assertGreater(exchange["pairs"]["BTC_USD"]["rows"], 200)
        listed = await self.service("list_ohlcv")
        self.assertEqual([each["freq"] for each in listed], ["5m", "1h"])

    def outcome(self, summary: Any) -> Any:
        return [summary[name] for name in ("trades", "fees_paid", "wallets", "final_equity")]

    async def backtest(self, store: str) -> Any:
        return await self.run_json(
            "cryptick.run", "HodlStrategy", "-m", "backtest", "--gdax-usd", "10000",
            "--store", store, "--runs-dir", str(self.folder / "runs"),
        )  # fmt: skip

    async def service(
        self, *words: str, store: str = "", environment: dict[str, str] | None = None
    ) -> Any:
        command = ("exchange_wrapper.service", *words, "--store", store or self.store)
        return await self.run_json(*command, environment=environment)

    async def run_json(self, *command: str, environment: dict[str, str] | None = None) -> Any:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-m", *command, "--json",
            cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        answer, _ = await process.communicate()
        self.assertEqual(process.returncode, 0, command)
        return json.loads(answer)
