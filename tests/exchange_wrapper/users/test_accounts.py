from exchange_wrapper.db import open_database, raw
from exchange_wrapper.errors import ApiUsageError, DataError, StorageUnavailable, UnknownName
from exchange_wrapper.users.accounts import FIRST_ADMIN
from exchange_wrapper.users.service import Users
from exchange_wrapper.users.store import USER_MODELS
from serving.roles import Role
from tests.exchange_wrapper.users.users_folder import PASSWORD, ROOT, START, TINY, WithUsers


class TheFirstStart(WithUsers):
    def test_creates_an_administrator_once(self) -> None:
        password = self.users.accounts.ensure_admin(START)
        assert password is not None
        self.assertIsNone(self.users.accounts.ensure_admin(START))
        session = self.users.sessions.login(FIRST_ADMIN, password, "", START)
        self.assertEqual(session.identity.role, Role.ADMIN)
        self.assertTrue(session.identity.must_change_password)
        self.assertNotIn(password, str(self.users.read_audit()))

    def test_creates_none_where_there_are_users(self) -> None:
        self.add("ann", Role.VIEWER)
        self.assertIsNone(self.users.accounts.ensure_admin(START))

    def test_is_exposed_until_the_password_is_changed(self) -> None:
        accounts = self.users.accounts
        accounts.ensure_admin(START)
        self.assertEqual(accounts.unchanged_admins(), ["admin"])
        accounts.set_password("admin", START, by=ROOT, password=PASSWORD)
        self.assertEqual(accounts.unchanged_admins(), [])
        accounts.set_password("admin", START, by=ROOT)
        self.assertEqual(accounts.unchanged_admins(), ["admin"])


class TheDatabase(WithUsers):
    def test_gets_our_tables_and_is_closed_to_others(self) -> None:
        database = open_database(self.path)
        self.addCleanup(database.close)
        tables = {model._meta.table_name for model in USER_MODELS}
        self.assertLessEqual(tables, set(database.get_tables()))
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.path.chmod(0o644)
        self.open()
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_must_be_there_and_ours(self) -> None:
        self.assertRaises(StorageUnavailable, Users, self.path.with_name("no.db"), TINY)
        other = self.path.with_name("diary.db")
        other.write_text("dear diary" * 100)
        self.assertRaises(DataError, Users, other, TINY)

    def test_holds_no_password(self) -> None:
        self.add()
        raw(self.users._database).execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.assertNotIn(PASSWORD.encode(), self.path.read_bytes())

    def test_may_be_changed_by_two_at_once(self) -> None:
        other = self.open()
        for number in range(5):
            for users in (self.users, other):
                users.accounts.add(f"u{number}{id(users)}", Role.VIEWER, START, by=ROOT)
        self.assertEqual(len(other.accounts.list_users()), 10)


class AUser(WithUsers):
    def test_has_a_name_of_its_own(self) -> None:
        self.add("ann")
        for name in ("ann", "ANN", "", "-x", "a b", "x" * 65, "\ud800", "a\n", "ännchen"):
            with self.subTest(name), self.assertRaises(ApiUsageError):
                self.add(name)
        self.assertEqual([user.name for user in self.users.accounts.list_users()], ["ann"])

    def test_that_is_unknown_is_said(self) -> None:
        accounts = self.users.accounts
        for change in (
            lambda: accounts.set_password("nobody", START, by=ROOT),
            lambda: accounts.set_disabled("nobody", True, START, by=ROOT),
            lambda: accounts.set_role("nobody", Role.ADMIN, START, by=ROOT),
        ):
            self.assertRaises(UnknownName, change)

    def test_who_is_the_last_administrator_stays_one(self) -> None:
        accounts = self.users.accounts
        self.add("one", Role.ADMIN)
        self.add("ann", Role.TRADER)
        for change in (
            lambda: accounts.set_disabled("one", True, START, by=ROOT),
            lambda: accounts.set_role("one", Role.TRADER, START, by=ROOT),
        ):
            self.assertRaises(ApiUsageError, change)
        accounts.set_role("ann", Role.ADMIN, START, by=ROOT)
        accounts.set_disabled("one", True, START, by=ROOT)
        self.assertRaises(ApiUsageError, lambda: accounts.set_disabled("ann", True, START, by=ROOT))

    def test_is_on_record_with_each_change(self) -> None:
        accounts = self.users.accounts
        self.add("ann")
        accounts.set_role("ann", Role.VIEWER, START, by=ROOT)
        accounts.set_password("ann", START, by=ROOT, password=PASSWORD)
        accounts.set_disabled("ann", True, START, by=ROOT)
        accounts.set_disabled("ann", False, START, by=ROOT)
        self.assertEqual(
            self.audit(),
            [
                ("root", method, "ok")
                for method in (
                    *("add_user", "set_role", "set_password", "disable_user", "enable_user"),
                )
            ],
        )
