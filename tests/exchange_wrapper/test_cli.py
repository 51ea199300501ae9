import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from exchange_wrapper.cli import main
from exchange_wrapper.db import lock_database, open_database
from exchange_wrapper.restore import control_incidents
from exchange_wrapper.rpc import RpcInterface
from exchange_wrapper.wsock_server import WebSocketServer, listen
from serving.registry import Api, Role, api_method
from tests.exchange_wrapper.fake_exchange import settings

ROOT = Path(__file__).parents[2]


class ACommand(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "xwrap.db"

    def run_here(self, *arguments: str) -> tuple[int, str, str]:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            code = main(arguments)
        return code, out.getvalue(), err.getvalue()

    def start(self, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                *(sys.executable, "-W", "error", "-m", "exchange_wrapper.service", "run"),
                *("--config", str(self.folder / "config.json")),
            ],
            cwd=ROOT,
            env=os.environ
            | {"SQLITE_DB": str(self.path), "RPC_PORT": "0", "WEB_PORT": "0"}
            | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class InitDb(ACommand):
    def test_names_the_tables_it_creates_and_does_it_once(self) -> None:
        code, out, _ = self.run_here("init_db", str(self.path))
        self.assertEqual(code, 0)
        self.assertEqual(
            out.splitlines(),
            [
                "Create Table for WalletSet",
                "Create Table for Order",
                "Create Table for WalletLine",
                "Create Table for VirtualWallet",
                "Create Table for Trade",
                "Create Table for Incident",
                "Create Table for Heartbeat",
            ],
        )
        code, out, _ = self.run_here("init_db", str(self.path))
        self.assertEqual((code, "Create Table" in out), (0, False))

    def test_refuses_another_file_in_one_sentence(self) -> None:
        self.path.write_text("dear diary" * 100)
        code, out, err = self.run_here("init_db", str(self.path))
        self.assertEqual((code, out, len(err.splitlines())), (1, "", 1))
        self.assertIn(str(self.path), err)
        self.assertEqual(self.path.read_text(), "dear diary" * 100)


class Kill(ACommand):
    def test_writes_into_the_database_where_xwrap_does_not_answer(self) -> None:
        settings(self.folder)
        with listen("127.0.0.1", 0) as taken:
            url = f"ws://127.0.0.1:{taken.getsockname()[1]}"
        for level in ("cancel", "off", "stop"):
            code, out, err = self.run_here(
                "kill", level, "--scope", "gdax", "--url", url, "--db", str(self.path)
            )
            self.assertEqual(code, 0)
            self.assertIn("next time", out)
            self.assertIn(url, err)
        database = open_database(self.path)
        self.addCleanup(database.close)
        stored = control_incidents(database)
        self.assertEqual(
            [(each.subject, each.text) for each in stored],
            [("gdax", "cancel"), ("gdax", "off"), ("gdax", "stop")],
        )

    def test_without_an_answer_and_a_database_says_what_to_name(self) -> None:
        code, _, err = self.run_here("kill", "stop", "--url", "ws://127.0.0.1:9")
        self.assertEqual(code, 4)
        self.assertIn("--db", err)

    def test_tells_xwrap(self) -> None:
        asked: list[dict[str, object]] = []

        class Service:
            @api_method(Role.ADMIN)
            def kill_switch(self, *, level: str, scope: str | None = None) -> dict[str, object]:
                """Note what was asked."""
                asked.append({"level": level, "scope": scope})
                return {"scope": scope, "level": level, "cancelling": 7}

        async def serve_it() -> tuple[int, str, str]:
            server = WebSocketServer(RpcInterface(Api(Service())).handle_message)
            socket = listen("127.0.0.1", 0)
            await server.start(socket)
            url = f"ws://127.0.0.1:{socket.getsockname()[1]}"
            try:
                return await asyncio.to_thread(self.run_here, "kill", "cancel", "--url", url)
            finally:
                await server.shutdown()

        code, out, _ = asyncio.run(serve_it())
        self.assertEqual((code, asked), (0, [{"level": "cancel", "scope": None}]))
        self.assertIn("7 open orders", out)


class Run(ACommand):
    def test_says_when_it_is_ready_and_stops_cleanly(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                settings(self.folder)
                process = self.start()
                assert process.stdout is not None
                ready = process.stdout.readline()
                self.assertRegex(
                    ready,
                    r"^xWrap ready: rpc ws://127\.0\.0\.1:\d+ http http://127\.0\.0\.1:\d+\n$",
                )
                process.send_signal(number)
                out, err = process.communicate(timeout=20)
                self.assertEqual((process.returncode, out, err), (0, "", ""))

    def test_says_in_one_sentence_why_it_can_not_start(self) -> None:
        settings(self.folder)
        config = json.loads((self.folder / "config.json").read_text())

        def no_file() -> None:
            (self.folder / "config.json").unlink()

        def no_json() -> None:
            (self.folder / "config.json").write_text('{\n"a" 1}')

        def no_class() -> None:
            config["exchanges"]["fake"]["class"] = "exchange_wrapper.nowhere.Nothing"
            (self.folder / "config.json").write_text(json.dumps(config))

        def not_an_exchange() -> None:
            config["exchanges"]["fake"]["class"] = "pathlib.Path"
            (self.folder / "config.json").write_text(json.dumps(config))

        def no_database() -> None:
            self.path.unlink()

        for make, words in (
            (no_file, "No such file"),
            (no_json, "line 2, column 5"),
            (no_class, "exchange_wrapper.nowhere"),
            (not_an_exchange, "not an Exchange"),
            (no_database, "init_db"),
        ):
            with self.subTest(make.__name__):
                settings(self.folder)
                make()
                out, err = (process := self.start()).communicate(timeout=20)
                self.assertNotEqual(process.returncode, 0)
                self.assertEqual((out, len(err.splitlines())), ("", 1), err)
                self.assertIn(words, err)

    def test_says_what_is_taken_already(self) -> None:
        settings(self.folder)
        with listen("127.0.0.1", 0) as taken:
            port = str(taken.getsockname()[1])
            _, err = (process := self.start(WEB_PORT=port)).communicate(timeout=20)
        self.assertEqual(process.returncode, 4)
        self.assertRegex(err, rf"^xwrap: can't listen on 127.0.0.1:{port}: .*in use\n$")
        with lock_database(self.path):
            _, err = (process := self.start()).communicate(timeout=20)
        self.assertEqual(process.returncode, 4)
        self.assertRegex(err, "^xwrap: another xWrap .*\n$")


class TheCommandLine(ACommand):
    def test_lists_its_commands(self) -> None:
        with self.assertRaises(SystemExit) as caught:
            self.run_here("--help")
        self.assertEqual(caught.exception.code, 0)
        with redirect_stdout(io.StringIO()) as out, self.assertRaises(SystemExit):
            main(["--help"])
        self.assertTrue({"init_db", "run"} <= set(re.findall(r"^ +(\w+) ", out.getvalue(), re.M)))
