"""The strategy that docs/adding-a-strategy.md shows, tried as it says."""

import json
import re
from pathlib import Path

from tests.cryptick.test_run import CommandLine

DOC = Path(__file__).resolve().parents[2] / "docs/adding-a-strategy.md"


class DocumentedStrategy(CommandLine):
    def test_it_runs_by_the_path_of_its_file_and_trades(self) -> None:
        (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
        file = self.root / "above_average.py"
        file.write_text(code)
        line = f"{file}:AboveAverage -m backtest --x-usd 1000 --bars 5 --json --store {self.store}"
        status, out, err = self.call(line)
        self.assertEqual((status, err), (0, ""))
        summary = json.loads(out)
        self.assertGreater(summary["trades"], 10)
        self.assertIn("bought", (Path(summary["directory"]) / "run.log").read_text())
