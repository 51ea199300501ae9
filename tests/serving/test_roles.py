import unittest
from dataclasses import FrozenInstanceError

from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.errors import Forbidden, Unauthorised, XWrapError
from serving.roles import Identity, Kind, Role, authorise

ROLES = st.sampled_from(Role)
SETS = st.none() | st.integers(1, 4)


def who(role: Role, wallet_set_id: int | None = None, must_change: bool = False) -> Identity:
    return Identity("ann", role, wallet_set_id, Kind.USER, must_change)


class Authorise(unittest.TestCase):
    def test_allows_by_role_and_wallet_set(self) -> None:
        for identity, required, wallet_set_id, funds, allowed in (
            (who(Role.VIEWER), Role.VIEWER, None, True, True),
            (who(Role.VIEWER), Role.TRADER, None, True, False),
            (who(Role.TRADER), Role.TRADER, 7, True, True),
            (who(Role.TRADER), Role.ADMIN, None, True, False),
            (who(Role.ADMIN), Role.ADMIN, 7, True, True),
            (who(Role.TRADER, 7), Role.TRADER, 7, True, True),
            (who(Role.TRADER, 7), Role.VIEWER, 7, True, True),
            (who(Role.TRADER, 7), Role.TRADER, 8, True, False),
            (who(Role.TRADER, 7), Role.VIEWER, None, True, False),
            (who(Role.TRADER, 7), Role.VIEWER, None, False, True),
            (who(Role.VIEWER, 7), Role.TRADER, 7, True, False),
            (who(Role.ADMIN, must_change=True), Role.VIEWER, None, False, False),
        ):
            with self.subTest(identity=identity, required=required, wallet_set_id=wallet_set_id):
                if allowed:
                    self.assertIs(
                        authorise(identity, required, wallet_set_id, funds=funds), identity
                    )
                else:
                    with self.assertRaises(Forbidden):
                        authorise(identity, required, wallet_set_id, funds=funds)

    def test_asks_strangers_who_they_are(self) -> None:
        self.assertRaises(Unauthorised, authorise, None, Role.VIEWER)

    @given(ROLES, SETS, ROLES, SETS)
    def test_never_lets_a_limited_identity_touch_other_funds(
        self, role: Role, own: int | None, required: Role, wallet_set_id: int | None
    ) -> None:
        try:
            authorise(who(role, own), required, wallet_set_id)
        except XWrapError:
            return
        self.assertTrue(role.includes(required))
        self.assertIn(own, (None, wallet_set_id))

    def test_tells_its_codes(self) -> None:
        codes = [(kind.jsonrpc_error_code, kind.http_status) for kind in (Unauthorised, Forbidden)]
        self.assertEqual(codes, [(-32003, 401), (-32004, 403)])


class AnIdentity(unittest.TestCase):
    def test_can_not_promote_itself(self) -> None:
        with self.assertRaises(FrozenInstanceError):
            who(Role.VIEWER).role = Role.ADMIN  # type: ignore[misc]

    def test_has_roles_that_build_on_each_other(self) -> None:
        ranked = [Role.VIEWER, Role.TRADER, Role.ADMIN]
        for high, role in enumerate(ranked):
            with self.subTest(role):
                self.assertEqual([role.includes(low) for low in ranked].count(True), high + 1)
