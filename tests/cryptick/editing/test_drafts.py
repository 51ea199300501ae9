import tempfile
import unittest
from pathlib import Path

from cryptick.editing.drafts import Drafts
from exchange_wrapper.errors import ApiUsageError, DataError, UnknownName

AT = "2026-01-01T00:00:00.000000Z"


class OfStrategies(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.drafts = Drafts(self.folder / "drafts", self.folder / "strategies")

    def save(self, text: str, version: int = 0, name: str = "Mine") -> None:
        self.drafts.save(name, text, version, AT, "ann", "")

    def test_versions_are_kept_and_never_change(self) -> None:
        self.assertEqual(self.drafts.all(), [])
        self.save("one\n")
        self.save("two\n", 1)
        draft = self.drafts.get("Mine")
        self.assertEqual([each.version for each in draft.versions], [1, 2])
        self.assertEqual((draft.versions[0].saved_by, draft.promoted), ("ann", None))
        for version, text in ((1, "one\n"), (2, "two\n")):
            path = self.drafts.file("Mine", version)
            self.assertEqual(path.read_text(), text)
            self.assertEqual(self.drafts.find(path), ("Mine", version))
        self.assertEqual(self.drafts.all(), [draft])

    def test_two_writers_do_not_overwrite_each_other(self) -> None:
        self.save("one")
        for version in (0, 2):
            with self.assertRaisesRegex(ApiUsageError, "at version 1 by now"):
                self.save("another", version)
        self.assertEqual(len(self.drafts.get("Mine").versions), 1)

    def test_what_can_not_be_a_strategy_is_refused(self) -> None:
        for name in ("", "mine", "My Strategy", "../Mine", "Mine.py", "M" * 61):
            with self.subTest(name), self.assertRaises(ApiUsageError):
                self.save("text", name=name)
        with self.assertRaisesRegex(ApiUsageError, "at most 256 kB"):
            self.save("é" * (128 * 1024 + 1))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_nothing_else_is_read(self) -> None:
        self.save("one")
        for name, version in (("Other", 1), ("Mine", 2), ("Mine", 0), ("..", 1), ("a/b", 1)):
            with self.subTest(name, version=version), self.assertRaises(UnknownName):
                self.drafts.file(name, version)
        for path in ("drafts/Mine/Mine_x.py", "drafts/Mine_1.py", "other/Mine/Mine_1.py"):
            self.assertIsNone(self.drafts.find(self.folder / path))

    def test_a_promoted_version_is_a_strategy_until_it_is_withdrawn(self) -> None:
        self.save("one")
        self.save("two", 1)
        self.assertEqual(self.drafts.promote("Mine", 1).promoted, 1)
        promoted = self.folder / "strategies/Mine.py"
        self.assertEqual(promoted.read_text(), "one")
        self.save("three", 2)
        self.assertEqual(self.drafts.get("Mine").promoted, 1)
        self.assertIsNone(self.drafts.withdraw("Mine").promoted)
        self.assertFalse(promoted.exists())
        self.assertEqual(len(self.drafts.get("Mine").versions), 3)

    def test_a_broken_file_is_named(self) -> None:
        self.save("one")
        (self.folder / "drafts/Mine/versions.json").write_text("{")
        with self.assertRaisesRegex(DataError, "versions of Mine"):
            self.drafts.get("Mine")
