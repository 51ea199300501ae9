import unittest

from cryptick.editing.inspection import inspect_text
from cryptick.new import template


class OfTexts(unittest.IsolatedAsyncioTestCase):
    async def test_tells_the_strategy_and_its_parameters(self) -> None:
        found = await inspect_text(template("Mine"))
        self.assertEqual(found.findings, [])
        (strategy,) = found.strategies
        self.assertEqual(strategy["name"], "Mine")
        self.assertTrue(strategy["description"].startswith("Buy after so many"))
        names = [parameter["name"] for parameter in strategy["parameters"]]
        self.assertEqual(names, ["base", "bars", "percent"])

    async def test_tells_where_it_is_wrong(self) -> None:
        begin = "from cryptick.strategy import Strategy\n\n\n"
        mine = f'{begin}class Mine(Strategy):\n    """Mine."""\n'
        for text, severity, line, words in (
            ("class Mine(:\n    pass\n", "error", 1, "xpected"),
            (f"import os\n{mine}", "warning", 1, "imported but unused"),
            (f"{mine}\n    def on_start(self):\n        none\n", "warning", 8, "Undefined name"),
            (f"{mine}\n    x = 1 / 0\n", "error", 7, "ZeroDivisionError"),
            (begin, "error", 1, "there are none"),
            (f"{begin}\nimport nowhere_to_be_found as n\nn\n", "error", 5, "No module named"),
        ):
            with self.subTest(words):
                findings = (await inspect_text(text)).findings
                found = next(each for each in findings if words in each.message)
                self.assertEqual((found.severity, found.line), (severity, line))

    async def test_a_text_that_asks_too_much_harms_nobody(self) -> None:
        found = await inspect_text("kept = bytearray(1 << 34)\n")
        self.assertIn("MemoryError", found.findings[-1].message)
        found = await inspect_text("import os\n\nos._exit(3)\n")
        self.assertIn("its process ended", found.findings[-1].message)

    async def test_what_it_prints_is_not_taken_for_the_answer(self) -> None:
        text = template("Mine") + '\n\nprint(\'{"findings": [], "strategies": []}\')\n'
        self.assertEqual(len((await inspect_text(text)).strategies), 1)
