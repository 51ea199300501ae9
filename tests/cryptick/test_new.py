import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from cryptick.new import main
from exchange_wrapper.storage.embedded import EmbeddedStore
from tests.cryptick.candles import Row, bars
from tests.cryptick.test_run import ROOT, CommandLine

ROWS: list[Row] = [("106", "107", "99", "104"), ("104", "105", "100", "101")] * 3
WAVES = (ROWS + [(close, high, low, open) for open, high, low, close in ROWS]) * 5


class New(CommandLine):
    def new(self, *words: str) -> tuple[int, str, str]:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = main(words)
        return status, out.getvalue(), err.getvalue()

    def test_the_file_passes_the_linter_and_trades_in_a_backtest(self) -> None:
        status, out, _ = self.new("MyFirstOne", "--dir", str(self.root / "mine"))
        file = self.root / "mine" / "my_first_one.py"
        self.assertEqual(status, 0)
        self.assertIn(f"python -m cryptick.run {file}:MyFirstOne -m backtest", out)
        for check in (("check",), ("format", "--check")):
            config = ("--config", str(ROOT / "pyproject.toml"), "--no-cache")
            command = [sys.executable, "-m", "ruff", *check, *config, str(file)]
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with EmbeddedStore(self.root / "waves.db") as store:
            store.write("x", "BTC_USD", bars(WAVES))
        line = f"{file}:MyFirstOne -m backtest --x-usd 1000 --json --store {self.root}/waves.db"
        status, out, err = self.call(line)
        self.assertEqual((status, err), (0, ""))
        summary = json.loads(out)
        self.assertGreater(summary["trades"], 5)
        self.assertIn("buy ", (Path(summary["directory"]) / "run.log").read_text())

    def test_a_file_that_is_there_is_never_touched(self) -> None:
        file = self.root / "kept.py"
        file.write_text("mine")
        status, out, err = self.new("Kept", "--dir", str(self.root))
        self.assertEqual((status, out, file.read_text()), (2, "", "mine"))
        self.assertIn("exists already", err)

    def test_each_mistake_gets_one_line(self) -> None:
        (self.root / "file").write_text("")
        table = (
            (("my strategy",), "is not a class name such as MyStrategy"),
            (("None",), "is not a class name"),
            (("../Mine",), "is not a class name"),
            ((), "required: name"),
            (("Mine", "--dir", str(self.root / "file")), "can't be written"),
        )
        for words, complaint in table:
            with self.subTest(words=words):
                status, out, err = self.new(*words)
                self.assertEqual((status, out, len(err.splitlines())), (2, "", 1))
                self.assertIn(complaint, err)
