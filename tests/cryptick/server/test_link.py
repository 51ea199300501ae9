import asyncio
import os
import signal
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

from cryptick.control import socket_path, started_ticks
from cryptick.messages import Call, ErrorBody, Failure, Result, decode, encode
from cryptick.server.link import WorkerLink
from cryptick.server.processes import Process
from exchange_wrapper.errors import Unavailable, UnknownName, XWrapError


class ALink(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        # Longer than any name of a socket may be.
        self.path = Path(folder) / ("long" * 30) / ("longer" * 20)
        self.path.mkdir(parents=True)
        with socket_path(self.path) as name:
            server = await asyncio.start_unix_server(self.converse, name)
        self.addAsyncCleanup(server.wait_closed)
        self.addCleanup(server.close)
        self.heard: list[Call] = []
        self.link = await WorkerLink.connect(self.path, self.heard.append)
        self.addAsyncCleanup(self.link.close)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer as the method says."""
        while line := await reader.readline():
            call = decode(line)
            assert isinstance(call, Call) and call.response_method is not None
            answers = {
                "double": Result(call.response_method, [*call.params, *call.params]),
                "refuse": Failure(call.response_method, ErrorBody(-32000, "not now")),
                "noise": Result("server.99", None),
            }
            if call.method in answers:
                writer.write(b"noise\n" + encode(Call("told", (1,))) + b"\n")
                writer.write(encode(answers[call.method]) + b"\n")
            if call.method == "end":
                break
        writer.close()

    async def test_answers_find_their_calls_and_the_rest_is_heard(self) -> None:
        self.assertEqual(await self.link.ask("double", 2, "a"), [2, "a", 2, "a"])
        with self.assertRaisesRegex(XWrapError, "not now"):
            await self.link.ask("refuse")
        both = await asyncio.gather(self.link.ask("double", 1), self.link.ask("double", 3))
        self.assertEqual(both, [[1, 1], [3, 3]])
        self.assertEqual({call.method for call in self.heard}, {"told"})

    async def test_whoever_waits_learns_that_the_run_has_ended(self) -> None:
        with self.assertRaisesRegex(Unavailable, "has ended"):
            await self.link.ask("end")
        await self.link.closed

    async def test_an_answer_has_its_time(self) -> None:
        with unittest.mock.patch("cryptick.server.link._ANSWER_S", 0.01):
            with self.assertRaisesRegex(Unavailable, "does not answer"):
                await self.link.ask("nothing")
            with self.assertRaises(Unavailable):
                await self.link.ask("noise")


class AProcess(unittest.IsolatedAsyncioTestCase):
    def spawn(self, code: str) -> int:
        return os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)

    async def test_its_end_is_told_in_words(self) -> None:
        for code, number, words in (
            ("import time; time.sleep(100)", signal.SIGKILL, "killed by signal 9"),
            ("raise SystemExit(3)", None, "its process ended with status 3"),
        ):
            with self.subTest(words):
                process = Process.open(self.spawn(code))
                assert process is not None
                if number is not None:
                    process.kill()
                async with asyncio.timeout(30):
                    self.assertEqual(await process.ended, words)
                process.kill()  # without effect
                process.close()

    async def test_another_process_of_the_same_id_is_not_taken_for_it(self) -> None:
        ticks = started_ticks(os.getpid())
        assert ticks is not None
        self.assertIsNone(Process.open(os.getpid(), ticks - 1))
        self.assertIsNone(Process.open(2**22 + 1))
        process = Process.open(os.getpid(), ticks)
        assert process is not None
        process.close()
        self.assertTrue(process.ended.cancelled())


class Errors(unittest.TestCase):
    def test_a_directory_that_is_gone_has_no_socket(self) -> None:
        with self.assertRaises(OSError), socket_path(Path("/proc/none")):
            raise UnknownName("never reached")
