import json
import sqlite3

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from exchange_wrapper.db import raw
from exchange_wrapper.errors import Forbidden
from exchange_wrapper.users import audit
from serving.roles import Identity, Kind, Role
from tests.exchange_wrapper.users.users_folder import ROOT, START, WithUsers, after

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class AnEntry(WithUsers):
    def test_hides_what_is_secret(self) -> None:
        token = self.users.service_tokens.add("bot", Role.VIEWER, START, by=ROOT)
        self.add("ann")
        session = self.users.sessions.login("ann", "correct horse battery", "", START)
        arguments = {
            "pair": "BTC_USD",
            "password": "hush 1",
            "new_password": {"deep": "hush 2"},
            "api_key": "hush 3",
            "apiKey": "hush 4",
            "params": [{"Secret": "hush 5", "note": f"see {token}!"}],
            "text": session.access_token,
        }
        error = Forbidden(f"not with {session.refresh_token}")
        row = audit.entry(ROOT, "start_run", arguments, START, error=error)
        kept = str(row)
        for secret in ("hush", token, session.access_token, session.refresh_token):
            self.assertNotIn(secret, kept)
        self.assertEqual(json.loads(row["arguments"])["pair"], "BTC_USD")
        self.assertTrue(row["outcome"].startswith("forbidden: not with"))

    @given(st.dictionaries(st.text(), JSON), st.text(), st.text())
    def test_is_bounded_and_storable_whatever_was_asked(
        self, arguments: dict[str, object], method: str, name: str
    ) -> None:
        who = Identity(name, Role.VIEWER, None, Kind.USER)
        row = audit.entry(who, method, arguments, START, error=Forbidden(method), address=name)
        lengths = {column: len(value) for column, value in row.items() if isinstance(value, str)}
        self.assertLessEqual(lengths.pop("arguments"), 4_000)
        self.assertLessEqual(max(lengths.values()), 200)
        msgspec.json.encode(row)

    def test_of_something_huge_is_cut(self) -> None:
        deep: object = 1
        for _ in range(500):
            deep = [deep]
        arguments = {"text": "x" * 10**6, "list": list(range(10**5)), "deep": deep}
        row = audit.entry(ROOT, "m", arguments | {f"k{n}": "y" * 150 for n in range(99)}, START)
        self.assertEqual(len(row["arguments"]), 4_000)
        self.assertTrue(row["arguments"].endswith("…"))

    def test_keeps_the_digits_of_amounts(self) -> None:
        arguments = msgspec.json.decode(b'{"size":"0.10","n":7,"on":true}')
        row = audit.entry(ROOT, "make_order", arguments, START)
        self.assertEqual(row["arguments"], '{"size":"0.10","n":7,"on":true}')


class TheLog(WithUsers):
    def test_is_never_changed(self) -> None:
        self.users.record(ROOT, "make_order", {"pair": "BTC_USD"}, START)
        database = self.users._database
        for change in ("UPDATE auditrow SET who = 'x'", "DELETE FROM auditrow"):
            with self.subTest(change), self.assertRaises(sqlite3.IntegrityError):
                raw(database).execute(change)

    def test_is_read_by_pages_and_filters(self) -> None:
        for number in range(25):
            who = Identity(f"u{number % 2}", Role.TRADER, None, Kind.USER)
            method = "make_order" if number % 5 else "cancel_order"
            self.users.record(who, method, {"n": number}, after(number))
        page = self.users.read_audit(limit=10)
        pages = [page]
        while page:
            page = self.users.read_audit(limit=10, before_id=page[-1]["id"])
            pages.append(page)
        self.assertEqual([len(page) for page in pages], [10, 10, 5, 0])
        numbers = [json.loads(row["arguments"])["n"] for page in pages for row in page]
        self.assertEqual(numbers, list(range(24, -1, -1)))
        for found, given_filter in (
            (12, {"who": "u1"}),
            (5, {"method": "cancel_order"}),
            (2, {"who": "u1", "method": "cancel_order"}),
            (5, {"since": after(20)}),
            (0, {"limit": 0}),
            (0, {"limit": -1}),
            (25, {"limit": 10**9}),
        ):
            with self.subTest(given_filter):
                self.assertEqual(len(self.users.read_audit(**given_filter)), found)

    def test_says_when_where_and_how_it_ended(self) -> None:
        self.users.record(ROOT, "cancel_all", {}, START, address="192.0.2.1", error=ValueError("x"))
        (row,) = self.users.read_audit()
        self.assertEqual(
            row,
            {
                "id": 1,
                "time": "2027-01-15T08:00:00.123456Z",
                "who": "root",
                "kind": "local",
                "address": "192.0.2.1",
                "method": "cancel_all",
                "arguments": "{}",
                "outcome": "failed",
            },
        )

    def test_is_kept_only_if_the_change_is(self) -> None:
        entries = [audit.entry(ROOT, "make_order", {}, START)]
        with self.assertRaises(KeyError), self.users._database.atomic():
            audit.append(self.users._database, entries)
            raise KeyError
        self.assertEqual(self.users.read_audit(), [])
