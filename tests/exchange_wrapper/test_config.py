import json
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any

from exchange_wrapper.config import Config, Settings, cast_bool, recursive_update
from exchange_wrapper.errors import ApiUsageError, XWrapError
from exchange_wrapper.limits import Limits, LimitsSettings
from exchange_wrapper.terms import Mode

EXCHANGE = {"mode": "paper", "class": "some.module.Exchange"}
GOOD: dict[str, Any] = {"currencies": ["btc", "USD", "BTC"], "exchanges": {"gdax": EXCHANGE}}


class WithAFile(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "config.json"

    def config(self, text: str, **environ: str) -> Config:
        self.path.write_text(text)
        config = Config(environ=environ)
        config.load(self.path)
        return config

    def settings(self, values: dict[str, Any], **environ: str) -> Settings:
        return Settings.from_config(self.config(json.dumps(values), **environ))


class AConfig(WithAFile):
    def test_prefers_the_environment_to_the_file_and_the_file_to_the_default(self) -> None:
        text = '{"env": {"RPC_PORT": 1, "WEB_PORT": 2}, "debug": "yes"}'
        config = self.config(text, RPC_PORT="3")
        self.assertEqual(config.getenv("RPC_PORT", 9, int), 3)
        self.assertEqual(config.getenv("WEB_PORT", 9, int), 2)
        self.assertEqual(config.getenv("RPC_HOST", "here"), "here")
        self.assertIs(config.get("debug", cast=cast_bool), True)
        self.assertIs(config.get("absent", False, cast_bool), False)
        self.assertIsNone(config.get("absent"))

    def test_of_two_files_is_both(self) -> None:
        config = self.config('{"a": {"x": 1, "y": 2}, "b": 3}')
        self.path.write_text('{"a": {"y": 5}}')
        config.load(self.path)
        self.assertEqual((config.get("a"), config.get("b")), ({"x": 1, "y": 5}, 3))

    def test_that_is_not_json_is_refused_with_line_and_column(self) -> None:
        with self.assertRaises(ApiUsageError) as caught:
            self.config('{"a": 1,\n  oops}')
        self.assertIn("line 2, column 3", caught.exception.message)

    def test_that_can_not_be_read_is_refused(self) -> None:
        self.assertRaises(ApiUsageError, Config().load, self.path)
        self.path.write_bytes(b'"\xff"')
        self.assertRaises(ApiUsageError, Config().load, self.path)
        for text in ("[]", '{"env": []}'):
            with self.subTest(text):
                self.assertRaises(ApiUsageError, self.config, text)

    def test_keeps_fractions_exact(self) -> None:
        self.assertEqual(self.config('{"fee": 0.1}').get("fee"), Decimal("0.1"))


class SettingsOfARun(WithAFile):
    def test_have_the_documented_defaults(self) -> None:
        settings = self.settings(GOOD, SQLITE_DB="/data/xwrap.db")
        self.assertEqual(settings.currencies, ("BTC", "USD"))
        self.assertEqual((settings.rpc_host, settings.rpc_port), ("127.0.0.1", 4200))
        self.assertEqual((settings.web_host, settings.web_port), ("127.0.0.1", 4242))
        self.assertEqual(settings.timeseries_db, Path("/data/timeseries.db"))
        (exchange,) = settings.exchanges
        self.assertEqual((exchange.name, exchange.mode), ("gdax", Mode.PAPER))
        self.assertEqual((exchange.history_days, exchange.latency_ms), (180, 5))

    def test_follow_the_environment(self) -> None:
        settings = self.settings(
            GOOD, SQLITE_DB="a.db", TIMESERIES_DB="b.db", RPC_PORT="1", WEB_HOST="::1"
        )
        self.assertEqual(settings.timeseries_db, Path("b.db"))
        self.assertEqual((settings.rpc_port, settings.web_host), (1, "::1"))
        self.assertEqual(settings.timeseries, Path("b.db"))
        dsn = "influxdb://user:secret@here/x"
        settings = self.settings(GOOD, SQLITE_DB="a.db", INFLUXDB_DSN=dsn)
        self.assertEqual(settings.timeseries, dsn)
        self.assertNotIn("secret", repr(settings))

    def test_give_a_paper_exchange_its_initial_balances(self) -> None:
        for balances, expected in (
            (None, ("1000000", "1000000", "100")),
            ({"usd": "5000.50", "BTC": 2}, ("5000.50", "0", "2")),
            ({}, ("0", "0", "0")),
        ):
            exchange = EXCHANGE if balances is None else EXCHANGE | {"balances": balances}
            with self.subTest(balances):
                settings = self.settings(GOOD | {"exchanges": {"x": exchange}}, SQLITE_DB="a.db")
                of_new_wallet = settings.exchanges[0].initial_balance
                found = [of_new_wallet(currency) for currency in ("USD", "USDT", "BTC")]
                self.assertEqual(found, [Decimal(amount) for amount in expected])

    def test_bound_what_may_be_ordered(self) -> None:
        self.assertEqual(self.settings(GOOD, SQLITE_DB="a.db").limits, LimitsSettings())
        limits = {
            "exchanges": {"gdax": {"open_orders": 200, "daily_loss_usd": "5000.5"}},
            "wallet_set": {"order_notional_usd": 10_000, "orders_per_minute": 60},
        }
        settings = self.settings(GOOD | {"limits": limits}, SQLITE_DB="a.db")
        self.assertEqual(
            settings.limits,
            LimitsSettings(
                {"gdax": Limits(open_orders=200, daily_loss_usd=Decimal("5000.5"))},
                Limits(order_notional_usd=Decimal(10_000), orders_per_minute=60),
            ),
        )

    def test_that_can_not_be_used_are_refused_by_name(self) -> None:
        bad = (
            ({"currencies": None}, "currencies"),
            ({"currencies": [1]}, "currencies"),
            ({"exchanges": {}}, "exchanges"),
            ({"exchanges": {"gdax": 1}}, "gdax"),
            ({"exchanges": {"gdax": {"mode": "paper"}}}, "class"),
            ({"exchanges": {"gdax": EXCHANGE | {"mode": "dream"}}}, "mode"),
            ({"exchanges": {"gdax": EXCHANGE | {"balances": []}}}, "balances"),
            ({"exchanges": {"gdax": EXCHANGE | {"mode": "live", "balances": {}}}}, "for paper"),
            ({"exchanges": {"gdax": EXCHANGE | {"balances": {"USD": "much"}}}}, "USD"),
            ({"exchanges": {"gdax": EXCHANGE | {"balances": {"USD": "-1"}}}}, "USD"),
            ({"exchanges": {"gdax": EXCHANGE | {"history_days": -1}}}, "history_days"),
            ({"exchanges": {"gdax": EXCHANGE | {"latency_ms": True}}}, "latency_ms"),
            ({"exchanges": {"gdax": EXCHANGE | {"record": "BTC_USD"}}}, "record"),
            ({"exchanges": {"gdax": EXCHANGE | {"record": [1]}}}, "record"),
            ({"exchanges": {"gdax": EXCHANGE | {"recording_mb": "9"}}}, "recording_mb"),
            ({"env": {"RPC_PORT": "high"}}, "RPC_PORT"),
            ({"limits": []}, "limits"),
            ({"limits": {"wallet_set": {"open_orders": -1}}}, "open_orders"),
            ({"limits": {"wallet_set": {"daily_loss_usd": "0"}}}, "above 0"),
            ({"limits": {"exchanges": {"nowhere": {}}}}, "nowhere"),
            ({"env": {"WEB_PORT": 65_536}}, "WEB_PORT"),
        )
        for change, name in bad:
            with self.subTest(change), self.assertRaises(XWrapError) as caught:
                self.settings(GOOD | change, SQLITE_DB="a.db")
            self.assertIn(name, caught.exception.message)

    def test_without_a_database_are_refused(self) -> None:
        for environ in ({}, {"SQLITE_DB": ""}):
            with self.subTest(environ), self.assertRaisesRegex(ApiUsageError, "SQLITE_DB"):
                self.settings(GOOD, **environ)

    def test_do_not_print_what_may_be_a_key(self) -> None:
        exchange = EXCHANGE | {"secret": "hush"}
        settings = self.settings(GOOD | {"exchanges": {"x": exchange}}, SQLITE_DB="a.db")
        self.assertNotIn("hush", repr(settings))


class Helpers(unittest.TestCase):
    def test_truth_is_read_as_people_write_it(self) -> None:
        for value, expected in {
            "1": True,
            "Yes": True,
            "off": False,
            "": False,
            "0": False,
        }.items():
            with self.subTest(value):
                self.assertIs(cast_bool(value), expected)
        self.assertRaises(ValueError, cast_bool, "maybe")

    def test_objects_are_updated_within_objects(self) -> None:
        old = {"a": {"b": {"c": 1}}, "d": 2}
        recursive_update(old, {"a": {"b": {"e": 3}}, "d": {"f": 4}})
        self.assertEqual(old, {"a": {"b": {"c": 1, "e": 3}}, "d": {"f": 4}})
