"""``make run``, as a newcomer starts it."""

import asyncio
import csv
import json
import socket
import sys
import tempfile
import unittest
from pathlib import Path

from devops.launch import pages_of
from tests.system.processes import ROOT

PORTS = (4200, 4242, 4280, 4281, 5726, 8200)
HEALTHY = ("market    healthy", "xWrap     healthy", "Cryptick  healthy", "run       healthy")


def ports_are_free() -> bool:
    """Tell whether the platform's own ports can be bound."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


@unittest.skipUnless(ports_are_free(), "the platform's ports are in use: is it running?")
class Launch(unittest.IsolatedAsyncioTestCase):
    async def test_all_parts_become_healthy_trade_and_end_cleanly(self) -> None:
        data = Path(self.enterContext(tempfile.TemporaryDirectory()))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "devops.launch", "--data", str(data),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        printed = ""
        try:
            async with asyncio.timeout(60):
                while not all(part in printed for part in (*HEALTHY, "bought", "Ctrl-C")):
                    line = (await process.stdout.readline()).decode()
                    self.assertTrue(line, printed)
                    printed += line
                process.terminate()
                printed += (await process.stdout.read()).decode()
                self.assertEqual(await process.wait(), 0, printed)
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

        self.assertIn("final equity", printed)
        run = data / "runs/hodlstrategy_0"
        self.assertEqual(json.loads((run / "run.json").read_text())["state"], "stopped")
        with (run / "trades.csv").open(newline="") as trades:
            self.assertGreaterEqual(len(list(csv.DictReader(trades))), 1)
        self.assertTrue(ports_are_free())


class Pages(unittest.TestCase):
    def test_one_is_for_live_trading_and_one_for_all_else(self) -> None:
        paper, live = "http://127.0.0.1:8200", "http://127.0.0.1:8201"
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for modes, expected in (
            (["paper"], [paper]),
            (["live"], [live]),
            (["paper", "live"], [paper, live]),
            ([], [paper]),
        ):
            with self.subTest(modes):
                config = folder / "settings.json"
                exchanges = {f"venue{n}": {"mode": mode} for n, mode in enumerate(modes)}
                config.write_text(json.dumps({"exchanges": exchanges}))
                self.assertEqual(pages_of(config), expected)
