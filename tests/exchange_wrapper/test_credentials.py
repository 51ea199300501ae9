import copy
import json
import pickle
import tempfile
import traceback
import unittest
from pathlib import Path

from exchange_wrapper.credentials import Credentials, Secret, load_credentials
from exchange_wrapper.errors import ApiUsageError

WORDS = ("the-key", "the-secret", "the-passphrase")


def revealed(credentials: Credentials) -> tuple[str, ...]:
    parts = credentials.key, credentials.secret, credentials.passphrase
    return tuple(part.reveal() for part in parts)


class SecretTest(unittest.TestCase):
    def test_only_its_owner_sees_it(self) -> None:
        secret = Secret("the-secret")
        credentials = Credentials(secret, secret, secret)
        self.assertEqual(secret.reveal(), "the-secret")
        for shown in (f"{secret} {secret!r}", f"{credentials} {credentials!r}"):
            self.assertNotIn("the-secret", shown)
        for spread in (pickle.dumps, copy.copy, copy.deepcopy):
            for value in (secret, credentials):
                with self.subTest(spread), self.assertRaisesRegex(TypeError, "neither copied"):
                    pickle.dumps(spread(value))

    def test_an_empty_one_is_none(self) -> None:
        self.assertTrue(Secret("x"))
        self.assertFalse(Secret(""))


class LoadCredentials(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "keys.json"
        self.environ = {"XWRAP_KEYS_FILE": str(self.path)}

    def write(self, value: object, mode: int = 0o600) -> None:
        self.path.write_text(value if isinstance(value, str) else json.dumps(value))
        self.path.chmod(mode)

    def test_come_from_the_environment_first(self) -> None:
        self.write({"my-venue": {"key": "k", "secret": "s"}})
        names = ("KEY", "SECRET", "PASSPHRASE")
        environ = {f"XWRAP_MY_VENUE_{n}": w for n, w in zip(names, WORDS, strict=True)}
        loaded = load_credentials("my-venue", environ | self.environ)
        self.assertEqual(revealed(loaded), WORDS)
        del environ["XWRAP_MY_VENUE_SECRET"]
        with self.assertRaisesRegex(ApiUsageError, "XWRAP_MY_VENUE_SECRET is not set"):
            load_credentials("my-venue", environ)

    def test_come_from_a_file_of_their_owner_only(self) -> None:
        entry = dict(zip(("key", "secret", "passphrase"), WORDS, strict=True))
        self.write({"gdax": entry, "other": {"key": "k", "secret": "s"}})
        self.assertEqual(revealed(load_credentials("gdax", self.environ)), WORDS)
        self.assertEqual(revealed(load_credentials("other", self.environ)), ("k", "s", ""))
        with self.assertRaisesRegex(ApiUsageError, "has no keys of third"):
            load_credentials("third", self.environ)
        for mode in (0o640, 0o604, 0o620, 0o601, 0o777):
            with self.subTest(oct(mode)):
                self.path.chmod(mode)
                with self.assertRaisesRegex(ApiUsageError, "chmod 600"):
                    load_credentials("gdax", self.environ)

    def test_that_are_nowhere_are_asked_for_in_one_sentence(self) -> None:
        with self.assertRaisesRegex(ApiUsageError, "set XWRAP_GDAX_KEY, .*XWRAP_KEYS_FILE name"):
            load_credentials("gdax", {})
        with self.assertRaisesRegex(ApiUsageError, "can't be read: No such file"):
            load_credentials("gdax", self.environ)

    def test_that_can_not_be_read_are_not_shown(self) -> None:
        for value in ('{"gdax": the-secret', {"gdax": {"key": "the-secret"}},
                      {"gdax": {"key": "k", "secret": "s", "the-secret": 1}}):  # fmt: skip
            with self.subTest(value=value):
                self.write(value)
                with self.assertRaisesRegex(ApiUsageError, "must be JSON such as") as caught:
                    load_credentials("gdax", self.environ)
                told = "".join(traceback.format_exception(caught.exception))
                self.assertNotIn("the-secret", told)
