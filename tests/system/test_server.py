"""The Cryptick server with real processes: runs start, are steered, die, and outlive the server."""

import asyncio
import csv
import json
import os
import signal
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import socketio

from exchange_wrapper.candles import Candles
from exchange_wrapper.client import XWrapClient
from exchange_wrapper.service.server import serve
from exchange_wrapper.terms import ExchangeStatus
from exchange_wrapper.users.local_token import token_for
from serving.roles import LOCAL_ADMIN, Role
from tests.exchange_wrapper.fake_exchange import BTC_USD, FakeExchange, settings, snapshot, until
from tests.system.cryptick_server import USD, Client, cryptick_server


class WithXWrap(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.xwrap = await self.enterAsyncContext(serve(settings(self.folder, latency_ms=0)))
        self.engine = self.xwrap.service.engine
        venue = self.engine.venues["fake"]
        await until(lambda: venue.status is ExchangeStatus.READY)
        exchange = venue.exchange
        assert isinstance(exchange, FakeExchange)
        self.exchange = exchange
        time = np.arange(300) * 300
        price = np.full(300, 100)
        candles = Candles(300, 2, 0, time, price, price, price, price, price, time)
        await asyncio.to_thread(self.engine.store.write, "fake", "BTC_USD", candles)
        self.client = await self.enterAsyncContext(
            await XWrapClient.connect(self.xwrap.rpc_url, name="test")
        )

    async def server(self, **more: Any) -> Client:
        return await self.enterAsyncContext(cryptick_server(self.xwrap, self.folder, **more))

    def say(self, bid: str, ask: str) -> None:
        self.exchange.say(snapshot(BTC_USD, bid, ask))

    def pid(self, run_id: str) -> int:
        run = json.loads((self.folder / "runs" / run_id / "run.json").read_text())
        return int(run["pid"])

    def log(self, run_id: str) -> list[str]:
        text = (self.folder / "runs" / run_id / "run.log").read_text()
        return [line.partition(" ")[2] for line in text.splitlines()]

    async def until_components(self, server: Client, run_id: str) -> None:
        """Wait until all components of the demo are there: the button is the last one."""
        path = f"/runs/{run_id}/components/trade-now"
        async with asyncio.timeout(30):
            while (await server.http.get(path)).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def until_logged(self, run_id: str, words: str) -> None:
        async with asyncio.timeout(30):
            while words not in self.log(run_id):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)


class Runs(WithXWrap):
    async def test_a_run_starts_shows_itself_takes_posts_and_gives_its_funds_back(self) -> None:
        server = await self.server()
        names = [each["name"] for each in await server.get("/runnables")]
        self.assertIn("ComponentDemo", names)
        self.assertIn("Listening", names)
        parameters = await server.get("/runnables/ComponentDemo/parameters")
        self.assertEqual([each["name"] for each in parameters], ["base", "bars"])
        run_id = await server.start("ComponentDemo", label="mine", params={"bars": 3})
        run = await server.until_state(run_id, "running")
        self.assertEqual(
            (run["strategy"], run["mode"], run["label"], run["params"]["bars"]),
            ("ComponentDemo", "paper", "mine", 3),
        )
        self.assertEqual((await server.get("/runs"))[run_id]["running"], True)
        self.assertEqual(await server.get("/runs", state="failed"), {})

        path = f"/runs/{run_id}"
        await self.until_components(server, run_id)
        kinds = {each["id"]: each["kind"] for each in await server.get(f"{path}/components")}
        self.assertEqual(kinds["percent"], "slider")
        answer = await server.put(f"{path}/components/percent", value="7.5")
        self.assertEqual(answer, {"value": "7.5"})
        self.assertEqual((await server.get(f"{path}/components/percent"))["value"], "7.5")
        await server.put(f"{path}/components/trade-now", value="1")
        await server.until(run_id, lambda run: run.get("trades"))
        rows = await server.get(f"{path}/components/log/rows", last="true", limit="2")
        self.assertEqual(len(rows["rows"]), 2)
        self.assertEqual((await server.get(f"{path}/components/log/rows", limit="1"))["offset"], 0)
        posted = await server.get(f"{path}/messages", method="component.post")
        self.assertEqual(
            [each["message"]["params"] for each in posted["messages"]],
            [["percent", "7.5"], ["trade-now", "1"]],
        )
        self.assertTrue((await server.get(f"{path}/equity"))["rows"])
        self.assertEqual(len((await server.get(f"{path}/equity", points="1"))["rows"]), 1)
        (newest,) = (await server.get(f"{path}/messages", before="99999", limit="1"))["messages"]
        self.assertGreater(newest["sequence"], posted["messages"][-1]["sequence"])
        figures = await server.get(f"{path}/metrics")
        self.assertEqual((figures["initial_equity"], figures["trades"]), ("1000", 1))
        self.assertEqual(list(figures["fees_paid"]), ["USD"])
        self.assertIn("max_drawdown", figures["figures"])
        (row,) = (await server.get("/results", mode="paper", text="MINE"))["runs"]
        self.assertEqual((row["run_id"], row["fees_paid"]), (run_id, figures["fees_paid"]))
        self.assertLess(row["total_return"], 0)

        self.assertEqual((await server.http.get(f"{path}/report.html")).status_code, 404)
        self.assertEqual((await server.put(f"/run/{run_id}/stop"))["state"], "stopping")
        run = await server.until_state(run_id, "stopped", "failed")
        self.assertEqual(run["state"], "stopped", run.get("error"))
        self.assertEqual((await server.put(f"{path}/stop"))["state"], "stopped")
        trades = await server.get(f"{path}/trades")
        self.assertEqual(
            (trades["total"], trades["rows"][0][trades["columns"].index("side")]), (1, "buy")
        )
        self.assertEqual((await server.get(f"{path}/orders"))["total"], 1)
        summary = await server.get(f"{path}/report")
        self.assertEqual(run["equity"], summary["final_equity"])
        self.assertIn("bought", "".join((await server.get(f"{path}/log", tail="20"))["lines"]))
        sets = await self.client.get_all_wallet_sets()
        self.assertFalse((await self.client.get_wallet_set(run["wallet_set_id"]))["active"])
        self.assertEqual(sets["allocated"]["wallets"], [])

        page = await server.http.get(f"{path}/report.html")
        self.assertIn("ComponentDemo", page.text)
        self.assertEqual(page.headers["content-type"], "text/html; charset=utf-8")
        self.assertIn("sandbox", page.headers["content-security-policy"])
        opened = await server.put("/pages", run_id=run_id)
        bare = await server.http.get(opened["path"], headers={"Authorization": ""})
        self.assertEqual((bare.status_code, bare.text), (200, page.text))
        self.assertIn("sandbox", bare.headers["content-security-policy"])
        (performance,) = await server.get("/performance")
        self.assertEqual((performance["strategy"], performance["runs"]), ("ComponentDemo", 1))
        (everything,) = await server.get("/equity", mode="paper")
        self.assertEqual(everything["currency"], "USD")
        await server.http.delete(path)
        self.assertEqual((await server.http.get(path)).status_code, 404)
        self.assertEqual((await server.get("/results"))["total"], 0)

    async def test_twenty_started_at_once_have_names_of_their_own(self) -> None:
        server = await self.server()
        ids = await asyncio.gather(*(server.start("Echo", "backtest") for _ in range(20)))
        self.assertEqual(len(set(ids)), 20)
        for run_id in ids:
            run = await server.until_state(run_id, "stopped", "failed")
            self.assertEqual(run["state"], "stopped", run.get("error"))
        compared = await server.get("/compare", run_id=",".join(ids[:2]))
        for each in compared.values():
            self.assertEqual(each["summary"]["final_equity"], "1000")
            self.assertEqual(each["equity"][-1][1], "1000.00000000")
        metrics = (await server.http.get("/metrics")).text
        self.assertIn('cryptick_runs{mode="backtest",state="stopped"} 20.0', metrics)

    async def test_the_same_request_starts_one_run_also_at_the_next_server(self) -> None:
        server = await self.server()
        ids = [server.start("Echo", "backtest", request_id="page-1") for _ in range(5)]
        (run_id,) = set(await asyncio.gather(*ids))
        other = await server.start("Echo", "backtest", request_id="page-2")
        self.assertNotEqual(other, run_id)
        again = await self.server()
        self.assertEqual(await again.start("Echo", "backtest", request_id="page-1"), run_id)
        self.assertEqual(len(await again.get("/runs")), 2)

    async def test_a_pause_keeps_prices_and_timers_away_and_tells_the_newest_after_it(self) -> None:
        server = await self.server()
        coins = {"exchange": "fake", "base": "BTC", "balance": 1}
        run_id = await server.start("Listening", balances=[*USD, coins])
        await server.until(run_id, lambda run: run.get("orders") == 1)
        await self.until_logged(run_id, "tick")
        self.assertEqual((await server.put(f"/runs/{run_id}/pause"))["state"], "paused")
        self.assertEqual((await server.get(f"/runs/{run_id}"))["state"], "paused")
        before = len(self.log(run_id))
        for bid in (9990, 9980):
            self.say(str(bid), "10000")
            # The run itself knows the price, and counts with it.
            await server.until(run_id, lambda run, bid=bid: Decimal(run["equity"]) == 1000 + bid)
        self.assertEqual(len(await self.client.list_open_orders(run_id)), 1)
        self.assertEqual(self.log(run_id)[before:], [])
        await server.put(f"/runs/{run_id}/resume")
        async with asyncio.timeout(30):
            while len(self.log(run_id)) < before + 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        self.assertEqual(self.log(run_id)[before : before + 2], ["bid 9980", "tick"])
        await server.put(f"/runs/{run_id}/pause")
        await server.put(f"/runs/{run_id}/stop")
        self.assertEqual(
            (await server.until_state(run_id, "stopped", "failed"))["state"], "stopped"
        )

    async def test_a_backtest_runs_again_and_what_it_prints_is_kept(self) -> None:
        server = await self.server()
        first = await server.start("Talking", "backtest", label="mine")
        await server.until_state(first, "stopped", "failed")
        again = (await server.put(f"/runs/{first}/rerun"))["run_id"]
        await server.until_state(again, "stopped", "failed")
        compared = await server.get("/compare", run_id=f"{first},{again}")
        self.assertEqual(compared[first]["equity"], compared[again]["equity"])
        run = await server.get(f"/runs/{again}")
        self.assertEqual((run["label"], run["start"], run["end"]), ("mine", 0, 90_000))
        output = await server.get(f"/runs/{again}/output", tail="2")
        self.assertEqual(output["lines"], ["bar 299", "bar 300"])
        first_page = await server.get(f"/runs/{again}/output", limit="1")
        self.assertEqual((first_page["lines"], first_page["next"]), (["bar 1"], 6))

    async def test_a_backtest_halts_goes_on_and_stops_between_events(self) -> None:
        server = await self.server()
        run_id = await server.start("Slow", "backtest")
        await server.until_state(run_id, "running")
        await server.put(f"/runs/{run_id}/pause")
        await server.until_state(run_id, "paused")
        await server.put(f"/runs/{run_id}/resume")
        await server.put(f"/runs/{run_id}/stop")
        run = await server.until_state(run_id, "stopped", "failed")
        self.assertEqual(run["state"], "stopped", run.get("error"))

    async def test_a_failure_keeps_its_traceback_and_the_message_that_caused_it(self) -> None:
        server = await self.server(limits={"memory_mb": 1500})
        ids = {name: await server.start(name) for name in ("Failing", "Greedy")}
        for name, words in (
            ("Failing", "KeyError on the quote of fake BTC_USD"),
            ("Greedy", "needed more memory than its limit of 1500 MB"),
        ):
            with self.subTest(name):
                run = await server.until(ids[name], lambda run: "settled" in run)
                self.assertEqual(run["state"], "failed")
                self.assertIn(words, run["error"])
                self.assertIn("own.py", run["traceback"])
        health = await server.get("/health")
        self.assertEqual(health, {"status": "ok"})

    async def test_one_that_does_not_stop_is_killed(self) -> None:
        server = await self.server(stop_s=1.0)
        run_id = await server.start("Stubborn")
        await server.until_state(run_id, "running")
        await server.put(f"/runs/{run_id}/stop")
        run = await server.until_state(run_id, "failed")
        self.assertIn("did not stop within 1 s", run["error"])

    async def test_events_tell_of_runs_components_and_to_followers_of_messages(self) -> None:
        server = await self.server()
        heard: dict[str, list[Any]] = {name: [] for name in ("run", "component", "message", "log")}
        page = socketio.AsyncClient()
        for name, events in heard.items():
            page.on(name, events.append)
        url = server.service.url("http")
        await page.connect(url, auth={"token": token_for(url)}, transports=["websocket"])
        self.addAsyncCleanup(page.disconnect)
        run_id = await server.start("ComponentDemo")
        for channel in ("messages", "log"):
            told = await page.call("subscribe", {"run_id": run_id, "channel": channel})
            self.assertEqual(told, {"status": "ok"})
        told = await page.call("subscribe", {"run_id": "../x_1", "channel": "log"})
        self.assertEqual(told["error"]["data"]["error"], "unknown_name")
        await self.until_components(server, run_id)
        await server.put(f"/runs/{run_id}/components/percent", value="2.5")
        await server.put(f"/runs/{run_id}/stop")
        async with asyncio.timeout(30):
            while not (  # noqa: ASYNC110 - several things have to come
                heard["message"]
                and heard["log"]
                and any(event["state"] == "stopped" for event in heard["run"])
            ):
                await asyncio.sleep(0.05)
        numbers = [
            e["seq"] for e in sorted(heard["run"] + heard["component"], key=lambda e: e["seq"])
        ]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertIn("percent", [event["component"]["id"] for event in heard["component"]])
        run = await server.get(f"/runs/{run_id}")
        self.assertGreaterEqual(run["seq"], numbers[-1])


class Deaths(WithXWrap):
    async def test_a_killed_run_is_noticed_and_settled_as_configured(self) -> None:
        for policy, orders, active in (
            ("cancel", 0, True),
            ("keep", 1, True),
            ("release", 0, False),
        ):
            with self.subTest(policy):
                async with cryptick_server(self.xwrap, self.folder, on_death=policy) as server:
                    run_id = await server.start("Listening")
                    await server.until_state(run_id, "running")
                    async with asyncio.timeout(30):
                        while not await self.client.list_open_orders(run_id):  # noqa: ASYNC110
                            await asyncio.sleep(0.02)
                    os.kill(self.pid(run_id), signal.SIGKILL)
                    run = await server.until(run_id, lambda run: "settled" in run)
                    self.assertEqual((run["state"], run["error"]), ("failed", "killed by signal 9"))
                    left = await self.client.list_open_orders(run_id)
                    self.assertEqual(len(left), orders)
                    found = await self.client.get_wallet_set(run["wallet_set_id"])
                    self.assertEqual(found["active"], active)

    async def test_runs_outlive_the_server_and_the_next_one_finds_them(self) -> None:
        async with cryptick_server(self.xwrap, self.folder) as server:
            lives, dies = await asyncio.gather(server.start("Listening"), server.start("Listening"))
            for run_id in (lives, dies):
                await server.until_state(run_id, "running")
            await server.service.kill()
        process = os.pidfd_open(self.pid(dies))
        os.kill(self.pid(dies), signal.SIGKILL)
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(process, gone.set)
        async with asyncio.timeout(30):
            await gone.wait()
        asyncio.get_running_loop().remove_reader(process)
        os.close(process)
        server = await self.server()
        run = await server.until(dies, lambda run: "settled" in run)
        self.assertEqual(run["state"], "failed")
        self.assertIn("while no server was there", run["error"])
        self.assertEqual((await server.get(f"/runs/{lives}"))["state"], "running")
        await server.put(f"/runs/{lives}/pause")
        await server.put(f"/runs/{lives}/stop")
        run = await server.until_state(lives, "stopped", "failed")
        self.assertEqual(run["state"], "stopped", run.get("error"))
        with (self.folder / "runs" / lives / "orders.csv").open(newline="") as file:
            self.assertEqual([row["status"] for row in csv.DictReader(file)], ["done"])


class Callers(WithXWrap):
    async def test_each_role_may_do_its_own(self) -> None:
        server = await self.server()
        users = self.xwrap.gate._users
        tokens = {
            role: await self.xwrap.gate.ask(
                lambda users, now, role=role: users.service_tokens.add(
                    f"a-{role}", role, now, by=LOCAL_ADMIN
                )
            )
            for role in Role
        }
        assert users is not None
        limited = await self.client.call("create_wallet_set", run_id="x", wallets=[])
        tokens_by_name: dict[str, str] = {role.value: token for role, token in tokens.items()}
        tokens_by_name |= {"nobody": "xws_wrong", "one set's": limited["token"]}
        start = {"mode": "backtest", "balances": USD}
        for who, method, path, body, status in (
            ("viewer", "GET", "/runs", None, 200),
            ("viewer", "PUT", "/runnables/EchoStrategy/start", start, 403),
            ("trader", "PUT", "/runnables/EchoStrategy/start", start, 200),
            ("trader", "DELETE", "/runs/echostrategy_0", None, 403),
            ("nobody", "GET", "/runs", None, 401),
            ("one set's", "GET", "/runs", None, 403),
            ("admin", "GET", "/runs", None, 200),
        ):
            with self.subTest(who, path=path):
                headers = {"Authorization": f"Bearer {tokens_by_name[who]}"}
                answer = await server.http.request(method, path, json=body, headers=headers)
                self.assertEqual(answer.status_code, status, answer.text)
        hidden = [("/runs", 401), ("/results", 401), (f"/pages/{'x' * 32}", 404), ("/pages/x", 401)]
        for path, status in (("/health", 200), ("/metrics", 200), ("/docs", 200), *hidden):
            with self.subTest("without a token", path=path):
                answer = await server.http.get(path, headers={"Authorization": ""})
                self.assertEqual(answer.status_code, status)
        await server.until_state("echostrategy_0", "stopped", "failed")
        changes = (self.folder / "runs/changes.jsonl").read_text().splitlines()
        told = [(line["who"], line["method"]) for line in map(json.loads, changes)]
        refused_and_done = [("a-viewer", "start_run"), ("a-trader", "start_run")]
        self.assertEqual(told, [*refused_and_done, ("a-trader", "delete_run")])

    async def test_each_mistake_gets_one_sentence(self) -> None:
        server = await self.server(runs_max=1)
        backtest = {"mode": "backtest", "balances": USD}
        paper = {"mode": "paper", "balances": USD}

        def funds(**changed: Any) -> list[dict[str, Any]]:
            return [{**USD[0], **changed}]

        for path, body, status, words in (
            ("Nobody", backtest, 404, "no strategy is called"),
            ("..%2F..%2Fetc%2Fpasswd", backtest, 404, "no strategy is called"),
            (".%2Fown.py:Failing", backtest, 404, "no strategy is called"),
            ("Echo", {**backtest, "balances": []}, 400, "no balance"),
            ("Echo", {**backtest, "balances": funds(balance="-1")}, 400, "more than 0"),
            ("Echo", {**backtest, "balances": USD * 2}, 400, "given twice"),
            ("Echo", {**backtest, "start": 10, "end": 5}, 400, "must be after the start"),
            ("Echo", {**backtest, "params": {"colour": 1}}, 400, "no parameter 'colour'"),
            ("Echo", {**backtest, "freq": "soon"}, 400, "is not a candle length"),
            ("Echo", {**backtest, "fill_model": "lucky"}, 400, "must be one of"),
            ("Echo", {**backtest, "slippage_bps": "10000"}, 400, "below 10000"),
            ("Echo", {**backtest, "fill_model": "book", "slippage_bps": 1}, 400, "for candles"),
            ("Echo", {**backtest, "latency_ms": -1}, 400, ">= 0"),
            ("Echo", {**backtest, "label": "a\nb"}, 400, "printable"),
            ("Echo", {**backtest, "balances": USD * 201}, 400, "more balances"),
            ("Echo", {**paper, "start": 10}, 400, "begins now"),
            ("Echo", {**paper, "latency_ms": 10}, 400, "are for a backtest"),
            ("Echo", {**paper, "balances": funds(exchange="mars")}, 404, "no exchange 'mars'"),
            ("Echo", {**paper, "balances": funds(balance="9999999999")}, 400, "unallocated"),
            ("Echo", {**paper, "mode": "live"}, 403, "confirm=true"),
            ("Echo", {**paper, "mode": "live", "confirm": True}, 400, "is a paper one"),
            ("Echo", {**paper, "mode": "dream"}, 400, "mode"),
        ):
            with self.subTest(path, body=body):
                answer = await server.http.put(f"/runnables/{path}/start", json=body)
                self.assertEqual(answer.status_code, status, answer.text)
                self.assertIn(words, answer.json()["error"])
        self.assertEqual(await server.get("/runs"), {})  # nothing is left behind

        lasting = await server.start("Listening")
        for method, path, status in (
            ("PUT", "/runnables/Echo/start", 400),  # one more than may run
            ("DELETE", f"/runs/{lasting}", 400),
            ("PUT", f"/runs/{lasting}/resume", 200),
            ("GET", "/runs/..%2F..%2Fsettings_1", 404),
            ("GET", "/runs/x_1", 404),
            ("PUT", "/runs/x_1/stop", 404),
            ("PUT", "/runs/x_1/pause", 404),
            ("GET", f"/runs/{lasting}/components/..%2F..%2Frun", 404),
            ("GET", f"/runs/{lasting}/report", 404),
            ("GET", f"/runs/{lasting}/log?limit=1001", 400),
            ("GET", f"/runs/{lasting}/messages?after=-1", 400),
            ("GET", "/compare?run_id=,", 400),
            ("GET", "/compare?run_id=x_1", 404),
            ("PUT", f"/runs/{lasting}/rerun", 400),
            ("PUT", "/runs/x_1/rerun", 404),
            ("PUT", "/pages", 400),
            ("GET", "/pages/x", 404),
            ("GET", "/sweeps/..%2Fx_1", 404),
            ("GET", f"/runs/{lasting}/equity?points=0", 400),
            ("GET", f"/runs/{lasting}/output?limit=1001", 400),
        ):
            with self.subTest(method, path=path):
                if path.endswith("resume"):
                    await server.until_state(lasting, "running")
                body = {"json": backtest} if path.endswith("start") else {}
                answer = await server.http.request(method, path, **body)
                self.assertEqual(answer.status_code, status, answer.text)
        await server.put(f"/runs/{lasting}/stop")
        await server.until_state(lasting, "stopped", "failed")
        answer = await server.http.put(f"/runs/{lasting}/pause")
        self.assertEqual((answer.status_code, "has ended" in answer.text), (400, True))

    async def test_history_is_told_by_exchange_and_pair(self) -> None:
        server = await self.server()
        history = await server.get("/history")
        (candles,) = history["candles"]
        self.assertEqual(
            (candles["pair"], candles["freq_s"], candles["start"], candles["end"]),
            ("BTC_USD", 300, 0, 90_000),
        )
