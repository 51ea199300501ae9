import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import httpx

from cryptick.server.login import add_login
from exchange_wrapper.service.about import ABOUT
from exchange_wrapper.wsock_server import listen
from serving.http_server import HttpServer
from serving.registry import Api


class XWrap(BaseHTTPRequestHandler):
    heard: ClassVar[list[tuple[str, bytes, str | None, str | None]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        cookie, origin = self.headers["Cookie"], self.headers["X-Forwarded-For"]
        self.heard.append((self.path, body, cookie, origin))
        self.send_response(401 if b"wrong" in body else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "xwrap_refresh=r1; Path=/auth; HttpOnly; SameSite=Strict")
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')

    def log_message(self, format: str, *args: object) -> None:
        pass


class LoggingIn(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        XWrap.heard.clear()
        xwrap = ThreadingHTTPServer(("127.0.0.1", 0), XWrap)
        thread = Thread(target=xwrap.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(xwrap.server_close)
        self.addCleanup(xwrap.shutdown)
        self.client = await self.start(f"http://127.0.0.1:{xwrap.server_port}")

    async def start(self, xwrap_http: str) -> httpx.AsyncClient:
        server = HttpServer(Api(object(), about=ABOUT))
        add_login(server, xwrap_http)
        sock = listen("127.0.0.1", 0)
        await server.start(sock)
        self.addAsyncCleanup(server.shutdown)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        client = httpx.AsyncClient(base_url=url, trust_env=False)
        self.addAsyncCleanup(client.aclose)
        return client

    async def test_is_xwraps_matter_and_its_cookie_is_for_this_path_only(self) -> None:
        answer = await self.client.post("/xwrap/auth/login", json={"name": "ann"})
        self.assertEqual(answer.json(), {"status": "ok"})
        self.assertIn("Path=/xwrap/auth; HttpOnly", answer.headers["set-cookie"])
        await self.client.post("/xwrap/auth/refresh", json={})
        (login, body, no_cookie, came_from), (refresh, _, cookie, _) = XWrap.heard
        self.assertEqual((login, refresh), ("/auth/login", "/auth/refresh"))
        self.assertEqual((body, no_cookie, cookie), (b'{"name":"ann"}', None, "xwrap_refresh=r1"))
        self.assertEqual(came_from, "127.0.0.1")

    async def test_one_persons_session_is_not_the_next_ones(self) -> None:
        await self.client.post("/xwrap/auth/login", json={"name": "ann"})
        self.client.cookies.clear()
        await self.client.post("/xwrap/auth/refresh", json={})
        self.assertIsNone(XWrap.heard[1][2])

    async def test_a_refusal_comes_back_as_it_is(self) -> None:
        answer = await self.client.post("/xwrap/auth/login", json={"name": "wrong"})
        self.assertEqual(answer.status_code, 401)

    async def test_nothing_else_is_passed_on(self) -> None:
        answer = await self.client.post("/xwrap/auth/users", json={})
        self.assertEqual(answer.status_code, 404)
        self.assertEqual(XWrap.heard, [])

    async def test_says_so_where_xwrap_is_away(self) -> None:
        client = await self.start("http://127.0.0.1:9")
        answer = await client.post("/xwrap/auth/login", json={})
        self.assertEqual(answer.status_code, 503)
        self.assertIn("is it running?", answer.json()["error"])
