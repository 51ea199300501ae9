from exchange_wrapper.errors import ApiUsageError, Unauthorised
from exchange_wrapper.users.lockout import ADDRESS_RULE, USER_RULE
from exchange_wrapper.users.passwords import Passwords
from exchange_wrapper.users.service import Users
from exchange_wrapper.users.sessions import FAMILY_S, REFRESH_S, Session
from exchange_wrapper.users.tokens import ACCESS_S
from serving.roles import Identity, Kind, Role
from tests.exchange_wrapper.fake_exchange import rows
from tests.exchange_wrapper.users.users_folder import PASSWORD, ROOT, START, WithUsers, after

HERE = "192.0.2.1"


class WithAnn(WithUsers):
    def setUp(self) -> None:
        super().setUp()
        self.add("ann")

    def login(
        self, at: float = 0, name: str = "ann", password: str = PASSWORD, address: str = HERE
    ) -> Session:
        return self.users.sessions.login(name, password, address, after(at))

    def fail(self, at: float = 0, **given: str) -> Unauthorised:  # type: ignore[override]
        with self.assertRaises(Unauthorised) as caught:
            self.login(at, **({"password": "wrong"} | given))
        return caught.exception

    def is_valid(self, session: Session, at: float) -> bool:
        try:
            self.users.identify(session.access_token, after(at), on_loopback=False)
        except Unauthorised:
            return False
        return True


class ALogin(WithAnn):
    def test_says_who_came_in(self) -> None:
        session = self.login(name="Ann")
        ann = Identity("ann", Role.TRADER, None, Kind.USER)
        self.assertEqual(session.identity, ann)
        who = self.users.identify(session.access_token, after(60), on_loopback=False)
        self.assertEqual(who, ann)
        self.assertFalse(self.is_valid(session, ACCESS_S))
        self.assertEqual(self.users.accounts.list_users()[0].last_login_at, START)
        self.assertEqual(self.audit()[-1], ("ann", "login", "ok"))

    def test_does_not_tell_whether_a_user_exists(self) -> None:
        self.users.accounts.add("bob", Role.VIEWER, START, by=ROOT, password=PASSWORD)
        self.users.accounts.set_disabled("bob", True, START, by=ROOT)
        answers = {
            str(error)
            for error in (
                self.fail(),
                self.fail(name="nobody"),
                self.fail(name="\ud800' --"),
                self.fail(name="bob", password=PASSWORD),
            )
        }
        self.assertEqual(len(answers), 1)

    def test_shows_no_token_in_its_text(self) -> None:
        session = self.login()
        for token in (session.access_token, session.refresh_token):
            self.assertNotIn(token, repr(session))
            self.assertEqual(
                rows(self.path, f"SELECT 1 FROM refreshtoken WHERE token_hash = '{token}'"), []
            )

    def test_makes_an_old_hash_new(self) -> None:
        sql = "SELECT password_hash FROM user"
        (before,) = rows(self.path, sql)[0]
        stronger = Users(self.path, Passwords(time_cost=2, memory_kib=8, parallelism=1))
        self.addCleanup(stronger.close)
        stronger.sessions.login("ann", PASSWORD, HERE, START)
        (changed,) = rows(self.path, sql)[0]
        self.assertIn("t=2", changed)
        self.assertNotEqual(before, changed)
        stronger.sessions.login("ann", PASSWORD, HERE, START)
        self.assertEqual(rows(self.path, sql), [(changed,)])


class RepeatedFailures(WithAnn):
    def test_lock_a_user_longer_each_time_also_across_a_restart(self) -> None:
        for _ in range(USER_RULE.free):
            self.assertIsNone(self.fail().data)
        locked = self.fail(password=PASSWORD)
        self.assertEqual(locked.data, {"retry_after_s": 2})
        self.users = self.open()
        self.assertEqual(self.fail(1, password=PASSWORD).data, {"retry_after_s": 1})
        self.assertIsNone(self.fail(2).data)
        self.assertEqual(self.fail(2, password=PASSWORD).data, {"retry_after_s": 4})
        self.login(6)
        self.assertIsNone(self.fail(6).data)  # counted anew

    def test_lock_a_name_that_nobody_has_alike(self) -> None:
        for name in ("ann", "nobody"):
            data = [self.fail(name=name).data for _ in range(USER_RULE.free + 1)]
            self.assertEqual(data[-1], {"retry_after_s": 2})

    def test_lock_an_address_that_guesses_at_many_users(self) -> None:
        for number in range(ADDRESS_RULE.free):
            self.assertIsNone(self.fail(name=f"user{number}").data)
        self.assertIsNotNone(self.fail(password=PASSWORD).data)
        self.login(address="192.0.2.2")

    def test_of_an_address_are_not_forgiven_for_an_own_account(self) -> None:
        for number in range(ADDRESS_RULE.free - 1):
            self.fail(name=f"user{number}")
        self.login()
        self.fail(name="admin")
        self.assertIsNotNone(self.fail(name="admin").data)

    def test_leave_no_rows_after_a_day(self) -> None:
        for number in range(10):
            self.fail(name=f"user{number}")
        self.fail(86_400, name="late", address="192.0.2.9")
        self.assertEqual(len(rows(self.path, "SELECT * FROM loginfailure")), 2)

    def test_are_on_record(self) -> None:
        self.fail(name="mallory")
        self.assertEqual(self.audit()[-1], ("mallory", "login", "unauthorised"))


class ARefresh(WithAnn):
    def test_gives_the_next_tokens(self) -> None:
        first = self.login()
        second = self.users.sessions.refresh(first.refresh_token, after(ACCESS_S))
        self.assertNotEqual(first.refresh_token, second.refresh_token)
        self.assertTrue(self.is_valid(second, ACCESS_S + 1))

    def test_with_a_used_token_ends_the_session_for_both(self) -> None:
        first, other = self.login(), self.login()
        second = self.users.sessions.refresh(first.refresh_token, after(1))
        for stolen in (first, second):
            with self.assertRaises(Unauthorised):
                self.users.sessions.refresh(stolen.refresh_token, after(2))
        self.assertEqual(self.audit()[-1], ("ann", "refresh", "unauthorised"))
        self.users.sessions.refresh(other.refresh_token, after(3))  # another login's

    def test_is_refused_after_a_week_and_for_a_month_in_all(self) -> None:
        session = self.login()
        with self.assertRaises(Unauthorised):
            self.users.sessions.refresh(session.refresh_token, after(REFRESH_S))
        session, at = self.login(), 0
        while at + REFRESH_S / 2 < FAMILY_S:
            at += REFRESH_S // 2
            session = self.users.sessions.refresh(session.refresh_token, after(at))
        self.assertEqual(session.refresh_expires_at, after(FAMILY_S))
        with self.assertRaises(Unauthorised):
            self.users.sessions.refresh(session.refresh_token, after(FAMILY_S))

    def test_needs_a_token_of_ours(self) -> None:
        session = self.login()
        for token in ("", "xwr_", session.access_token, "\ud800", session.refresh_token[:-1]):
            with self.subTest(token), self.assertRaises(Unauthorised):
                self.users.sessions.refresh(token, START)

    def test_forgets_expired_tokens_at_the_next_login(self) -> None:
        self.login()
        self.login(REFRESH_S)
        self.assertEqual(len(rows(self.path, "SELECT * FROM refreshtoken")), 1)


class TheEndOfASession(WithAnn):
    def test_comes_with_a_logout(self) -> None:
        session, other = self.login(), self.login()
        for _ in range(2):
            self.users.sessions.logout(session.refresh_token, after(1))
        with self.assertRaises(Unauthorised):
            self.users.sessions.refresh(session.refresh_token, after(2))
        self.users.sessions.refresh(other.refresh_token, after(2))
        self.assertEqual(self.audit().count(("ann", "logout", "ok")), 1)

    def test_comes_at_once_with_a_change_of_the_user(self) -> None:
        accounts = self.users.accounts
        self.add("root", Role.ADMIN)
        for change in (
            lambda: accounts.set_password("ann", after(1), by=ROOT, password=PASSWORD),
            lambda: accounts.set_role("ann", Role.VIEWER, after(1), by=ROOT),
            lambda: accounts.set_disabled("ann", True, after(1), by=ROOT),
        ):
            session = self.login()
            self.assertTrue(self.is_valid(session, 0))
            change()
            self.assertFalse(self.is_valid(session, 1))
            with self.assertRaises(Unauthorised):
                self.users.sessions.refresh(session.refresh_token, after(2))

    def test_leaves_no_way_back_when_a_user_is_enabled_again(self) -> None:
        session = self.login()
        for disabled in (True, False):
            self.users.accounts.set_disabled("ann", disabled, after(1), by=ROOT)
        self.assertFalse(self.is_valid(session, 1))
        self.login(2)


class ChangingOnesPassword(WithAnn):
    def test_ends_the_obligation_to_do_so_and_the_sessions(self) -> None:
        generated = self.users.accounts.add("bob", Role.VIEWER, START, by=ROOT)
        assert generated is not None
        session = self.login(name="bob", password=generated)
        self.assertTrue(session.identity.must_change_password)
        self.users.sessions.change_password(session.identity, generated, PASSWORD, HERE, after(1))
        self.assertFalse(self.is_valid(session, 1))
        self.assertFalse(self.login(1, name="bob").identity.must_change_password)

    def test_needs_the_old_one_and_a_good_new_one(self) -> None:
        ann, change = self.login().identity, self.users.sessions.change_password
        for old, new, error in (
            ("wrong", "another long password", Unauthorised),
            (PASSWORD, "short", ApiUsageError),
            (PASSWORD, PASSWORD, ApiUsageError),
        ):
            with self.subTest(new), self.assertRaises(error):
                change(ann, old, new, HERE, START)
        with self.assertRaises(ApiUsageError):
            change(ROOT, PASSWORD, "another long password", HERE, START)
        self.login()

    def test_can_not_be_used_to_guess(self) -> None:
        ann = self.login().identity
        for _ in range(USER_RULE.free + 1):
            with self.assertRaises(Unauthorised) as caught:
                self.users.sessions.change_password(ann, "guess", "x", HERE, START)
        self.assertIsNotNone(caught.exception.data)
