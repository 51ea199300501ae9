"""A run in mode live, started by the Cryptick server: real orders at a venue with made-up money."""

import asyncio
import json
import sys
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path

import httpx

from exchange_wrapper.client import XWrapClient
from exchange_wrapper.users.local_token import token_for
from tests.system.cryptick_server import Client
from tests.system.live_sandbox import LiveXWrap, live_sandbox, until
from tests.system.processes import ROOT, running
from tests.system.test_crash import ready


class Live(unittest.IsolatedAsyncioTestCase):
    async def test_it_trades_at_the_venue_once_that_was_confirmed(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        venue = await self.enterAsyncContext(live_sandbox(folder))
        xwrap = LiveXWrap(folder, venue.service)
        await xwrap.init_db()
        service = await self.enterAsyncContext(xwrap.running())
        client = await ready(await XWrapClient.connect(service.url("rpc")))
        self.addAsyncCleanup(client.close)

        async def funded() -> bool:
            told = await client.get_total_wallet_set()
            return any(Decimal(wallet["balance"]) for wallet in told["wallets"])

        await until(funded)
        config = folder / "server.json"
        about = {
            "port": 0,
            "runs": str(folder / "runs"),
            "xwrap": service.url("rpc"),
            "xwrap_http": service.url("http"),
        }
        config.write_text(json.dumps({"cryptick": about}))
        process = await self.enterAsyncContext(
            running("cryptick.server", "--config", str(config), ready="Cryptick ready")
        )
        url = process.url("http")
        http = await self.enterAsyncContext(
            httpx.AsyncClient(
                base_url=url,
                headers={"Authorization": f"Bearer {token_for(url)}"},
                trust_env=False,
                timeout=60,
            )
        )
        server = Client(process, http)
        money = [{"exchange": "gdax", "base": "USD", "balance": "1000"}]
        for mode, more, status in (("live", {}, 403), ("paper", {}, 400)):
            body = {"mode": mode, "balances": money, **more}
            answer = await http.put("/runnables/HodlStrategy/start", json=body)
            self.assertEqual(answer.status_code, status, answer.text)
        before = (await venue.funds())["BTC"][0]
        run_id = await server.start("HodlStrategy", "live", balances=money, confirm=True)
        await server.until(run_id, lambda run: run.get("trades") or run["state"] == "failed")
        await server.put(f"/runs/{run_id}/stop")
        run = await server.until_state(run_id, "stopped", "failed")
        self.assertEqual((run["state"], run["mode"]), ("stopped", "live"), run.get("error"))
        trades = await server.get(f"/runs/{run_id}/trades")
        size = trades["columns"].index("size")
        bought = sum(Decimal(row[size]) for row in trades["rows"])
        self.assertGreater(bought, 0)
        self.assertEqual((await venue.funds())["BTC"][0] - before, bought)
        report = await server.get(f"/runs/{run_id}/report")
        self.assertEqual(report["fill_model"], "the exchange itself")
        await self.replays(folder / "runs", run_id)

    async def replays(self, runs: Path, run_id: str) -> None:
        """Check that the strategy decides the same once more on what the exchange answered."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cryptick.parity", run_id, "--runs-dir", str(runs), "--json",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        parity = json.loads(out)
        self.assertEqual((process.returncode, parity["first"]), (0, None))
        self.assertGreater(parity["compared"]["orders decided"], 0)
        self.assertGreater(parity["compared"]["messages"], 2)
        self.assertIn("gdax is live: its answers are taken from the run's record", parity["notes"])
