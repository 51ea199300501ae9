import os
import tempfile
import unittest
from unittest.mock import patch

import httpx
from sanic.compat import Header

from cryptick.server.gate import Gate
from exchange_wrapper.errors import Forbidden, Unauthorised, Unavailable
from exchange_wrapper.users.local_token import token_for
from serving.roles import Identity, Role

LOCAL = "127.0.0.1"
FAR = "203.0.113.9"


class FakeRequest:
    method = "GET"

    def __init__(self, path: str, token: str | None, ip: str = LOCAL) -> None:
        self.path, self.ip = path, ip
        shown = {} if token is None else {"authorization": f"Bearer {token}"}
        self.headers = Header(shown)


class AGate(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.now_s, self.asked = 0.0, 0
        self.answer = httpx.Response(200, json={"name": "ann", "role": "trader", "kind": "user"})
        self.away = False
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(patch.dict(os.environ, {"XDG_STATE_HOME": folder}))
        client = httpx.AsyncClient(
            transport=httpx.MockTransport(self.whoami), base_url="http://xwrap"
        )
        self.gate = Gate("http://xwrap", lambda: self.now_s, client)
        self.addAsyncCleanup(self.gate.close)

    def whoami(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.away:
            raise httpx.ConnectError("refused")
        return self.answer

    async def who(self, token: str | None, path: str = "/runs", ip: str = LOCAL) -> Identity:
        caller = await self.gate.identify(FakeRequest(path, token, ip))  # type: ignore[arg-type]
        assert caller.identity is not None
        return caller.identity

    async def test_asks_xwrap_once_in_a_while(self) -> None:
        for at_s, asked in ((0, 1), (29, 1), (31, 2)):
            self.now_s = at_s
            identity = await self.who("t")
            self.assertEqual((identity.name, identity.role), ("ann", Role.TRADER))
            self.assertEqual(self.asked, asked)
        await self.who("another")
        self.assertEqual(self.asked, 3)

    async def test_a_refusal_is_remembered_for_a_short_time(self) -> None:
        for status, kind in ((401, Unauthorised), (403, Forbidden)):
            self.answer = httpx.Response(status, json={})
            token, before = f"wrong {status}".replace(" ", "-"), self.asked
            for at_s, asked in ((0, 1), (4, 1), (6, 2)):
                self.now_s = status * 100 + at_s
                with self.subTest(status, at_s=at_s), self.assertRaises(kind):
                    await self.who(token)
                self.assertEqual(self.asked, before + asked)

    async def test_while_xwrap_is_away_those_it_knew_go_on_for_a_time(self) -> None:
        await self.who("t")
        self.away = True
        for at_s in (31, 599):
            self.now_s = at_s
            self.assertEqual((await self.who("t")).name, "ann")
        self.now_s = 601
        with self.assertRaisesRegex(Unavailable, "can't say who you are"):
            await self.who("t")
        with self.assertRaises(Unavailable):
            await self.who("unknown")
        self.away, self.answer = False, httpx.Response(200, text="hello")
        with self.assertRaises(Unavailable):
            await self.who("t")
        self.answer = httpx.Response(502)
        with self.assertRaises(Unavailable):
            await self.who("t")

    async def test_what_is_no_token_is_never_asked_about(self) -> None:
        for token in (None, "x" * 3000, "tökën"):
            with self.subTest(token), self.assertRaises(Unauthorised):
                await self.who(token)
        self.assertEqual(self.asked, 0)

    async def test_local_tokens_are_for_this_machine(self) -> None:
        self.gate.publish_token(5999)
        token = token_for("http://127.0.0.1:5999")
        assert token is not None
        self.assertIs((await self.who(token)).role, Role.ADMIN)
        self.assertEqual(self.asked, 0)
        with self.assertRaises(Unauthorised):
            await self.who(token, ip=FAR)
        self.assertEqual((await self.who("xwl_of-xwrap")).name, "ann")  # as xWrap says

    async def test_health_is_open_on_loopback_only(self) -> None:
        self.assertIs((await self.who(None, "/health")).role, Role.VIEWER)
        with self.assertRaises(Unauthorised):
            await self.who(None, "/health", FAR)

    async def test_pages_are_admitted_and_dismissed_when_they_lose_their_right(self) -> None:
        with self.assertRaises(Unauthorised):
            await self.gate.admit(5, [], LOCAL)
        identity = await self.gate.admit("t", [], LOCAL)
        self.assertNotIn("token", repr(identity))
        dismissed: list[str] = []

        class Events:
            identities = {"sid": identity}  # noqa: RUF012

            async def dismiss(self, sid: str, reason: str) -> None:
                dismissed.append(sid)

        self.now_s, self.away = 31, True
        await self.gate.recheck(Events())  # type: ignore[arg-type]
        self.now_s = 1000
        with self.assertLogs("cryptick.gate"):
            await self.gate.recheck(Events())  # type: ignore[arg-type]
        self.assertEqual(dismissed, [])
        self.away, self.answer = False, httpx.Response(401, json={})
        await self.gate.recheck(Events())  # type: ignore[arg-type]
        self.assertEqual(dismissed, ["sid"])
