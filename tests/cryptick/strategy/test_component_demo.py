from decimal import Decimal
from typing import get_args

from cryptick.components import (
    COMPONENT_POST,
    list_components,
    read_rows,
    tail,
)
from cryptick.components.format import Kind
from cryptick.messages import Failure, Message
from cryptick.strategy.component_demo import ComponentDemo
from tests.cryptick.candles import BacktestCase, Row, bars

ROWS: list[Row] = [("100", "106", "99", "104"), ("104", "107", "103", "103")] * 20
SERIES = {("x", "BTC_USD"): bars(ROWS)}


class Shown(BacktestCase):
    runs = 0

    def run_demo(self) -> None:
        self.answers: list[Message] = []
        answers = self.answers

        class Demo(ComponentDemo):
            def on_start(self) -> None:
                super().on_start()
                weights = {"RISKY": "0.25", "CALM": "0.75"}
                for id, value in (
                    ("percent", "50"),
                    ("orders-max", 2),
                    ("smoothing", "long"),
                    ("frontier", {"weights": weights, "point": None}),
                    ("trade-now", "press-1"),
                    ("smoothing", "longest"),
                ):
                    self.hub.call(COMPONENT_POST, id, value, reply=answers.append)

        self.summary = self.backtest(Demo, SERIES)
        self.path = self.run_path / "components"

    def test_it_shows_one_of_each_kind_with_rows(self) -> None:
        self.run_demo()
        formats = list_components(self.path)
        self.assertEqual(sorted(f.kind for f in formats), sorted(get_args(Kind)))
        for format in formats:
            with self.subTest(id=format.id):
                self.assertEqual(bool(format.columns), bool(format.rows))
        rows = {f.id: f.rows for f in formats}
        self.assertEqual(rows["closes"], len(ROWS))
        self.assertEqual(rows["candles"], len(ROWS) + self.summary.trades)
        self.assertEqual(rows["fills"], self.summary.trades)
        self.assertEqual(read_rows(self.path, "shares").rows, [["BTC_USD", float(len(ROWS))]])
        changes = [row[1] for row in read_rows(self.path, "changes").rows]
        self.assertEqual(sum(float(count or 0) for count in changes), len(ROWS))

    def test_it_does_what_the_user_posts(self) -> None:
        self.run_demo()
        self.assertEqual([isinstance(a, Failure) for a in self.answers], [False] * 5 + [True])
        values = {f.id: f.value for f in list_components(self.path)}
        self.assertEqual((values["percent"], values["smoothing"]), ("50", "long"))
        self.assertEqual(values["trade-now"], "press-1")
        log = [row[2] for row in tail(self.path, "log").rows]
        self.assertIn("percent is now 50", log)
        self.assertIn("asked to trade now", log)
        target = [row for row in read_rows(self.path, "frontier").rows if row[0] == "target"]
        self.assertEqual([row[-2:] for row in target], [[0.25, 0.75]])
        first = read_rows(self.path, "fills").rows[0]
        spent = Decimal(str(first[3])) * Decimal(str(first[4]))
        self.assertGreater(spent, 490)  # half of 1000, in whole lots
        self.assertLessEqual(spent, 500)

    def test_the_same_run_writes_the_same_files(self) -> None:
        contents = []
        for _ in range(2):
            self.run_demo()
            files = sorted(self.path.iterdir())
            contents.append({file.name: file.read_bytes() for file in files})
        self.assertEqual(contents[0], contents[1])
