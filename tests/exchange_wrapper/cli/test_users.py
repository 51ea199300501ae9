import io
import json
import os
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from unittest import mock

from exchange_wrapper.cli import main
from exchange_wrapper.db import create_database, lock_database
from exchange_wrapper.models import MODELS
from exchange_wrapper.times import SECOND, from_iso
from exchange_wrapper.users.service import Users
from tests.exchange_wrapper.users.users_folder import PASSWORD, START, TINY


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TheUsersCommand(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "xwrap.db"
        create_database(self.path, MODELS)
        quick = partial(Users, passwords=TINY)
        for patch in (
            mock.patch("exchange_wrapper.cli.users.Users", quick),
            mock.patch.dict(os.environ, {"SQLITE_DB": str(self.path)}),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def run_here(
        self, *arguments: str, typed: str = "", terminal: bool = False
    ) -> tuple[int, str, str]:
        with (
            redirect_stdout(io.StringIO()) as out,
            redirect_stderr(io.StringIO()) as err,
            mock.patch("sys.stdin", Terminal() if terminal else io.StringIO(typed)),
        ):
            code = main(("users", *arguments))
        return code, out.getvalue(), err.getvalue()

    def json(self, *arguments: str, typed: str = "") -> dict[str, list[dict[str, object]]]:
        code, out, err = self.run_here(*arguments, "--json", typed=typed)
        self.assertEqual((code, err), (0, ""))
        answer: dict[str, list[dict[str, object]]] = json.loads(out)
        return answer

    def test_adds_users_beside_a_running_service_and_lists_them(self) -> None:
        with lock_database(self.path):
            added = self.json("add", "Ann", "--role", "trader")
            self.json("add", "bob", "--password-stdin", typed=f"{PASSWORD}\n")
        described = [
            (user["name"], user["role"], user["must_change_password"])
            for user in self.json("list")["users"]
        ]
        self.assertEqual(described, [("ann", "trader", True), ("bob", "viewer", False)])
        with Users(self.path, TINY) as users:
            users.sessions.login("ann", str(added["password"]), "", START)
            users.sessions.login("bob", PASSWORD, "", START)
        _, out, _ = self.run_here("list")
        self.assertEqual(len(out.splitlines()), 3)

    def test_shows_a_generated_password_once(self) -> None:
        _, out, _ = self.run_here("add", "ann")
        password = out.split()[-1]
        for arguments in (("list",), ("audit",)):
            self.assertNotIn(password, self.run_here(*arguments)[1])

    def test_changes_users(self) -> None:
        self.json("add", "ann", "--role", "admin")
        self.json("add", "bob", "--role", "admin")
        self.json("role", "bob", "viewer")
        self.json("passwd", "bob", "--password-stdin", typed=PASSWORD)
        self.assertIn("password", self.json("passwd", "ann", "--generate"))
        self.json("disable", "bob")
        self.assertEqual([user["disabled"] for user in self.json("list")["users"]], [False, True])
        self.json("enable", "bob")
        methods = [row["method"] for row in self.json("audit", "--limit", "5")["audit"]]
        wanted = ["enable_user", "disable_user", "set_password", "set_password", "set_role"]
        self.assertEqual(methods, wanted)

    def test_manages_tokens(self) -> None:
        self.assertEqual(self.run_here("token", "list")[1], "none\n")
        made = self.json(
            "token", "add", "bot", "--role", "trader", "--wallet-set", "3", "--days", "30"
        )
        (listed,) = self.json("token", "list")["tokens"]
        self.assertEqual((listed["role"], listed["wallet_set_id"]), ("trader", 3))
        created, expires = (str(listed[name]) for name in ("created_at", "expires_at"))
        self.assertEqual(from_iso(expires) - from_iso(created), 30 * 86_400 * SECOND)
        with Users(self.path, TINY) as users:
            who = users.identify(str(made["token"]), from_iso(created), on_loopback=False)
        self.assertEqual(who.name, "bot")
        self.json("token", "revoke", "bot")
        (listed,) = self.json("token", "list")["tokens"]
        self.assertIsNotNone(listed["revoked_at"])
        self.assertNotIn(str(made["token"]), str(self.json("token", "list")))

    def test_says_in_one_sentence_what_is_wrong(self) -> None:
        self.json("add", "ann", "--role", "admin")
        for arguments, typed, code, words in (
            (("add", "ann"), "", 2, "already"),
            (("add", "bob", "--password-stdin"), "short\n", 2, "characters"),
            (("passwd", "nobody", "--generate"), "", 2, "nobody"),
            (("passwd", "ann"), "", 2, "--password-stdin"),
            (("disable", "ann"), "", 2, "last administrator"),
            (("token", "revoke", "x"), "", 2, "no token"),
            (("list", "--db", str(self.path.with_name("no.db"))), "", 4, "init_db"),
        ):
            with self.subTest(arguments):
                found, out, err = self.run_here(*arguments, typed=typed)
                self.assertEqual((found, out, len(err.splitlines())), (code, "", 1))
                self.assertIn(words, err)

    def test_asks_for_a_password_twice_at_a_terminal(self) -> None:
        self.json("add", "ann")
        for typed, code in (([PASSWORD, PASSWORD], 0), ([PASSWORD, "else"], 2), (["short"], 2)):
            with (
                self.subTest(typed),
                mock.patch("getpass.getpass", side_effect=typed),
            ):
                self.assertEqual(self.run_here("passwd", "ann", terminal=True)[0], code)

    def test_finds_the_database_in_a_configuration(self) -> None:
        file = self.path.with_name("config.json")
        file.write_text(json.dumps({"env": {"SQLITE_DB": str(self.path)}}))
        with mock.patch.dict(os.environ):
            del os.environ["SQLITE_DB"]
            self.assertEqual(self.run_here("list", "--config", str(file))[0], 0)
            code, _, err = self.run_here("list")
        self.assertEqual(code, 2)
        self.assertIn("SQLITE_DB", err)
