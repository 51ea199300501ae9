import tempfile
import unittest
from pathlib import Path

from cryptick.errors import UnknownStrategy
from cryptick.strategy import find_strategy, shipped_strategies
from cryptick.strategy.hodl import HodlStrategy

SOURCE = """\
from dataclasses import dataclass
from cryptick.strategy import Strategy, param

class Mine(Strategy):
    @dataclass(frozen=True)
    class Params(Strategy.Params):
        n: int = param(3, help="a number")
"""


class Lookup(unittest.TestCase):
    def test_a_shipped_strategy_is_found_by_its_name_in_any_case_and_short(self) -> None:
        for name in ("HodlStrategy", "hodlstrategy", "Hodl"):
            with self.subTest(name=name):
                self.assertIs(find_strategy(name), HodlStrategy)
        shipped = {"Arbitrage", "DemoStrategy", "EchoStrategy", "SmaCross", "TwapExecution"}
        self.assertLessEqual(shipped, set(shipped_strategies()))

    def test_the_nearest_names_are_told(self) -> None:
        table = (("HodelStrategy", "did you mean HodlStrategy"), ("xyzzy", "there are Arbitrage"))
        for name, hint in table:
            with self.subTest(name=name), self.assertRaisesRegex(UnknownStrategy, hint):
                find_strategy(name)

    def test_a_strategy_comes_from_a_file(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "json.py"  # the name of a module that exists
            path.write_text(SOURCE)
            mine = find_strategy(f"{path}:Mine")
            self.assertEqual((mine.__name__, mine.Params().n), ("Mine", 3))
            self.assertEqual(find_strategy(str(path)).__name__, "Mine")
            with self.assertRaisesRegex(UnknownStrategy, "did you mean Mine"):
                find_strategy(f"{path}:Mien")

    def test_a_file_that_can_not_be_loaded_is_said_in_one_sentence(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            table = (
                ("syntax.py", "def", "SyntaxError"),
                ("raises.py", "1 / 0", "ZeroDivisionError"),
                ("empty.py", "", "there are none"),
                ("two.py", SOURCE + SOURCE.replace("Mine", "Other"), "there are Mine, Other"),
            )
            for name, text, hint in table:
                path = Path(folder) / name
                path.write_text(text)
                with self.subTest(name=name), self.assertRaisesRegex(UnknownStrategy, hint):
                    find_strategy(str(path))
            with self.assertRaisesRegex(UnknownStrategy, "not a Python file"):
                find_strategy(f"{folder}/absent.py:X")


if __name__ == "__main__":
    unittest.main()
