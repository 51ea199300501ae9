import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from exchange_wrapper.errors import DataError, StorageUnavailable
from exchange_wrapper.users.local_token import (
    local_token_path,
    publish_local_token,
    token_for,
    withdraw_local_token,
)
from exchange_wrapper.users.private_file import read_private, write_private

URL = "ws://127.0.0.1:4200"


class InAFolder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.environ = {"XDG_STATE_HOME": folder.name}


class TheTokenFile(InAFolder):
    def test_is_found_by_the_port(self) -> None:
        publish_local_token("xwl_abc", [4200, 4242], self.environ)
        for url, token in (
            (URL, "xwl_abc"),
            ("http://localhost:4242/wallets", "xwl_abc"),
            ("ws://[::1]:4200", "xwl_abc"),
            ("ws://127.0.0.1:4201", None),
            ("ws://127.0.0.1", None),
            ("ws://192.0.2.1:4200", None),
            ("ws://127.0.0.1.example.org:4200", None),
            ("wss://example.org:4200", None),
        ):
            with self.subTest(url):
                self.assertEqual(token_for(url, self.environ), token)

    def test_is_for_its_owner_only_whatever_the_umask(self) -> None:
        for umask in (0, 0o077, 0o777):
            before = os.umask(umask)
            try:
                (path,) = publish_local_token("xwl_abc", [umask], self.environ)
            finally:
                os.umask(before)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(path.parent.stat().st_mode & 0o077, 0)

    def test_may_be_named(self) -> None:
        named = self.environ | {"XWRAP_TOKEN_FILE": str(self.folder / "mine")}
        self.assertEqual(len(publish_local_token("xwl_abc", [1, 2], named)), 1)
        self.assertEqual(token_for(URL, named), "xwl_abc")

    def test_comes_after_a_token_that_was_given(self) -> None:
        publish_local_token("xwl_abc", [4200], self.environ)
        given = self.environ | {"XWRAP_TOKEN": "xws_run"}
        for url in (URL, "wss://example.org:4200"):
            self.assertEqual(token_for(url, given), "xws_run")

    def test_is_replaced_at_each_start_and_gone_after_the_end(self) -> None:
        publish_local_token("xwl_old", [4200], self.environ)
        paths = publish_local_token("xwl_new", [4200], self.environ)
        withdraw_local_token("xwl_old", paths)
        self.assertEqual(token_for(URL, self.environ), "xwl_new")
        withdraw_local_token("xwl_new", paths)
        self.assertIsNone(token_for(URL, self.environ))
        withdraw_local_token("xwl_new", paths)
        self.assertEqual(list(paths[0].parent.iterdir()), [])

    def test_is_not_read_if_others_could_have(self) -> None:
        (path,) = publish_local_token("xwl_abc", [4200], self.environ)
        for mode in (0o640, 0o604, 0o620, 0o610, 0o666):
            with self.subTest(oct(mode)):
                path.chmod(mode)
                self.assertRaises(DataError, token_for, URL, self.environ)
        withdraw_local_token("xwl_abc", [path])
        self.assertTrue(path.exists())

    def test_is_not_read_if_it_is_somebody_elses(self) -> None:
        publish_local_token("xwl_abc", [4200], self.environ)
        with mock.patch("os.geteuid", return_value=os.geteuid() + 1):
            self.assertRaises(DataError, token_for, URL, self.environ)

    def test_is_in_the_home_folder_by_default(self) -> None:
        path = local_token_path(4200, {})
        self.assertEqual(path, Path.home() / ".local/state/xwrap/local-token-4200")


class APrivateFile(InAFolder):
    def test_is_no_link_folder_or_pipe(self) -> None:
        write_private(self.folder / "real", "text")
        (self.folder / "link").symlink_to(self.folder / "real")
        os.mkfifo(self.folder / "pipe", 0o600)
        (self.folder / "folder").mkdir(mode=0o700)
        for name, error in (
            ("link", StorageUnavailable),
            ("pipe", DataError),
            ("folder", DataError),
            ("missing", FileNotFoundError),
        ):
            with self.subTest(name), self.assertRaises(error):
                read_private(self.folder / name)

    def test_takes_the_place_of_a_link_not_of_what_it_points_to(self) -> None:
        (self.folder / "victim").write_text("mine")
        (self.folder / "link").symlink_to(self.folder / "victim")
        write_private(self.folder / "link", "text")
        self.assertEqual((self.folder / "victim").read_text(), "mine")
        self.assertEqual(read_private(self.folder / "link"), "text")

    def test_that_can_not_be_written_is_said_and_leaves_nothing(self) -> None:
        (self.folder / "taken").mkdir()
        self.assertRaises(StorageUnavailable, write_private, self.folder / "taken", "text")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["taken"])
