"""Sweeps by real processes: killed and resumed, and on a Dask cluster with two workers."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any

from exchange_wrapper.candles import Instrument
from exchange_wrapper.storage.embedded import EmbeddedStore
from tests.cryptick.candles import Row, bars

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 120
PRICES = [100 + 10 * ((n // 40) % 2) + (n * 7) % 5 + n // 100 for n in range(3_000)]
ROWS: list[Row] = [(str(p), str(p + 1), str(p - 1), str(p)) for p in PRICES]
GATED = '''
import time
from pathlib import Path
from cryptick.strategy.sma_cross import SmaCross

GATE = Path({gate!r})

class Gated(SmaCross):
    """Do not begin with the longer averages before the gate is open."""

    def on_start(self):
        super().on_start()
        while self.params.fast > 15 and not GATE.exists():
            time.sleep(0.01)
'''


class Sweeps(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        cls.store = str(cls.root / "candles.db")
        with EmbeddedStore(cls.store) as store:
            store.write("x", "BTC_USD", bars(ROWS))
            store.put_instrument(Instrument("x", "BTC_USD", Decimal("0.01"), Decimal("0.0001")))
        cls.gate = cls.root / "gate"
        (cls.root / "gated.py").write_text(GATED.format(gate=str(cls.gate)))

    def command(self, *words: str) -> list[str]:
        sweeps = str(self.root / "sweeps")
        return [sys.executable, "-m", "cryptick.sweep", "--sweeps-dir", sweeps, "--json", *words]

    def begin(self) -> tuple[str, ...]:
        grids = ("--grid", "fast=5:30:5", "--grid", "slow=40,60")
        money = ("--x-usd", "1000", "--store", self.store)
        return (f"{self.root}/gated.py:Gated", *money, *grids, "--splits", "3")

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, cwd=ROOT, **{**pipes, **options})
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.communicate(timeout=TIMEOUT_S)

    def finish(self, *words: str) -> dict[str, Any]:
        process = self.start(self.command(*words))
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0, err)
        found: dict[str, Any] = json.loads(out)
        return {name: found[name] for name in ("points", "choices", "walk_forward", "trials")}

    def wait_for_results(self, sweep_id: str, number: int, process: Any) -> Path:
        path = self.root / "sweeps" / sweep_id / "results.jsonl"
        deadline = time.monotonic() + TIMEOUT_S
        while not path.exists() or path.read_bytes().count(b"\n") < number:
            self.assertIsNone(process.poll(), "the sweep ended too early")
            self.assertLess(time.monotonic(), deadline, "no results came")
            time.sleep(0.02)
        return path


class Ended(Sweeps):
    def test_a_sweep_that_is_stopped_or_killed_goes_on_to_the_same_results(self) -> None:
        self.gate.touch()
        whole = self.finish(*self.begin(), "--workers", "2")
        for number, sent in ((1, signal.SIGINT), (2, signal.SIGKILL)):
            with self.subTest(signal=sent.name):
                self.gate.unlink()
                process = self.start(
                    self.command(*self.begin(), "--workers", "2"), start_new_session=True
                )
                path = self.wait_for_results(f"gated_{number}", 3, process)
                if sent is signal.SIGINT:
                    os.killpg(process.pid, sent)  # as a terminal does
                else:
                    process.send_signal(sent)
                _, err = process.communicate(timeout=TIMEOUT_S)  # pipes close when workers end
                if sent is signal.SIGINT:
                    self.assertEqual(process.returncode, 130)
                    self.assertIn(f"go on with --resume gated_{number}".encode(), err)
                    self.assertNotIn(b"Traceback", err)
                self.gate.touch()
                kept = path.read_bytes()
                kept = kept[: kept.rfind(b"\n") + 1]
                self.assertLess(kept.count(b"\n"), whole["trials"])
                self.assertEqual(self.finish("--resume", f"gated_{number}"), whole)
                self.assertTrue(path.read_bytes().startswith(kept))


class Cluster(Sweeps):
    def dask(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        local = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--no-dashboard")
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *local, *words]
        return self.start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_a_dask_cluster_gives_the_same_results_while_workers_come_and_go(self) -> None:
        file = self.root / "scheduler.json"
        scheduler = self.dask("scheduler", "--port", "0", "--scheduler-file", str(file))
        deadline = time.monotonic() + TIMEOUT_S
        while not file.exists() or not file.read_bytes().endswith(b"}"):
            self.assertIsNone(scheduler.poll())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        address = json.loads(file.read_bytes())["address"]
        small = ("--local-directory", str(self.root), "--nthreads", "1", "--no-nanny")

        def worker() -> subprocess.Popen[bytes]:
            return self.dask("worker", address, *small)

        first = worker()
        process = self.start(self.command(*self.begin(), "--scheduler", address))
        sweep_id = "gated_0"
        self.wait_for_results(sweep_id, 2, process)
        worker()  # joins a sweep that runs, and is alone with it soon
        first.kill()
        self.gate.touch()
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0, err)
        found = json.loads(out)
        whole = self.finish(*self.begin(), "--workers", "2")
        self.assertEqual({name: found[name] for name in whole}, whole)
