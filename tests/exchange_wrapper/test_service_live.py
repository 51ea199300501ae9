import tempfile
import unittest
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from unittest import mock

from exchange_wrapper.config import ExchangeSettings
from exchange_wrapper.control import Control
from exchange_wrapper.db import create_database
from exchange_wrapper.desk import Desk
from exchange_wrapper.errors import ApiUsageError, Unavailable
from exchange_wrapper.journal import Journal
from exchange_wrapper.ledger import Ledger
from exchange_wrapper.limits import LimitsSettings, PreTradeLimits
from exchange_wrapper.models import MODELS
from exchange_wrapper.service.live import LiveExchanges, trading_of
from exchange_wrapper.terms import Mode
from exchange_wrapper.times import UtcNs
from tests.exchange_wrapper.live_port import FakeLivePort
from tests.exchange_wrapper.test_feed import ScriptedExchange

NOW = UtcNs(1_000)


class Port(FakeLivePort):
    """Holds so much USD; ``meanwhile`` happens while it is asked."""

    def __init__(self, usd: str) -> None:
        super().__init__()
        self.usd = Decimal(usd)
        self.asked = 0
        self.meanwhile: Callable[[], None] = lambda: None

    async def balances(self) -> Mapping[str, Decimal]:
        self.asked += 1
        if self.usd < 0:
            raise Unavailable("nobody answers")
        told = {"USD": self.usd}
        self.meanwhile()
        return told


class Live(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "xwrap.db"
        create_database(path, MODELS)
        self.ledger = Ledger()
        self.ledger.open_exchange("here", ["USD"])
        limits = PreTradeLimits(LimitsSettings(), lambda currency, exchange: None)
        self.control = Control(Desk(self.ledger), limits)
        journal = Journal(path, lambda: [], lambda changes: None, lambda error: None)
        await journal.open()
        self.addAsyncCleanup(journal.close)
        self.live = LiveExchanges(lambda: self.control, journal, lambda: NOW)

    def settings(self, mode: Mode) -> ExchangeSettings:
        return ExchangeSettings("here", mode, "some.Exchange", {})

    def settled(self) -> Decimal:
        return self.ledger.wallet(None, "here", "USD").settled

    def in_suspense(self) -> Decimal:
        return self.ledger.in_suspense("here", "USD")


class Balances(Live):
    async def test_are_taken_over_once_and_compared_from_then_on(self) -> None:
        port = Port("100")
        await self.live.reconcile("here", port)
        self.assertEqual((self.settled(), self.in_suspense()), (100, 0))
        port.usd = Decimal(99)
        await self.live.reconcile("here", port)
        self.assertEqual((self.settled(), self.in_suspense()), (100, -1))

    async def test_are_asked_for_again_if_something_was_booked_meanwhile(self) -> None:
        port = Port("100")
        await self.live.reconcile("here", port)

        def fill() -> None:
            port.meanwhile = lambda: None
            self.ledger.deposit("here", "USD", Decimal(1), NOW)
            port.usd = Decimal(101)

        port.meanwhile = fill
        await self.live.reconcile("here", port)
        self.assertEqual((port.asked, self.settled(), self.in_suspense()), (3, 101, 0))

    async def test_that_nobody_tells_change_nothing(self) -> None:
        with self.assertLogs("xwrap.service"):
            await self.live.reconcile("here", Port("-1"))
        self.assertEqual(self.settled(), 0)


class ModeOfAnExchange(Live):
    async def test_can_not_change_once_there_are_funds(self) -> None:
        for mode in Mode:
            self.live.check(self.settings(mode))
        self.ledger.deposit("here", "USD", Decimal(5), NOW)
        self.live.check(self.settings(Mode.PAPER))
        with self.assertRaisesRegex(ApiUsageError, '"here" has paper funds .* another name'):
            self.live.check(self.settings(Mode.LIVE))

    async def test_can_not_become_paper_after_it_was_live(self) -> None:
        await self.live.reconcile("here", Port("0"))
        self.live.check(self.settings(Mode.LIVE))
        with self.assertRaisesRegex(ApiUsageError, '"here" has live funds'):
            self.live.check(self.settings(Mode.PAPER))

    async def test_needs_keys_to_be_live(self) -> None:
        exchange = ScriptedExchange()
        self.assertIsNone(trading_of(exchange, Mode.PAPER))
        with (
            mock.patch.dict("os.environ", clear=True),
            self.assertRaisesRegex(ApiUsageError, "here can't trade live without keys"),
        ):
            trading_of(exchange, Mode.LIVE)
