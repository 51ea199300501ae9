import tempfile
import unittest
from decimal import Decimal
from pathlib import Path

from cryptick.inputs import INPUTS, Input, InputLog, read_inputs
from cryptick.strategy.hodl import HodlStrategy
from exchange_wrapper.errors import DataError, NoData
from exchange_wrapper.times import SECOND, UtcNs
from tests.cryptick.recorded_run import RecordedRun


class Inputs(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        run = RecordedRun(self.folder, HodlStrategy)
        run.finish()
        self.header, _ = read_inputs(run.path / INPUTS)
        self.path = self.folder / INPUTS

    def inputs(self) -> list[Input]:
        return list(read_inputs(self.path)[1])

    def test_what_is_read_is_what_was_written(self) -> None:
        written = [
            Input(UtcNs(1), "candle", {"points": [[1, Decimal("0.10"), Decimal("1E-8"), 7, None]]}),
            Input(UtcNs(2), "ticker", {"bid": "1.50", "é": [True, {}]}),
            Input(UtcNs(3), "end"),
        ]
        with InputLog(self.path, self.header) as log:
            for input in written:
                log.write(input)
        self.assertEqual(self.inputs(), written)
        header, _ = read_inputs(self.path)
        self.assertEqual(header, self.header)
        self.assertEqual(header.balances, self.header.balances)
        self.assertEqual(header.plan.followed, [("gdax", "BTC_USD")])

    def test_what_was_flushed_survives_a_kill_at_any_byte_after_it(self) -> None:
        inputs = [Input(UtcNs(n), "ticker", {"bid": str(n)}) for n in range(100)]
        with InputLog(self.path, self.header) as log:
            for input in inputs[:60]:
                log.write(input)
            log.flush()
            flushed = self.path.stat().st_size
            for input in inputs[60:]:
                log.write(input)
        whole = self.path.read_bytes()
        for size in range(flushed, len(whole) + 1):
            self.path.write_bytes(whole[:size])
            read = self.inputs()
            self.assertGreaterEqual(len(read), 60)
            self.assertEqual(read, inputs[: len(read)])

    def test_a_kill_costs_a_second_at_most(self) -> None:
        with InputLog(self.path, self.header) as log:
            for tenth in range(1, 40):
                now = UtcNs(self.header.start + tenth * SECOND // 10)
                log.write(Input(now, "ticker", {"bid": "1"}))
                kept = [input.time for input in self.inputs()]
                self.assertLessEqual(now - max(kept, default=self.header.start), SECOND)

    def test_what_can_not_be_read_is_said(self) -> None:
        with self.assertRaisesRegex(NoData, "is missing"):
            read_inputs(self.path)
        self.path.write_bytes(b"x" * 100)
        with self.assertRaisesRegex(DataError, "is damaged"):
            read_inputs(self.path)


if __name__ == "__main__":
    unittest.main()
