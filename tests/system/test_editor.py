"""A strategy's way through the editor's API: written, looked through, tried, promoted."""

from cryptick.new import template
from tests.system.cryptick_server import USD, Client
from tests.system.test_server import WithXWrap

DRAFT = "/editor/drafts/Mine"


class Writing(WithXWrap):
    async def editor(self) -> Client:
        return await self.server(editor=True, drafts=str(self.folder / "drafts"))

    async def refused(self, server: Client, path: str, body: object, status: int, why: str) -> None:
        answer = await server.http.put(path, json=body)
        self.assertEqual(answer.status_code, status, answer.text)
        self.assertIn(why, answer.json()["error"])

    async def test_a_strategy_is_written_tried_promoted_and_withdrawn(self) -> None:
        server = await self.editor()
        self.assertEqual(await server.get("/editor"), {"enabled": True, "drafts": []})
        text = (await server.get("/editor/template/Mine"))["text"]
        self.assertEqual(text, template("Mine"))
        wrong = text.replace("class Mine(Strategy)", "class Mine(Strategie)")
        answer = await server.http.post("/editor/inspect", json={"text": wrong})
        messages = [each["message"] for each in answer.json()["findings"]]
        self.assertTrue(any("Strategie" in each for each in messages), messages)

        await server.put(DRAFT, text=wrong, note="begun")
        saved = await server.put(DRAFT, text=text, version=1)
        self.assertEqual([each["version"] for each in saved["versions"]], [1, 2])
        self.assertEqual(await server.get(f"{DRAFT}/1"), {"text": wrong})
        stale = {"text": text, "version": 1}
        await self.refused(server, DRAFT, stale, 400, "at version 2 by now")

        backtest = {"mode": "backtest", "balances": USD}
        broken = "/runnables/Mine@1/start"
        await self.refused(server, broken, backtest, 400, "version 1 of Mine can't run: line")
        await self.refused(server, f"{DRAFT}/promote", {"version": 1}, 400, "can't run")
        paper = {"mode": "paper", "balances": USD}
        await self.refused(server, "/runnables/Mine@2/start", paper, 403, "promote Mine first")
        run_id = await server.start("Mine@2", "backtest")
        run = await server.until_state(run_id, "stopped", "failed")
        self.assertEqual((run["state"], run["strategy"]), ("stopped", "Mine"))
        again = (await server.put(f"/runs/{run_id}/rerun"))["run_id"]
        await server.until_state(again, "stopped")

        await self.refused(server, "/runnables/Mine/start", backtest, 404, "no strategy is called")
        self.assertEqual((await server.put(f"{DRAFT}/promote", version=2))["promoted"], 2)
        names = [each["name"] for each in await server.get("/runnables")]
        self.assertIn("Mine", names)
        promoted = await server.start("Mine", "backtest")
        await server.until_state(promoted, "stopped")
        await server.put(f"{DRAFT}/withdraw")
        await self.refused(server, "/runnables/Mine/start", backtest, 404, "no strategy is called")

    async def test_it_is_off_unless_the_settings_say_so(self) -> None:
        server = await self.server()
        self.assertEqual(await server.get("/editor"), {"enabled": False, "drafts": []})
        await self.refused(server, DRAFT, {"text": ""}, 403, "in the server's settings")
        answer = await server.http.post("/editor/inspect", json={"text": ""})
        self.assertEqual(answer.status_code, 403)
        backtest = {"mode": "backtest", "balances": USD}
        await self.refused(server, "/runnables/Mine@1/start", backtest, 403, "settings")
