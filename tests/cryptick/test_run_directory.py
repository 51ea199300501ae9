import csv
import json
import os
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np

from cryptick.audit import AuditLog
from cryptick.clock import SimulatedClock
from cryptick.errors import UsageError
from cryptick.hub import Hub
from cryptick.messages import FILL, LOG, ORDER_UPDATE, Fill, LogLine, OrderUpdate, Quote
from cryptick.run_directory import RunDirectory, RunRecorder
from exchange_wrapper.terms import DoneReason, OrderStatus, OrderType, Side
from exchange_wrapper.times import UtcNs

ONE = Decimal(1)
SENT = OrderUpdate(
    "a",
    "x",
    "BTC_USD",
    OrderType.LIMIT,
    Side.BUY,
    Decimal("1.50"),
    Decimal("9.0"),
    OrderStatus.RECEIVED,
    None,
    "",
    Decimal(0),
    Decimal(0),
    UtcNs(0),
)


class InFolder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)


class Directories(InFolder):
    def test_concurrent_starts_never_share_one(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            claim = lambda _: RunDirectory.claim(self.root / "runs", "HodlStrategy").run_id  # noqa: E731
            names = list(pool.map(claim, range(24)))
        self.assertEqual(set(names), {f"hodlstrategy_{n}" for n in range(24)})

    def test_the_number_goes_on_behind_the_highest_there_is(self) -> None:
        for name in ("demo_7", "demo_old", "demox_9", "other_12"):
            (self.root / name).mkdir()
        self.assertEqual(RunDirectory.claim(self.root, "Demo").run_id, "demo_8")

    def test_a_place_that_can_not_be_written_is_named(self) -> None:
        (self.root / "file").write_text("")
        with self.assertRaisesRegex(UsageError, "file"):
            RunDirectory.claim(self.root / "file", "Demo")

    def test_fields_of_the_run_are_added_and_replaced(self) -> None:
        directory = RunDirectory.claim(self.root, "Demo")
        directory.update(state="running", mode="paper")
        directory.update(state="stopped")
        text = (directory.path / "run.json").read_text()
        self.assertEqual(json.loads(text), {"state": "stopped", "mode": "paper"})
        self.assertEqual(os.listdir(directory.path), ["run.json"])

    def test_a_long_curve_is_thinned_and_keeps_its_end(self) -> None:
        directory = RunDirectory.claim(self.root, "Demo")
        time_s = np.arange(1, 100_001)
        directory.write_curve(UtcNs(0), ONE, time_s, time_s * 2.0)
        lines = (directory.path / "equity.csv").read_text().splitlines()
        self.assertLessEqual(len(lines), 2_002)
        self.assertEqual(lines[1], "1970-01-01T00:00:00.000000Z,1.00000000")
        self.assertEqual(lines[-1].split(",")[1], "200000.00000000")


class Recorder(InFolder):
    def setUp(self) -> None:
        super().setUp()
        self.directory = RunDirectory.claim(self.root, "Demo")
        self.hub = Hub(SimulatedClock(UtcNs(0)))
        self.said: list[str] = []

    def read(self, name: str) -> list[str]:
        return (self.directory.path / name).read_text().splitlines()[1:]

    def test_an_order_is_written_once_when_it_is_done_and_open_ones_at_the_end(self) -> None:
        done = msgspec.structs.replace(
            SENT,
            status=OrderStatus.DONE,
            done_reason=DoneReason.FILLED,
            filled_size=Decimal("1.50"),
            avg_price=Decimal("8.500"),
            time=UtcNs(10**9),
        )
        with RunRecorder(self.hub, self.directory, self.said.append) as recorder:
            self.hub.notify(ORDER_UPDATE, msgspec.structs.replace(SENT, client_oid="b"))
            self.hub.notify(ORDER_UPDATE, SENT)
            for fee in ("0.1", "0.2"):
                amounts = Decimal("8.5"), Decimal("0.75"), Decimal(fee)
                fill = Fill("a", "x", "BTC_USD", Side.BUY, *amounts, True, UtcNs(5))
                self.hub.notify(FILL, fill)
            self.hub.notify(ORDER_UPDATE, done)
            self.hub.notify(LOG, LogLine("hello"))
        self.assertEqual(
            self.read("orders.csv"),
            [
                "1970-01-01T00:00:00.000000Z,1970-01-01T00:00:01.000000Z,a,x,BTC_USD,limit,buy,"
                "1.5,9,done,filled,1.5,8.5,0.3,",
                "1970-01-01T00:00:00.000000Z,,b,x,BTC_USD,limit,buy,1.5,9,received,,0,0,0,",
            ],
        )
        self.assertEqual(
            self.read("trades.csv")[0],
            "1970-01-01T00:00:00.000000Z,a,x,BTC_USD,buy,8.5,0.75,6.375,0.1,maker",
        )
        counts = recorder.counts
        self.assertEqual((counts.orders, counts.trades), (2, 2))
        self.assertEqual(counts.fees, {"USD": Decimal("0.3")})
        self.assertEqual(len(self.said), 5)  # two orders, two fills and a log line

    def test_what_a_venue_says_stays_one_cell(self) -> None:
        message = 'it said "no",\nthen nothing'
        with RunRecorder(self.hub, self.directory):
            refused = msgspec.structs.replace(SENT, status=OrderStatus.DONE, message=message)
            self.hub.notify(ORDER_UPDATE, refused)
        with (self.directory.path / "orders.csv").open(newline="") as file:
            columns, row = csv.reader(file)
        self.assertEqual(dict(zip(columns, row, strict=True))["message"], message)


class Audited(InFolder):
    def test_a_record_names_its_cause_and_keeps_the_message_whole(self) -> None:
        path = self.root / "messages.jsonl"
        quote = Quote("x", "BTC_USD", ONE, ONE, UtcNs(7_000))
        with AuditLog(path, flush=True) as audit:
            hub = Hub(SimulatedClock(UtcNs(10**9)), audit)
            hub.on_market("exchange.quote", "x", "BTC_USD", lambda _: hub.notify("a.b", SENT))
            hub.publish(hub.market_handlers("exchange.quote", "x", "BTC_USD"), quote)
            (record,) = map(json.loads, path.read_text().splitlines())
        self.assertEqual((record["sequence"], record["time"]), (1, "1970-01-01T00:00:01.000000Z"))
        self.assertEqual(
            record["cause"],
            {
                "method": "exchange.quote",
                "exchange": "x",
                "pair": "BTC_USD",
                "time": "1970-01-01T00:00:00.000007Z",
            },
        )
        self.assertEqual(record["message"]["params"][0]["size"], "1.50")


if __name__ == "__main__":
    unittest.main()
