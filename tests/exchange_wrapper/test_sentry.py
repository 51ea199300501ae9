import logging
import unittest
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from exchange_wrapper import sentry
from exchange_wrapper.errors import LedgerBreach


class FakeTransport(Transport):
    def __init__(self) -> None:
        super().__init__({"dsn": "http://public@127.0.0.1:9/1"})
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            self.events.append(event)


class Reports(unittest.TestCase):
    def setUp(self) -> None:
        self.transport = FakeTransport()
        sentry.start("http://public@127.0.0.1:9/1", self.transport)
        self.addCleanup(sentry_sdk.init)  # without an address it is off again
        logger = self.logger = logging.getLogger("xwrap.test_sentry")
        logger.propagate = False
        handler = logging.NullHandler()
        logger.addHandler(handler)
        self.addCleanup(logger.removeHandler, handler)

    def test_say_where_it_broke_without_keys_amounts_or_variables(self) -> None:
        balance = "35521.123456789"
        try:
            raise LedgerBreach(f"wallet 7 has -{balance} available, key=hunter2")
        except LedgerBreach:
            self.logger.exception("it broke with %s and %s", balance, "token=abc")
        (event,) = self.transport.events
        (value,) = event["exception"]["values"]
        self.assertEqual((value["type"], event["level"]), ("LedgerBreach", "error"))
        self.assertEqual(value["value"], "wallet # has # available, key=[hidden]")
        self.assertEqual(
            value["stacktrace"]["frames"][-1]["function"],
            "test_say_where_it_broke_without_keys_amounts_or_variables",
        )
        self.assertEqual(event["logentry"], {"message": "it broke with %s and %s"})
        for leak in (balance, "35521", "hunter2", "abc"):
            self.assertNotIn(leak, str(event))

    def test_are_made_of_errors_only(self) -> None:
        self.logger.warning("only a warning")
        self.assertEqual(self.transport.events, [])
