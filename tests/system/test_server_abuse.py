"""The Cryptick server answers whatever it is asked, with one of the answers that it describes."""

import asyncio
import logging
import tempfile
import threading
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from cryptick.server.app import serve
from cryptick.server.settings import Settings
from exchange_wrapper.users.local_token import token_for
from tests.system.service_thread import service_thread

ANSWER_S_MAX = 30.0
RUN = '{"run_id": "x_1", "state": "stopped", "mode": "backtest", "strategy": "X"}'
KNOWN = {"run_id": ["x_1", "x_2", "../x_1"], "name": ["Echo", "Nobody", "./a.py:B"]}
bounded = settings(
    max_examples=6,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@contextmanager
def server_thread(folder: Path) -> Iterator[str]:
    """Run the server in a thread of its own, with an xWrap, and return its address."""
    up, over, urls = threading.Event(), asyncio.Event(), list[str]()
    loop = asyncio.new_event_loop()
    with service_thread() as xwrap:

        async def work() -> None:
            about = Settings(
                port=0,
                runs=str(folder),
                xwrap=xwrap.rpc_url,
                xwrap_http=xwrap.http_url,
                runs_max=1,
            )
            async with serve(about) as running:
                urls.append(running.url)
                up.set()
                await over.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(work(),))
        thread.start()
        try:
            assert up.wait(ANSWER_S_MAX), "the server did not start"
            yield urls[0]
        finally:
            loop.call_soon_threadsafe(over.set)
            thread.join()
            loop.close()


class OverHttp(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        logging.disable(logging.CRITICAL)
        cls.addClassCleanup(logging.disable, logging.NOTSET)
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        (folder / "x_1").mkdir()
        (folder / "x_1" / "run.json").write_text(RUN)
        cls.url = cls.enterClassContext(server_thread(folder))
        cls.headers = {"Authorization": f"Bearer {token_for(cls.url)}"}

    def test_every_route_answers_whatever_it_is_asked(self) -> None:
        document = httpx.get(f"{self.url}/openapi.json", trust_env=False).json()
        for operation in _operations(document):
            for mode in GenerationMode:
                if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation):
                    continue
                cases = operation.as_strategy(generation_mode=mode)
                with self.subTest(operation.label, mode=mode.value):
                    bounded(given(cases)(self.check))()
        health = httpx.get(f"{self.url}/health", trust_env=False)
        self.assertEqual(health.json(), {"status": "ok"})

    def check(self, case: schemathesis.Case) -> None:
        answer = case.call(base_url=self.url, timeout=ANSWER_S_MAX, headers=self.headers)
        checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
        case.validate_response(answer, checks=checks)
        if answer.status_code >= 400:
            self.assertEqual(set(answer.json()), {"error", "code", "data"})


def _operations(document: dict[str, Any]) -> Iterator[Any]:
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in KNOWN:
                    parameter["schema"] = {"enum": KNOWN[parameter["name"]]}
    # Nothing is started: these need time, and what they begin has tests of its own.
    del document["paths"]["/runnables/{name}/start"]["put"]["requestBody"]["content"][
        "application/json"
    ]["schema"]["$ref"]
    document["paths"]["/runnables/{name}/start"]["put"]["requestBody"]["content"][
        "application/json"
    ]["schema"] |= {
        "type": "object",
        "properties": {"mode": {"enum": ["paper", 1]}, "balances": {"type": "array"}},
    }
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        yield result.ok()


def _can_be_wrong(operation: Any) -> bool:
    raw = operation.definition.raw
    texts = {"run_id", "component_id", "name"}
    return any(each["name"] not in texts for each in raw["parameters"])
