import asyncio
import contextlib
import io
import signal
import sys
import unittest
from pathlib import Path

from exchange_wrapper.sandbox.__main__ import main

ROOT = Path(__file__).resolve().parents[3]


def told(*arguments: str) -> tuple[int, str]:
    """Return exit code and standard error of a command line that is refused."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        try:
            return main([*arguments]), errors.getvalue()
        except SystemExit as end:
            return int(end.code or 0), errors.getvalue()


class Mistakes(unittest.TestCase):
    def test_get_one_line_and_a_code(self) -> None:
        cases = (
            (("replay", "/nowhere/ws.txt.gz"), 3, "/nowhere/ws.txt.gz"),
            (("replay", "x", "--speed", "0"), 2, "--speed"),
            (("replay", "x", "--speed", "quick"), 2, "'quick'"),
            (("replay", "x", "--speed", "inf"), 2, "'inf'"),
            (("simulate",), 2, "--seed"),
            (("simulate", "--seed", "-1"), 2, "seed"),
            (("simulate", "--seed", "1", "--ws-port", "70000"), 2, "'70000'"),
            (("simulate", "--seed", "1", "--keys", "/nowhere.json"), 1, "/nowhere.json"),
            (("simulate", "--seed", "1", "--faults", "--host", "0.0.0.0"), 2, "loopback"),
            (("sing",), 2, "'sing'"),
        )
        for arguments, code, part in cases:
            with self.subTest(arguments):
                exit_code, text = told(*arguments)
                self.assertEqual(exit_code, code)
                self.assertEqual(text.count("\n"), 1, text)
                self.assertTrue(text.startswith("sandbox: "), text)
                self.assertIn(part, text)


class Process(unittest.IsolatedAsyncioTestCase):
    async def test_says_when_it_is_ready_and_ends_cleanly_on_a_signal(self) -> None:
        keys = ", key sandbox-demo secret \\w+ passphrase sandbox-demo"
        for number, asked, shown in (
            (signal.SIGINT, (), ""),
            (signal.SIGTERM, ("--show-keys",), keys),
        ):
            with self.subTest(number.name):
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-W", "error", "-m", "exchange_wrapper.sandbox",
                    "simulate", "--seed", "7", "--rest-port", "0", "--ws-port", "0", *asked,
                    cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                )  # fmt: skip
                assert process.stdout is not None
                line = (await process.stdout.readline()).decode()
                self.assertRegex(
                    line,
                    r"^sandbox ready: rest http://127\.0\.0\.1:\d+ ws ws://127\.0\.0\.1:\d+ "
                    r"seed 7, 6 products" + shown + r"\n$",
                )
                process.send_signal(number)
                out, errors = await process.communicate()
                self.assertEqual((process.returncode, out, errors), (0, b"", b""))
