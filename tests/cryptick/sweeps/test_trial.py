import hashlib
import tempfile
import unittest
from pathlib import Path

from cryptick.strategy import sma_cross
from cryptick.sweeps.trial import StrategyCode


class Code(unittest.TestCase):
    def test_its_name_is_the_hash_of_its_source_wherever_that_is(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            own = Path(folder) / "own.py"
            own.write_text("from cryptick.strategy.hodl import HodlStrategy as Own\n")
            for name, source in (
                ("SmaCross", Path(sma_cross.__file__)),
                (f"{own}:Own", own),
            ):
                with self.subTest(name):
                    expected = hashlib.sha256(source.read_bytes()).hexdigest()
                    self.assertEqual(StrategyCode.of(name).digest(), expected)
