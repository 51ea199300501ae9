import unittest
from contextlib import suppress
from http.cookies import SimpleCookie

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.errors import ApiUsageError, Unauthorised
from exchange_wrapper.users.rpc_guard import (
    handshake_token,
    offered_subprotocols,
    pick_subprotocol,
)
from exchange_wrapper.users.tokens import Prefix, new_token
from serving.http_guard import (
    bearer_token,
    is_local,
    refresh_cookie,
    refresh_token,
    refuse_credentials_in_url,
)


class TheAuthorizationHeader(unittest.TestCase):
    def test_carries_one_bearer_token(self) -> None:
        for value in ("Bearer abc", "bearer abc", "BEARER  abc "):
            with self.subTest(value):
                self.assertEqual(bearer_token([("authorization", value)]), "abc")
        self.assertIsNone(bearer_token([("Accept", "*/*")]))

    def test_is_refused_otherwise(self) -> None:
        for values in (["Basic abc"], [""], ["Bearer"], ["Bearer a b"], ["Bearer a"] * 2, ["abc"]):
            with self.subTest(values), self.assertRaises(Unauthorised):
                bearer_token([("Authorization", value) for value in values])

    @given(st.text())
    def test_never_fails_in_another_way(self, value: str) -> None:
        headers = [("Authorization", value), ("Cookie", value)]
        refresh_token(headers)
        with suppress(Unauthorised):
            self.assertTrue(bearer_token(headers))


class TheRefreshCookie(unittest.TestCase):
    def test_comes_back_as_it_was_set(self) -> None:
        token = new_token(Prefix.REFRESH)
        cookie = refresh_cookie(token, 60, path="/auth", secure=True)
        (name, morsel), *rest = SimpleCookie(cookie).items()
        self.assertFalse(rest)
        self.assertTrue(morsel["httponly"] and morsel["secure"])
        self.assertEqual((morsel["samesite"], morsel["path"]), ("Strict", "/auth"))
        self.assertEqual(refresh_token([("Cookie", f"a=b; {name}={morsel.value}")]), token)
        self.assertNotIn("Secure", refresh_cookie(token, 60, path="/auth", secure=False))

    def test_may_be_absent_or_deleted(self) -> None:
        deleted = refresh_cookie("", 0, path="/auth", secure=False)
        self.assertIn("Max-Age=0", deleted)
        for cookie in ("", "a=b", "xwrap_refresh=", "\x00"):
            self.assertIsNone(refresh_token([("Cookie", cookie)]))
        self.assertIsNone(refresh_token([]))


class ARequest(unittest.TestCase):
    def test_is_local_unless_a_proxy_passed_it_on(self) -> None:
        self.assertTrue(is_local("127.0.0.1", [("Host", "x")]))
        self.assertFalse(is_local("192.0.2.1", []))
        for name in ("X-Forwarded-For", "Forwarded", "x-real-ip"):
            self.assertFalse(is_local("127.0.0.1", [(name, "127.0.0.1")]))

    def test_has_no_credentials_in_its_url(self) -> None:
        for url in ("/x?token=abc", "/x?a=1&PASSWORD=", "http://u:p@host/", "/?access_token=a"):
            with self.subTest(url), self.assertRaises(ApiUsageError):
                refuse_credentials_in_url(url)
        refuse_credentials_in_url("/orders/open?run_id=token&limit=3")


class AHandshake(unittest.TestCase):
    def test_shows_a_token_by_header_or_subprotocol(self) -> None:
        bearer = ("Authorization", "Bearer abc.d-e_f")
        offer = ("Sec-WebSocket-Protocol", ", ".join(offered_subprotocols("abc.d-e_f")))
        for headers, token in (
            ([bearer], "abc.d-e_f"),
            ([offer], "abc.d-e_f"),
            ([("Sec-WebSocket-Protocol", ",".join(offered_subprotocols(None)))], None),
            ([], None),
        ):
            with self.subTest(headers):
                self.assertEqual(handshake_token("/", headers), token)
        self.assertRaises(Unauthorised, handshake_token, "/", [bearer, offer])
        self.assertRaises(ApiUsageError, handshake_token, "/?token=abc", [])

    def test_is_answered_without_the_token(self) -> None:
        self.assertEqual(pick_subprotocol(offered_subprotocols("abc")), "xwrap.v1")
        self.assertIsNone(pick_subprotocol(["xwrap.bearer.abc"]))
