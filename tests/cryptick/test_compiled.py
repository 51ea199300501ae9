import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from exchange_wrapper.compiled import FOLDER, OFF, build_key

ROOT = Path(__file__).resolve().parents[2]


@unittest.skipUnless(
    Path(FOLDER, build_key()).is_dir(), "the core is not compiled: python -m devops.compile"
)
class CompiledCore(unittest.TestCase):
    def test_it_writes_the_same_bytes_as_plain_python(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            plain, compiled = (self.play(Path(folder, off), off) for off in "10")
        self.assertEqual(plain.keys(), compiled.keys())
        self.assertEqual(len(plain), 4 * 6)
        for name, content in plain.items():
            with self.subTest(name=name):
                self.assertEqual(content, compiled[name])
        for name in ("orders.csv", "trades.csv", "messages.jsonl"):
            written = [content for path, content in plain.items() if path.endswith(name)]
            self.assertTrue(all(content.count(b"\n") > 50 for content in written), name)

    def play(self, root: Path, off: str) -> dict[str, bytes]:
        """Run the backtests in a folder of their own; return what they wrote, by path."""
        root.mkdir()
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "tests.cryptick.compiled_run"],
            check=True,
            cwd=root,
            env={**os.environ, OFF: off, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
        )
        self.assertIn("plain Python" if off == "1" else "compiled core", done.stderr)
        files = sorted((root / "runs").rglob("*.*"))
        return {str(path.relative_to(root)): path.read_bytes() for path in files if path.is_file()}


if __name__ == "__main__":
    unittest.main()
