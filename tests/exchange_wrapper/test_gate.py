import asyncio
import json
import os
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import socketio
from socketio.exceptions import ConnectionError as NotConnected
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from exchange_wrapper.changes import Change
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.db import create_database
from exchange_wrapper.errors import (
    ApiUsageError,
    Forbidden,
    InsufficientFunds,
    Unauthorised,
    Unavailable,
)
from exchange_wrapper.models import MODELS
from exchange_wrapper.service.server import serve
from exchange_wrapper.times import UtcNs
from exchange_wrapper.users.accounts import FIRST_ADMIN
from exchange_wrapper.users.local_token import token_for
from exchange_wrapper.users.service import LOCAL_ADMIN, Users
from serving.roles import Role
from tests.exchange_wrapper.fake_exchange import rows, settings, until
from tests.exchange_wrapper.test_service import WithAService
from tests.exchange_wrapper.users.users_folder import PASSWORD, TINY

WALLETS = [{"exchange": "fake", "currency": "USD", "allocation": "50000"}]


class AGuardedService(WithAService):
    async def start(self, **exchange: Any) -> None:
        await super().start(**exchange)
        # Nothing of this machine's: as a program elsewhere would connect.
        self.web = httpx.AsyncClient(base_url=self.running.http_url, trust_env=False)
        self.stack.push_async_callback(self.web.aclose)

    def token(self, name: str, role: Role, wallet_set_id: int | None = None) -> str:
        with Users(self.folder / "xwrap.db", TINY) as users:
            return users.service_tokens.add(
                name, role, UtcNs(1), by=LOCAL_ADMIN, wallet_set_id=wallet_set_id
            )

    async def as_(self, token: str, **options: Any) -> XWrapClient:
        client = await XWrapClient.connect(self.running.rpc_url, token=token, **options)
        self.stack.push_async_callback(client.close)
        return client

    async def get(self, path: str, token: str | None = None, **headers: str) -> httpx.Response:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self.web.get(path, headers=headers)

    async def audit(self) -> list[tuple[str, str, str]]:
        with Users(self.folder / "xwrap.db", TINY) as users:
            return [
                (row["who"], row["method"], row["outcome"].partition(":")[0])
                for row in reversed(users.read_audit())
            ]


class TheWebsocket(AGuardedService):
    async def test_lets_nobody_in_without_a_valid_token(self) -> None:
        with (
            mock.patch.dict(os.environ, XDG_STATE_HOME=str(self.folder / "elsewhere")),
            self.assertRaisesRegex(Unauthorised, "needs a login or a token"),
        ):
            await XWrapClient.connect(self.running.rpc_url)
        for token in ("xws_wrong", "xwl_wrong", "nonsense"):
            with self.subTest(token), self.assertRaises(Unauthorised):
                await self.as_(token)

    async def test_refuses_the_local_token_through_a_proxy(self) -> None:
        token = token_for(self.running.rpc_url)
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9"}
        with self.assertRaises(InvalidStatus) as caught:
            await connect(self.running.rpc_url, additional_headers=headers, proxy=None)
        self.assertEqual(caught.exception.response.status_code, 401)

    async def test_refuses_tokens_in_the_address_and_addresses_that_are_none(self) -> None:
        for path in (f"/?token={token_for(self.running.rpc_url)}", "//[x"):
            with self.subTest(path), self.assertRaises(InvalidStatus) as caught:
                await connect(f"{self.running.rpc_url}{path}", proxy=None)
            self.assertEqual(caught.exception.response.status_code, 400)

    async def test_takes_a_page_by_its_subprotocol_and_answers_without_the_token(self) -> None:
        token: Any = f"xwrap.bearer.{token_for(self.running.rpc_url)}"
        known: Any = "xwrap.v1"
        async with connect(self.running.rpc_url, subprotocols=[known, token], proxy=None) as page:
            self.assertEqual(page.subprotocol, "xwrap.v1")

    async def test_asks_for_the_role_of_each_method(self) -> None:
        viewer = await self.as_(self.token("viewer", Role.VIEWER))
        await viewer.get_all_wallet_sets()
        with self.assertRaises(Forbidden):
            await viewer.create_wallet_set("run", [("fake", "USD", "1")])
        trader = await self.as_(self.token("trader", Role.TRADER))
        await trader.create_wallet_set("run", [("fake", "USD", "1")])
        with self.assertRaises(Forbidden):
            await trader.add_virtual_wallet_tx("fake", "USD", "1")

    async def test_dismisses_those_whose_token_was_revoked(self) -> None:
        client = await self.as_(self.token("bot", Role.TRADER))
        with Users(self.folder / "xwrap.db", TINY) as users:
            users.service_tokens.revoke("bot", UtcNs(2), by=LOCAL_ADMIN)
        await self.running.gate.recheck(self.running.websockets)
        await client.wait_closed()
        await self.client.get_status()  # the others stay


class ARun(AGuardedService):
    async def test_is_told_who_it_is_by_rpc_and_http(self) -> None:
        created = await self.client.call("create_wallet_set", run_id="mine", wallets=WALLETS)
        run = await self.as_(created["token"])
        told = await run.call("whoami")
        self.assertEqual(
            (told["role"], told["kind"], told["wallet_set_id"]),
            ("trader", "service", created["id"]),
        )
        answer = await self.get("/xwrap/v1/whoami", created["token"])
        self.assertEqual(answer.json(), told)
        self.assertEqual((await self.get("/xwrap/v1/whoami")).status_code, 401)

    async def test_sees_and_trades_its_own_wallet_set_only(self) -> None:
        started_at = (await self.client.get_notifications_since())["last_seq"]
        mine = await self.client.call("create_wallet_set", run_id="mine", wallets=WALLETS)
        other = await self.client.create_wallet_set("other", [("fake", "USD", "50000")])
        run = await self.as_(mine["token"])
        heard: list[tuple[str, Any]] = []
        for method, member in (
            ("order", "wallet_set_id"), ("trade", "wallet_set_id"), ("wallet_set", "id"),
            ("echo_ret", "end"),
        ):  # fmt: skip
            run.on(method, lambda params, m=method, k=member: heard.append((m, params[k])))
        await self.client.get_status()
        make: dict[str, Any] = {
            "exchange": "fake", "type": "market", "pair": "BTC_USD", "size": "0.1", "side": "buy",
        }  # fmt: skip
        await self.client.make_order(run_id="other", client_oid="b", wallet_set_id=other, **make)
        await self.done("b")
        self.assertEqual(
            await run.make_order(run_id="mine", client_oid="a", wallet_set_id=mine["id"], **make),
            ("accepted", ""),
        )
        await self.done("a")
        await self.client.echo_notify(end=0)
        await until(lambda: heard and heard[-1][0] == "echo_ret")
        self.assertEqual({each for _, each in heard[:-1]}, {mine["id"]})
        self.assertEqual({method for method, _ in heard[:-1]}, {"order", "trade", "wallet_set"})

        await run.get_exchanges()
        await run.get_wallet_set(mine["id"])
        self.assertEqual((await run.get_order("fake", "a"))["client_order_id"], "a")
        for method in ("list_open_orders", "list_recent_orders", "list_trades", "list_movements"):
            rows = await run.call(method, wallet_set_id=mine["id"])
            self.assertEqual(
                {row["wallet_set_id"] for row in rows}, {mine["id"]} if rows else set()
            )
        await run.call("cancel_all", wallet_set_id=mine["id"])
        missed = await run.get_notifications_since(0)
        told = [each for each in missed["notifications"] if each["method"] in ("order", "trade")]
        self.assertEqual({each["params"]["wallet_set_id"] for each in told}, {mine["id"]})
        missed = await run.get_notifications_since(started_at)
        self.assertTrue(missed["complete"])
        told = [
            each["params"] for each in missed["notifications"] if each["method"] == "wallet_set"
        ]
        self.assertEqual({each["id"] for each in told}, {mine["id"]})

        for method, arguments in (
            ("get_all_wallet_sets", {}),
            ("get_wallet_set", {}),
            ("get_wallet_set", {"set_id": other}),
            ("get_wallet_set_history", {"set_id": other}),
            ("get_total_wallet_set", {}),
            ("get_wallet", {"exchange": "fake", "base": "USD"}),
            ("make_order", {**make, "run_id": "mine", "client_oid": "c"}),
            ("make_order", {**make, "run_id": "m", "client_oid": "c", "wallet_set_id": other}),
            ("get_order", {"exchange": "fake", "client_order_id": "b"}),
            ("cancel_order", {"exchange": "fake", "client_order_id": "b"}),
            ("cancel_all", {"exchange": "fake"}),
            ("list_open_orders", {}),
            ("list_recent_orders", {"run_id": "other"}),
            ("list_trades", {"wallet_set_id": other}),
            ("list_movements", {"run_id": "mine"}),
            ("list_movements", {"wallet_set_id": other}),
            ("create_wallet_set", {"run_id": "more", "wallets": WALLETS}),
            ("deactivate_wallet_set", {"wallet_set_id": other}),
        ):
            with self.subTest(method, **arguments), self.assertRaises(Forbidden):
                await run.call(method, **arguments)

    async def test_can_connect_no_more_once_its_set_is_deactivated(self) -> None:
        mine = await self.client.call("create_wallet_set", run_id="mine", wallets=WALLETS)
        await (await self.as_(mine["token"])).close()
        await self.client.deactivate_wallet_set(mine["id"])
        with self.assertRaises(Unauthorised):
            await self.as_(mine["token"])

    async def test_can_connect_no_more_if_xwrap_ended_when_its_set_was_deactivated(self) -> None:
        tokens = {}
        for run_id in ("closed", "closing", "open"):
            created = await self.client.call("create_wallet_set", run_id=run_id, wallets=WALLETS)
            tokens[run_id] = created["token"]
            if run_id == "closing":
                await self.order("resting", created["id"], run_id=run_id)
            if run_id != "open":
                gate = self.service.gate
                assert gate is not None
                with (
                    mock.patch.object(gate, "revoke_run_tokens", side_effect=Unavailable("killed")),
                    self.assertRaisesRegex(Unavailable, "killed"),
                ):
                    await self.client.deactivate_wallet_set(created["id"], force=True)
        await self.restart()
        for run_id in ("closed", "closing"):
            with self.subTest(run_id), self.assertRaises(Unauthorised):
                await self.as_(tokens[run_id])
        await self.as_(tokens["open"])


class TheAuditLog(AGuardedService):
    async def test_has_the_row_of_an_order_in_the_orders_own_commit(self) -> None:
        path, seen = self.folder / "xwrap.db", []

        def look(changes: list[Change]) -> None:
            orders = rows(path, 'SELECT client_order_id FROM "order"')
            audit = rows(path, "SELECT arguments FROM auditrow WHERE method = 'make_order'")
            recorded = [json.loads(arguments)["client_oid"] for (arguments,) in audit]
            seen.append(([oid for (oid,) in orders], recorded))
            announce(changes)

        announce, self.engine.journal._announce = self.engine.journal._announce, look
        for oids in (["a"], ["b", "c"]):
            await asyncio.gather(*(self.order(oid) for oid in oids))
        await until(lambda: seen and len(seen[-1][0]) == 3)
        for stored, recorded in seen:
            self.assertEqual(recorded, stored)

    async def test_has_the_order_that_was_refused_a_moment_later(self) -> None:
        with self.assertRaises(InsufficientFunds):
            await self.order("a", size="1000")
        self.assertEqual((await self.order("b", size="0"))[0], "invalid")
        await self.stop()
        self.assertEqual(
            [(method, outcome) for _, method, outcome in await self.audit()][-2:],
            [("make_order", "insufficient_funds"), ("make_order", "ok")],
        )


class OverHttp(AGuardedService):
    async def test_only_health_metrics_and_descriptions_need_no_login_and_only_here(self) -> None:
        for path in (
            "/metrics", "/xwrap/v1/health", "/xwrap/v1/status", "/docs", "/openapi.json", "/uri_map"
        ):  # fmt: skip
            with self.subTest(path):
                self.assertEqual((await self.get(path)).status_code, 200)
                away = await self.get(path, **{"X-Forwarded-For": "203.0.113.9"})
                self.assertEqual(away.status_code, 401)
        refused = await self.get("/xwrap/v1/wallets/total")
        self.assertEqual(
            (refused.status_code, refused.headers["www-authenticate"]), (401, "Bearer")
        )
        viewer = self.token("viewer", Role.VIEWER)
        self.assertEqual((await self.get("/xwrap/v1/wallets/total", viewer)).status_code, 200)
        headers = {"Authorization": f"Bearer {viewer}"}
        answer = await self.web.post("/xwrap/v1/wallets/new", json={}, headers=headers)
        self.assertEqual(answer.status_code, 403)

    async def test_refuses_a_token_in_the_address(self) -> None:
        answer = await self.get(f"/xwrap/v1/status?token={self.token('viewer', Role.VIEWER)}")
        self.assertEqual(answer.status_code, 400)

    async def test_a_user_logs_in_refreshes_changes_the_password_and_logs_out(self) -> None:
        login = {"name": "root", "password": PASSWORD}
        answer = await self.web.post("/auth/login", json=login)
        self.assertEqual((answer.status_code, answer.json()["role"]), (200, "admin"))
        cookie = answer.headers["set-cookie"]
        for part in ("HttpOnly", "SameSite=Strict", "Path=/auth"):
            self.assertIn(part, cookie)
        first = answer.json()["access_token"]
        self.assertEqual((await self.get("/xwrap/v1/wallets/total", first)).status_code, 200)
        answer = await self.web.post("/auth/refresh", json={})
        self.assertEqual(answer.status_code, 200)
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        change = {"old": PASSWORD, "new": f"{PASSWORD} two"}
        answer = await self.web.post("/auth/password", json=change, headers=bearer)
        self.assertEqual(answer.status_code, 200)
        self.assertEqual((await self.get("/xwrap/v1/wallets/total", first)).status_code, 401)
        self.assertEqual((await self.web.post("/auth/login", json=login)).status_code, 401)
        login["password"] = change["new"]
        self.assertEqual((await self.web.post("/auth/login", json=login)).status_code, 200)
        self.assertEqual((await self.web.post("/auth/logout", json={})).status_code, 200)
        self.assertEqual((await self.web.post("/auth/refresh", json={})).status_code, 401)

    async def test_repeated_failures_say_when_to_try_again(self) -> None:
        for _ in range(20):
            answer = await self.web.post("/auth/login", json={"name": "root", "password": "wrong"})
            self.assertEqual(answer.status_code, 401)
            if "retry-after" in answer.headers:
                break
        self.assertGreater(int(answer.headers["retry-after"]), 0)

    async def test_login_names_what_is_wrong_with_its_arguments(self) -> None:
        for body, field in (
            ({"name": "root"}, "password"),
            ({"name": 1, "password": "x"}, "name"),
            ({"name": "root", "password": "x", "more": "y"}, "more"),
        ):
            with self.subTest(body):
                answer = await self.web.post("/auth/login", json=body)
                self.assertEqual((answer.status_code, answer.json()["data"]["field"]), (400, field))
        answer = await self.web.post("/auth/login", data={"name": "root", "password": PASSWORD})
        self.assertEqual(answer.status_code, 415)

    async def test_socket_io_tells_nothing_to_whom_it_does_not_know(self) -> None:
        mine = await self.client.call("create_wallet_set", run_id="mine", wallets=WALLETS)
        for auth in (None, {"token": "wrong"}, {"token": 1}, {"token": mine["token"]}):
            with self.subTest(auth):
                stranger = socketio.AsyncClient(reconnection=False)
                with self.assertRaises(NotConnected):
                    await stranger.connect(
                        self.running.http_url, auth=auth, transports=["websocket"]
                    )
                await stranger.eio.disconnect(abort=True)
        page = socketio.AsyncClient()
        heard: list[Any] = []
        page.on("echo_ret", heard.append)
        auth = {"token": self.token("viewer", Role.VIEWER)}
        await page.connect(self.running.http_url, auth=auth, transports=["websocket"])
        await self.client.echo_notify(number=1)
        await until(lambda: heard)
        await page.eio.disconnect(abort=True)


class Changes(AGuardedService):
    async def test_are_recorded_with_who_made_them_and_how_they_ended(self) -> None:
        trader = await self.as_(self.token("trader", Role.TRADER))
        set_id = await trader.create_wallet_set("run", [("fake", "USD", "10")])
        with self.assertRaises(Forbidden):
            await trader.add_virtual_wallet_tx("fake", "USD", "1")
        await trader.get_status()
        await self.client.deactivate_wallet_set(set_id)
        await self.stop()
        recorded = await self.audit()
        for row in (
            ("trader", "create_wallet_set", "ok"),
            ("trader", "add_virtual_wallet_tx", "forbidden"),
            ("local", "deactivate_wallet_set", "ok"),
        ):
            self.assertEqual(recorded.count(row), 1, recorded)
        self.assertNotIn("get_status", [method for _, method, _ in recorded])


class TheFirstStart(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        create_database(self.folder / "xwrap.db", MODELS)
        quick = mock.patch("exchange_wrapper.users.service.Passwords", lambda: TINY)
        self.enterContext(quick)

    async def test_shows_the_administrators_password_once(self) -> None:
        shown: list[str] = []
        for _ in range(2):
            async with serve(settings(self.folder), shown.append):
                pass
        self.assertEqual(len(shown), 1)
        self.assertIn(FIRST_ADMIN, shown[0])

    async def test_is_refused_where_others_can_reach_it_until_the_password_is_changed(self) -> None:
        exposed = replace(settings(self.folder), web_host="0.0.0.0")
        with self.assertRaisesRegex(ApiUsageError, "WEB_HOST is 0.0.0.0"):
            async with serve(exposed, lambda line: None):
                self.fail("it started")
        with Users(self.folder / "xwrap.db", TINY) as users:
            users.accounts.set_password(FIRST_ADMIN, UtcNs(1), by=LOCAL_ADMIN, password=PASSWORD)
        async with serve(exposed, self.fail):
            pass

    async def test_leaves_a_token_for_this_user_and_takes_it_back(self) -> None:
        async with serve(settings(self.folder), lambda line: None) as running:
            self.assertIsNotNone(token_for(running.rpc_url))
            self.assertIsNotNone(token_for(running.http_url))
        self.assertIsNone(token_for(running.rpc_url))
