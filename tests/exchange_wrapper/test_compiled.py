import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from exchange_wrapper.compiled import FOLDERS, OFF, build_key

ROOT = Path(__file__).resolve().parents[2]

# The environment of an interpreter is where its builds are looked for.
ASK = """
import sys
sys.prefix = sys.argv[1]
from exchange_wrapper import compiled, terms
import cryptick
print(compiled.describe(), terms.__file__.startswith(sys.prefix), len(cryptick.__path__), sep="|")
"""


class WhichBuildIsUsed(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root, self.prefix = Path(folder.name, "root"), Path(folder.name, "environment")
        for name in FOLDERS:
            for source in (ROOT / name).glob("*.py"):
                copy = self.root / source.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)

    def build(self) -> Path:
        """Put a stand-in for one compiled module into the place of the build."""
        build = self.prefix / "compiled" / build_key(str(self.root))
        for package in ("exchange_wrapper", "cryptick"):
            (build / package).mkdir(parents=True)
        shutil.copy(self.root / "exchange_wrapper/terms.py", build / "exchange_wrapper")
        return build

    def ask(self, off: str = "") -> list[str]:
        """Return what runs, whether a module is the build's, and how many places modules have."""
        answer = subprocess.run(
            [sys.executable, "-W", "error", "-c", ASK, str(self.prefix)],
            check=True,
            cwd=self.root,
            env={**os.environ, OFF: off, "PYTHONPATH": str(self.root)},
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
        ).stdout
        return answer.strip().split("|")

    def test_without_a_build_the_sources_run(self) -> None:
        self.assertEqual(self.ask(), ["plain Python (no build of its sources)", "False", "1"])

    def test_a_build_of_these_very_sources_is_used(self) -> None:
        self.build()
        for off in ("", "0"):
            self.assertEqual(self.ask(off), ["compiled core", "True", "2"])

    def test_after_any_edit_the_sources_run(self) -> None:
        self.build()
        for name in FOLDERS:
            with self.subTest(name=name):
                edited = self.root / name / "__init__.py"
                before = edited.read_text()
                edited.write_text(before + "\n")
                self.assertEqual(self.ask()[1:], ["False", "1"])
                edited.write_text(before)
        self.assertEqual(self.ask()[1:], ["True", "2"])

    def test_a_source_that_comes_or_goes_is_an_edit(self) -> None:
        self.build()
        new = self.root / "exchange_wrapper/new.py"
        new.write_text("")
        self.assertEqual(self.ask()[1:], ["False", "1"])
        new.unlink()
        self.assertEqual(self.ask()[1:], ["True", "2"])

    def test_the_build_can_be_turned_off(self) -> None:
        self.build()
        self.assertEqual(self.ask("1"), [f"plain Python ({OFF} is set)", "False", "1"])


if __name__ == "__main__":
    unittest.main()
