import asyncio
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptick.run_directory import RunDirectory
from cryptick.server import supervisor as module
from cryptick.server.runnables import Runnables
from cryptick.server.settings import Settings
from cryptick.server.store import RunStore
from cryptick.server.supervisor import Supervisor
from cryptick.start_form import Limits, Start, StartBalance, StartForm
from exchange_wrapper.errors import ApiUsageError, BadWalletConfig, Unavailable, XWrapError

FORM = StartForm(
    strategy="EchoStrategy", mode="paper", balances=(StartBalance("gdax", "USD", "10"),)
)


class FakeXWrap:
    """Answers what a test says, the last answer again and again."""

    def __init__(self) -> None:
        self.trouble: list[XWrapError] = []
        self.settled: list[tuple[int, str]] = []

    def _answer(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)

    async def check(self, mode: str, exchanges: object) -> None: ...

    async def fund(self, run_id: str, balances: object) -> tuple[int, str | None]:
        self._answer()
        return 7, None

    async def settle(self, wallet_set_id: int, policy: str) -> str:
        self._answer()
        self.settled.append((wallet_set_id, policy))
        return "done"


class ASupervisor(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.xwrap = FakeXWrap()
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.store = RunStore(self.root)
        self.supervisor = Supervisor(
            Settings(on_death="keep"),
            self.store,
            Runnables(None),
            self.xwrap,  # type: ignore[arg-type]
            lambda event, params: self.told.append((event, params)),
        )
        self.addAsyncCleanup(self.supervisor.close)
        for name, value in (("_SETTLE_AGAIN_S", 0.01), ("_FOUND_S", 0.05), ("_LINK_S", 0.05)):
            self.enterContext(patch.object(module, name, value))

    def leave(self, set_id: int | None = 7, **fields: object) -> str:
        """Leave a run behind as an earlier server would."""
        directory = RunDirectory.claim(self.root, "x")
        directory.update(**fields)
        start = Start(form=FORM, limits=Limits(), xwrap="ws://x", wallet_set_id=set_id)
        start.write(directory.path)
        return directory.run_id

    async def settled(self, run_id: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while "settled" not in self.store.fields(run_id):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.store.fields(run_id)

    async def test_what_a_failed_run_has_left_is_dealt_with_once_xwrap_is_there(self) -> None:
        run_id = self.leave(state="failed", source="ws://x")
        self.xwrap.trouble = [Unavailable("away"), Unavailable("still")]
        with self.assertLogs("cryptick.supervisor"):
            self.supervisor.find()
            with self.assertRaisesRegex(ApiUsageError, "still being dealt with"):
                await self.supervisor.delete(run_id)
            await self.settled(run_id)
        self.assertEqual(self.xwrap.settled, [(7, "keep")])
        self.assertEqual(self.told[-1][1]["settled"], "done")
        await self.supervisor.delete(run_id)
        self.assertEqual(self.store.all(), {})

    async def test_one_that_never_traded_gives_its_funds_back_whatever_is_configured(self) -> None:
        await_settled = self.leave(state="failed")
        self.supervisor.find()
        await self.settled(await_settled)
        self.assertEqual(self.xwrap.settled, [(7, "release")])

    async def test_what_can_not_be_settled_says_why_and_a_backtest_has_nothing_to_settle(
        self,
    ) -> None:
        self.xwrap.trouble = [BadWalletConfig("there is no such set")]
        strange = self.leave(state="failed")
        backtest = self.leave(set_id=None, state="failed")
        self.supervisor.find()
        self.assertIn("no such set", (await self.settled(strange))["settled"])
        self.assertIn("nothing", (await self.settled(backtest))["settled"])

    async def test_a_run_whose_process_was_never_found_has_failed(self) -> None:
        run_id = self.leave(state="starting")
        self.supervisor.find()
        self.assertEqual(self.supervisor.running, 1)
        with self.assertRaisesRegex(Unavailable, "does not answer yet"):
            await self.supervisor.pause(run_id)
        fields = await self.settled(run_id)
        self.assertEqual((fields["state"], self.supervisor.running), ("failed", 0))
        with self.assertRaisesRegex(ApiUsageError, "has ended"):
            await self.supervisor.resume(run_id)

    async def test_what_a_run_began_with_is_told_with_what_it_has(self) -> None:
        for initial in (None, "10"):
            with self.subTest(initial):
                run_id = self.leave(state="starting", initial_equity=initial)
                self.supervisor.find()
                await self.settled(run_id)
                found = [params for _, params in self.told if params["run_id"] == run_id]
                self.assertEqual(found[0].get("initial_equity"), initial)

    async def test_a_run_of_the_command_line_is_steered_from_there(self) -> None:
        directory = RunDirectory.claim(self.root, "x")
        directory.update(state="running")
        self.supervisor.find()
        self.assertEqual(self.supervisor.running, 0)
        for work in (self.supervisor.stop, self.supervisor.pause):
            with self.assertRaisesRegex(ApiUsageError, "from a command line"):
                await work(directory.run_id)

    async def test_a_start_that_fails_leaves_nothing_behind(self) -> None:
        self.xwrap.trouble = [Unavailable("away")]
        with self.assertRaises(Unavailable):
            await self.supervisor.start(FORM, "me")
        with (
            patch.object(module, "spawn", side_effect=OSError(11, "no more processes")),
            self.assertRaisesRegex(Unavailable, "no more processes"),
        ):
            await self.supervisor.start(FORM, "me")
        self.assertEqual((list(self.root.iterdir()), self.supervisor.running), ([], 0))
        self.assertEqual(self.xwrap.settled, [(7, "release")])

    async def test_a_start_is_finished_even_if_nobody_waits_for_it(self) -> None:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def fund(run_id: str, balances: object) -> tuple[int, str | None]:
            asked.set()
            await go_on.wait()
            raise Unavailable("away")

        with patch.object(self.xwrap, "fund", fund):
            caller = asyncio.create_task(self.supervisor.start(FORM, "me"))
            await asked.wait()
            caller.cancel()
            go_on.set()
            async with asyncio.timeout(30):
                while self.supervisor.running:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        self.assertEqual(list(self.root.iterdir()), [])
