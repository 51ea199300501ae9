import os
import tempfile
import unittest
from pathlib import Path

import jwt
from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.errors import DataError, Unauthorised
from exchange_wrapper.times import SECOND, UtcNs
from exchange_wrapper.users.tokens import (
    ACCESS_S,
    AccessTokens,
    Claims,
    Prefix,
    load_signing_key,
    new_token,
    token_hash,
)
from serving.roles import Role
from tests.exchange_wrapper.users.users_folder import START, after

KEY = bytes(range(32))
TOKENS = AccessTokens(KEY)
CLAIMS = Claims("ann", Role.TRADER, 3)
TOKEN = TOKENS.issue(CLAIMS, START)


class AnAccessToken(unittest.TestCase):
    def test_says_who_it_is_for_a_quarter_of_an_hour(self) -> None:
        whole_s = UtcNs(START // SECOND * SECOND)
        for seconds in (0, 1, ACCESS_S - 1):
            with self.subTest(seconds):
                self.assertEqual(TOKENS.read(TOKEN, UtcNs(whole_s + seconds * SECOND)), CLAIMS)
        with self.assertRaises(Unauthorised) as caught:
            TOKENS.read(TOKEN, UtcNs(whole_s + ACCESS_S * SECOND))
        self.assertEqual(caught.exception.data, {"expired": True})

    def test_from_the_future_is_refused_beyond_a_little_skew(self) -> None:
        TOKENS.read(TOKEN, after(-30))
        self.assertRaises(Unauthorised, TOKENS.read, TOKEN, after(-120))

    @given(st.integers(0, len(TOKEN) - 1), st.characters())
    def test_is_refused_once_any_character_is_changed(self, at: int, character: str) -> None:
        if character != TOKEN[at]:
            changed = TOKEN[:at] + character + TOKEN[at + 1 :]
            self.assertRaises(Unauthorised, TOKENS.read, changed, START)

    def test_has_no_second_text_for_its_last_character(self) -> None:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
        for character in set(alphabet) - {TOKEN[-1]}:
            self.assertRaises(Unauthorised, TOKENS.read, TOKEN[:-1] + character, START)

    @given(st.text())
    def test_is_not_any_text(self, text: str) -> None:
        for token in (text, TOKEN + text[:1] if text else "", f"{text}.{text}.{text}"):
            self.assertRaises(Unauthorised, TOKENS.read, token, START)

    def test_is_refused_from_anybody_else(self) -> None:
        now_s = START // SECOND
        good: dict[str, object] = {
            "iss": "xwrap",
            "aud": "xwrap-api",
            "iat": now_s,
            "exp": now_s + 60,
            "sub": "ann",
            "role": "trader",
            "generation": 3,
        }
        self.assertEqual(TOKENS.read(jwt.encode(good, KEY, "HS256"), START), CLAIMS)
        changes: tuple[dict[str, object], ...] = (
            {"iss": "else"},
            {"aud": "else"},
            {"sub": 7},
            {"role": "emperor"},
            {"exp": "soon"},
            {"generation": None},
            *({name: ...} for name in good),
        )
        for change in changes:
            with self.subTest(change):
                claims = {
                    name: value for name, value in (good | change).items() if value is not ...
                }
                token = jwt.encode(claims, KEY, "HS256")
                self.assertRaises(Unauthorised, TOKENS.read, token, START)
        forged = (
            jwt.encode(good, bytes(32), "HS256"),
            jwt.encode(good, KEY * 2, "HS512"),
            jwt.encode(good, "", "none"),
        )
        for token in forged:
            self.assertRaises(Unauthorised, TOKENS.read, token, START)


class TheSigningKey(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "xwrap.db.key"

    def test_is_made_once_for_its_owner_only(self) -> None:
        key = load_signing_key(self.path)
        self.assertEqual((len(key), self.path.stat().st_mode & 0o777), (32, 0o600))
        self.assertEqual(load_signing_key(self.path), key)

    def test_is_refused_if_others_may_read_it_or_it_is_none(self) -> None:
        load_signing_key(self.path)
        self.path.chmod(0o640)
        self.assertRaises(DataError, load_signing_key, self.path)
        for text in ("", "00", "what?"):
            with self.subTest(text):
                self.path.write_text(text)
                os.chmod(self.path, 0o600)
                self.assertRaises(DataError, load_signing_key, self.path)


class AnOpaqueToken(unittest.TestCase):
    def test_is_new_each_time_and_tells_its_kind(self) -> None:
        made = {new_token(prefix) for prefix in Prefix for _ in range(50)}
        self.assertEqual(len(made), 150)
        self.assertEqual({token[:4] for token in made}, set(Prefix))

    def test_is_not_in_what_is_stored(self) -> None:
        token = new_token(Prefix.SERVICE)
        self.assertNotIn(token[4:], token_hash(token))
        self.assertEqual(len(token_hash("\ud800")), 64)
