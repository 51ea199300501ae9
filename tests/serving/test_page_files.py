import tempfile
import unittest
from pathlib import Path

import httpx

from exchange_wrapper.service.about import ABOUT
from exchange_wrapper.wsock_server import listen
from serving.http_server import HttpServer
from serving.page_files import add_page
from serving.registry import Api


class APage(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    async def start(self) -> httpx.AsyncClient:
        server = HttpServer(Api(object(), about=ABOUT))
        add_page(server, self.folder, "page.html")
        sock = listen("127.0.0.1", 0)
        await server.start(sock)
        self.addAsyncCleanup(server.shutdown)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        client = httpx.AsyncClient(base_url=url, trust_env=False)
        self.addAsyncCleanup(client.aclose)
        return client

    def build(self) -> None:
        (self.folder / "assets").mkdir()
        (self.folder / "page.html").write_text("<p>page")
        (self.folder / "icon.svg").write_text("<svg/>")
        (self.folder / "other.html").write_text("<p>other")
        (self.folder / "assets/page-1a2b.js").write_text("run()")

    async def test_is_served_with_its_files_under_a_policy_of_its_own(self) -> None:
        self.build()
        client = await self.start()
        for path, text, kind, cache in (
            ("/", "<p>page", "text/html; charset=utf-8", "no-cache"),
            ("/icon.svg", "<svg/>", "image/svg+xml", "no-cache"),
            ("/assets/page-1a2b.js", "run()", "text/javascript; charset=utf-8", "immutable"),
        ):
            with self.subTest(path):
                answer = await client.get(path)
                self.assertEqual((answer.status_code, answer.text), (200, text))
                self.assertEqual(answer.headers["content-type"], kind)
                self.assertIn(cache, answer.headers["cache-control"])
                self.assertIn("script-src 'self';", answer.headers["content-security-policy"])

    async def test_nothing_else_can_be_read(self) -> None:
        self.build()
        (self.folder.parent / "beside.txt").write_text("secret")
        self.addCleanup((self.folder.parent / "beside.txt").unlink)
        client = await self.start()
        for path in (
            "/other.html",
            "/assets/../other.html",
            "/assets/..%2Fother.html",
            "/assets/%2e%2e%2f%2e%2e%2fbeside.txt",
            "/assets/none.js",
        ):
            with self.subTest(path):
                self.assertEqual((await client.get(path)).status_code, 404)

    async def test_says_how_to_build_it_where_it_is_missing(self) -> None:
        client = await self.start()
        answer = await client.get("/")
        self.assertEqual(answer.status_code, 404)
        self.assertIn("make run", answer.json()["error"])
