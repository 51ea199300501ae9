"""xWrap is killed and started again under a run that goes on: nothing is lost or told twice."""

import asyncio
import json
import sys
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exchange_wrapper.client import XWrapClient
from tests.system.cryptick_server import Client, cryptick_server
from tests.system.processes import ROOT, Service, XWrap, running, simulated_market
from tests.system.test_crash import ready

FUNDS = [
    {"exchange": "gdax", "base": "USD", "balance": "90000"},
    {"exchange": "gdax", "base": "BTC", "balance": "2"},
]


@dataclass(frozen=True)
class Addresses:
    """Where xWrap is, before and after its restart."""

    rpc_url: str
    http_url: str


class Restarts(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.market = await self.enterAsyncContext(simulated_market())
        self.home = self.folder / "cryptick"
        self.home.mkdir()
        self.xwrap = XWrap(self.folder, self.market, ("BTC", "USD"))
        settings = json.loads(self.xwrap.config.read_text())
        settings["exchanges"]["gdax"]["record"] = True
        self.xwrap.config.write_text(json.dumps(settings))
        await self.xwrap.init_db()

    async def start_xwrap(self) -> Service:
        service = await self.enterAsyncContext(self.xwrap.running())
        self.addresses = Addresses(service.url("rpc"), service.url("http"))
        for name, url in (("RPC_PORT", "rpc"), ("WEB_PORT", "http")):
            self.xwrap.environment[name] = service.url(url).rpartition(":")[2]
        async with await XWrapClient.connect(self.addresses.rpc_url) as client:
            await ready(client)
        return service

    async def test_a_run_goes_on_after_a_kill_of_xwrap_and_replays_without_a_difference(
        self,
    ) -> None:
        xwrap = await self.start_xwrap()
        server, run_id = await self.start_run()
        async with await XWrapClient.connect(self.addresses.rpc_url) as client:
            await client.list_recordings()  # stores what was received: a kill loses the rest
        await xwrap.kill()
        run = await server.until(run_id, lambda run: run.get("detail"))
        self.assertIn("xWrap is away since", run["detail"])
        self.assertEqual(run["state"], "running")
        await self.start_xwrap()
        run = await server.until(run_id, lambda run: run.get("detail") is None)
        before = run["trades"]
        run = await server.until(run_id, lambda run: run["trades"] >= before + 5)
        await server.put(f"/runs/{run_id}/stop")
        run = await server.until_state(run_id, "stopped", "failed")
        self.assertEqual(run["state"], "stopped", run.get("error"))

        async with await XWrapClient.connect(self.addresses.rpc_url) as client:
            stored = await client.list_trades(run_id, limit=1000)
            self.assertFalse((await client.get_wallet_set(run["wallet_set_id"]))["active"])
        told = await self.orders_filled(server, run_id)
        self.assertEqual(told, [row["client_order_id"] for row in reversed(stored)])
        code, parity = await self.parity(run_id)
        self.assertEqual((code, parity["first"]), (0, None))
        compared = parity["compared"]
        self.assertGreater(min(compared["fills"], compared["orders decided"]), 4)
        self.assertIn("is taken from the run's record", parity["notes"][0])

    async def test_a_run_goes_on_after_a_kill_of_the_venue_and_replays_without_a_difference(
        self,
    ) -> None:
        await self.start_xwrap()
        server, run_id = await self.start_run()
        ports = [self.market.url(name).rpartition(":")[2] for name in ("rest", "ws")]
        await self.market.kill()
        async with await XWrapClient.connect(self.addresses.rpc_url) as client:
            async with asyncio.timeout(60):
                while (await client.get_exchanges())[0]["status"] == "ready":  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            await self.enterAsyncContext(
                running(
                    "exchange_wrapper.sandbox", "simulate", "--seed", "8", "--rest-port", ports[0],
                    "--ws-port", ports[1], ready="sandbox ready",
                )
            )  # fmt: skip
            await ready(client)
        before = (await server.get(f"/runs/{run_id}"))["trades"]
        await server.until(run_id, lambda run: run["trades"] >= before + 5)
        await server.put(f"/runs/{run_id}/stop")
        run = await server.until_state(run_id, "stopped", "failed")
        self.assertEqual(run["state"], "stopped", run.get("error"))
        code, parity = await self.parity(run_id)
        self.assertEqual((code, parity["first"], parity["notes"]), (0, None, []))
        self.assertGreater(parity["compared"]["fills"], 9)

    async def start_run(self) -> tuple[Client, str]:
        """Start the server and a run, and wait until it has traded."""
        server = await self.enterAsyncContext(
            cryptick_server(self.addresses, self.home)  # type: ignore[arg-type]
        )
        (self.home / "strategies/restless.py").write_text(
            (ROOT / "tests/cryptick/restless.py").read_text()
        )
        run_id = await server.start("Restless", balances=FUNDS, params={"most": "0.3"})
        await server.until(run_id, lambda run: (run.get("trades") or 0) >= 5)
        return server, run_id

    async def orders_filled(self, server: Client, run_id: str) -> list[str]:
        page = await server.get(f"/runs/{run_id}/trades", limit="10000")
        return [row[page["columns"].index("client_oid")] for row in page["rows"]]

    async def parity(self, run_id: str) -> tuple[int | None, dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cryptick.parity", run_id, "--runs-dir",
            str(self.home / "runs"), "--json", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode, json.loads(out)


if __name__ == "__main__":
    unittest.main()
