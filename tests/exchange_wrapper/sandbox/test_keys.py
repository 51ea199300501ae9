import json
import os
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any

from exchange_wrapper.errors import ApiUsageError, XWrapError
from exchange_wrapper.sandbox.keys import (
    WS_VERIFY_PATH,
    Keyring,
    Profile,
    Proof,
    Unauthorized,
    read_profiles,
    sign,
)
from exchange_wrapper.times import SECOND, UtcNs

SECRET, STAMP = "c2VjcmV0", "1700000000"
NOW = UtcNs(1_700_000_000 * SECOND)
OWNER = Profile("main", "KEY", SECRET, "PASS", frozenset({"view"}), {})
ORDER = (
    '{"type":"limit","side":"buy","product_id":"BTC-USD","price":"60000.01","size":"0.01",'
    '"time_in_force":"GTC"}'
)


class Signatures(unittest.TestCase):
    def test_equal_the_golden_ones(self) -> None:
        for method, path, body, signature in (
            (
                "GET",
                "/orders?status=open&product_id=BTC-USD",
                "",
                "TFgxALG2UHYkkRp3xEH9ftolQQ1kluVOv4qO0jZwOVo=",
            ),
            ("POST", "/orders", ORDER, "92afXoqbCYm2tQAhFd0Vrrd0rRWE1EUTwGqmBQyimvQ="),
            ("GET", WS_VERIFY_PATH, "", "lhmJXK08fk9SI1ZwFXKFRrPtzfbNOwC+D1xMJJ/1KZg="),
        ):
            with self.subTest(method, path=path):
                self.assertEqual(sign(SECRET, STAMP, method, path, body), signature)


class Proofs(unittest.TestCase):
    def check(self, now: int = NOW, **changes: str) -> Profile:
        signature = sign(SECRET, changes.get("timestamp", STAMP), "GET", "/accounts", "")
        fields = {"key": "KEY", "signature": signature, "timestamp": STAMP, "passphrase": "PASS"}
        proof = Proof(**(fields | changes))
        return Keyring([OWNER]).check(proof, "GET", "/accounts", "", UtcNs(now))

    def test_name_their_profile(self) -> None:
        self.assertIs(self.check(), OWNER)

    def test_are_good_for_half_a_minute_either_way(self) -> None:
        for seconds, good in ((-31, False), (-30, True), (30, True), (31, False)):
            with self.subTest(seconds=seconds):
                if good:
                    self.check(NOW + seconds * SECOND)
                else:
                    with self.assertRaisesRegex(Unauthorized, "request timestamp expired"):
                        self.check(NOW + seconds * SECOND)

    def test_that_are_wrong_are_told_what_is(self) -> None:
        for changes, message in (
            ({"key": ""}, "CB-ACCESS-KEY header is required"),
            ({"signature": ""}, "CB-ACCESS-SIGN header is required"),
            ({"timestamp": ""}, "CB-ACCESS-TIMESTAMP header is required"),
            ({"passphrase": ""}, "CB-ACCESS-PASSPHRASE header is required"),
            ({"key": "other"}, "Invalid API Key"),
            ({"signature": "AAAA"}, "invalid signature"),
            ({"signature": "ÄÖÜ"}, "invalid signature"),
            ({"passphrase": "pass"}, "Invalid Passphrase"),
            ({"timestamp": "noon"}, "invalid timestamp"),
            ({"timestamp": "1e18"}, "invalid timestamp"),
            ({"timestamp": "1000000000000"}, "request timestamp expired"),
        ):
            with self.subTest(message), self.assertRaises(Unauthorized) as refused:
                self.check(**changes)
            self.assertEqual(refused.exception.message, message)


class KeyFiles(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "keys.json"

    def write(self, content: object, mode: int = 0o600) -> Path:
        self.path.write_text(content if isinstance(content, str) else json.dumps(content))
        os.chmod(self.path, mode)
        return self.path

    def entry(self, **changes: Any) -> dict[str, Any]:
        return {
            "name": "main", "key": "KEY", "secret": SECRET, "passphrase": "PASS",
            "balances": {"USD": "100.25"},
        } | changes  # fmt: skip

    def test_list_profiles(self) -> None:
        other = self.entry(name="other", key="K2", permissions=["view"], balances={})
        one, two = read_profiles(self.write([self.entry(), other]))
        self.assertEqual(one.balances, {"USD": Decimal("100.25")})
        self.assertEqual(one.permissions, {"view", "trade"})
        self.assertEqual(two.permissions, {"view"})
        self.assertNotEqual(one.profile_id, two.profile_id)
        self.assertNotIn(SECRET, repr(one))

    def test_that_others_may_read_are_refused(self) -> None:
        with self.assertRaisesRegex(ApiUsageError, "chmod 600"):
            read_profiles(self.write([self.entry()], 0o640))

    def test_that_are_wrong_are_told_why_without_the_secret(self) -> None:
        for content, part in (
            ("[", "not a list of profiles"),
            ([], "lists no profile"),
            ([self.entry(secret="no base64!")], "not base64"),
            ([self.entry(permissions=["fly"])], "fly"),
            ([self.entry(balances={"USD": "-1"})], "negative"),
            ([self.entry(balances={"USD": "0.00000000000000001"})], "too precise"),
            ([self.entry(balances={"USD": "much"})], "balance of USD"),
            ([self.entry(colour="red")], "colour"),
        ):
            with self.subTest(part), self.assertRaisesRegex(XWrapError, part) as refused:
                read_profiles(self.write(content))
            self.assertNotIn("no base64!", refused.exception.message)
        with self.assertRaisesRegex(XWrapError, "can't be read"):
            read_profiles(self.path.with_name("none.json"))

    def test_with_one_key_twice_are_refused(self) -> None:
        profiles = read_profiles(self.write([self.entry(), self.entry(name="other")]))
        with self.assertRaises(ApiUsageError):
            Keyring(profiles)
