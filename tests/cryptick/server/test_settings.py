import json
import os
import tempfile
import unittest
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from cryptick.control import started_ticks
from cryptick.errors import UsageError
from cryptick.server.__main__ import main
from cryptick.server.runnables import Runnables
from cryptick.server.settings import load_settings
from cryptick.server.store import RunStore
from cryptick.start_form import Start
from exchange_wrapper.errors import DataError, UnknownName


class InAFolder(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))


class TheSettings(InAFolder):
    def write(self, text: str) -> str:
        path = self.folder / "settings.json"
        path.write_text(text)
        return str(path)

    def test_the_environment_comes_before_the_file(self) -> None:
        path = self.write(json.dumps({"exchanges": {}, "cryptick": {"port": 1, "runs": "here"}}))
        environment = {"CRYPTICK_PORT": "2", "PUBLIC_HOST": "a,b"}
        settings = load_settings(path, environment)
        self.assertEqual(
            (settings.port, settings.runs, settings.public_hosts), (2, "here", ("a", "b"))
        )
        self.assertEqual(load_settings(None, {}).port, 5726)

    def test_each_mistake_is_named(self) -> None:
        for text, words in (
            ("{", "not a settings file"),
            ('{"cryptick": {"colour": 1}}', "colour"),
            ('{"cryptick": {"port": 99999}}', "port"),
            ('{"cryptick": {"on_death": "weep"}}', "on_death"),
        ):
            with self.subTest(text), self.assertRaisesRegex(UsageError, words):
                load_settings(self.write(text), {})
        with self.assertRaisesRegex(UsageError, "can't be read"):
            load_settings(str(self.folder / "absent"), {})

    def test_a_server_that_can_not_start_says_why_in_its_status(self) -> None:
        config = self.write(json.dumps({"cryptick": {"runs": "/proc/none", "port": 0}}))
        self.enterContext(redirect_stderr(StringIO()))
        self.assertEqual(main(["--config", config]), 4)
        config = self.write(json.dumps({"cryptick": {"host": "203.0.113.9", "port": 0}}))
        self.assertEqual(main(["--config", config, "--runs-dir", str(self.folder)]), 4)
        self.assertEqual(main(["--config", str(self.folder / "absent")]), 2)


class TheStore(InAFolder):
    def test_broken_and_foreign_directories_are_passed_over(self) -> None:
        for name, text in (
            ("good_1", '{"state": "stopped"}'),
            ("broken_1", "{"),
            ("good", "{}"),
            ("live_2", '{"state": "running"}'),
        ):
            (self.folder / name).mkdir()
            (self.folder / name / "run.json").write_text(text)
        (self.folder / "empty_1").mkdir()
        store = RunStore(self.folder)
        runs = store.all()
        self.assertEqual(
            {name: run["running"] for name, run in runs.items()}, {"good_1": False, "live_2": True}
        )
        for run_id in ("good", "empty_1", "../x_1", "good_1/", ""):
            with self.subTest(run_id), self.assertRaises(UnknownName):
                store.path(run_id)
        with self.assertRaises(DataError):
            store.fields("broken_1")
        store.delete("good_1")
        self.assertEqual(list(store.all()), ["live_2"])
        self.assertEqual(RunStore(self.folder / "absent").all(), {})
        with self.assertRaises(DataError):
            Start.read(self.folder / "live_2")

    def test_a_process_is_known_by_when_it_started(self) -> None:
        self.assertIsNotNone(started_ticks(os.getpid()))
        self.assertIsNone(started_ticks(2**22 + 1))


class OwnStrategies(InAFolder):
    def test_files_that_can_not_be_loaded_are_left_out(self) -> None:
        (self.folder / "good.py").write_text(
            "from cryptick.strategy import Strategy\n"
            "class Base:\n    pass\n"
            'class Mine(Strategy):\n    """Do this.\n\n    And that.\n    """\n'
        )
        (self.folder / "bad.py").write_text("class Bad(Strategy):\n    pass\n")
        runnables = Runnables(self.folder)
        with self.assertLogs("cryptick.runnables"):
            found = {each["name"]: each["description"] for each in runnables.all()}
        self.assertEqual(found["Mine"], "Do this.")
        self.assertNotIn("Bad", found)
        spec, strategy = runnables.find("Mine")
        self.assertEqual(
            (spec, strategy.__name__), (f"{(self.folder / 'good.py').resolve()}:Mine", "Mine")
        )
        self.assertEqual([each["name"] for each in runnables.parameters("Hodl")], ["base"])
        for name in ("Bad", "Nobody", "./good.py:Mine", "a b"):
            with self.subTest(name), self.assertRaises(UnknownName):
                runnables.find(name)
