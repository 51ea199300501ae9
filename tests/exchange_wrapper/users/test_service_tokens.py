from collections.abc import Callable

from exchange_wrapper.errors import ApiUsageError, Unauthorised, UnknownName
from serving.roles import LOCAL_ADMIN, Identity, Kind, Role
from tests.exchange_wrapper.fake_exchange import rows
from tests.exchange_wrapper.users.users_folder import ROOT, START, WithUsers, after


class AServiceToken(WithUsers):
    def test_says_who_it_is(self) -> None:
        token = self.users.service_tokens.add("Bot", Role.VIEWER, START, by=ROOT)
        who = self.users.identify(token, after(10**8), on_loopback=False)
        self.assertEqual(who, Identity("bot", Role.VIEWER, None, Kind.SERVICE))
        stored = rows(self.path, "SELECT * FROM servicetoken")
        self.assertNotIn(token, str(stored))
        self.assertNotIn(token, str(self.users.read_audit()))

    def test_of_a_run_is_for_its_wallet_set(self) -> None:
        tokens = self.users.service_tokens
        names = [
            self.users.identify(tokens.add_for_run(7, START, by=ROOT), START, on_loopback=False)
            for _ in range(2)
        ]
        self.assertEqual({(who.role, who.wallet_set_id) for who in names}, {(Role.TRADER, 7)})
        tokens.revoke_for_wallet_sets({7}, after(1), by=ROOT)
        self.assertTrue(all(each.revoked_at == after(1) for each in tokens.list_tokens()))

    def test_ends_when_it_expires_or_is_revoked(self) -> None:
        tokens = self.users.service_tokens
        token = tokens.add("bot", Role.VIEWER, START, by=ROOT, expires_at=after(60))
        bot = self.users.identify(token, after(59), on_loopback=False)
        self.assertEqual(self.users.recheck(bot, after(59)), bot)
        self.assertRaises(Unauthorised, self.users.recheck, bot, after(60))
        with self.assertRaises(Unauthorised):
            self.users.identify(token, after(60), on_loopback=False)
        for _ in range(2):
            tokens.revoke("bot", after(1), by=ROOT)
        self.assertRaises(Unauthorised, self.users.recheck, bot, after(2))
        self.assertEqual(self.audit().count(("root", "revoke_service_token", "ok")), 1)

    def test_is_refused_if_it_makes_no_sense(self) -> None:
        tokens = self.users.service_tokens
        tokens.add("bot", Role.VIEWER, START, by=ROOT)
        tokens.revoke("bot", START, by=ROOT)
        refused: tuple[tuple[type[Exception], Callable[[], object]], ...] = (
            (ApiUsageError, lambda: tokens.add("bot", Role.VIEWER, START, by=ROOT)),
            (ApiUsageError, lambda: tokens.add("b b", Role.VIEWER, START, by=ROOT)),
            (
                ApiUsageError,
                lambda: tokens.add("x", Role.VIEWER, START, by=ROOT, expires_at=START),
            ),
            (
                ApiUsageError,
                lambda: tokens.add("x", Role.ADMIN, START, by=ROOT, wallet_set_id=1),
            ),
            (UnknownName, lambda: tokens.revoke("x", START, by=ROOT)),
        )
        for error, make in refused:
            self.assertRaises(error, make)

    def test_is_not_any_text(self) -> None:
        token = self.users.service_tokens.add("bot", Role.VIEWER, START, by=ROOT)
        for text in (token[:-1], f"{token} ", "xws_", "xws_\ud800", "", "x", "xwr_abc"):
            with self.subTest(text), self.assertRaises(Unauthorised):
                self.users.identify(text, START, on_loopback=True)


class TheLocalToken(WithUsers):
    def test_is_good_on_loopback_until_the_next_start(self) -> None:
        token = self.users.local_token
        who = self.users.identify(token, START, on_loopback=True)
        self.assertEqual((who, self.users.recheck(who, START)), (LOCAL_ADMIN, LOCAL_ADMIN))
        with self.assertRaises(Unauthorised):
            self.users.identify(token, START, on_loopback=False)
        with self.assertRaises(Unauthorised):
            self.open().identify(token, START, on_loopback=True)


class SomebodyConnected(WithUsers):
    def test_is_what_they_are_now(self) -> None:
        self.add("ann", Role.TRADER)
        ann = Identity("ann", Role.TRADER, None, Kind.USER)
        self.users.accounts.set_role("ann", Role.VIEWER, START, by=ROOT)
        self.assertEqual(self.users.recheck(ann, START).role, Role.VIEWER)
        self.users.accounts.set_disabled("ann", True, START, by=ROOT)
        self.assertRaises(Unauthorised, self.users.recheck, ann, START)
