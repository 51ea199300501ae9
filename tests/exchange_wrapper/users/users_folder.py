import tempfile
import unittest
from pathlib import Path

from exchange_wrapper.db import create_database
from exchange_wrapper.models import MODELS
from exchange_wrapper.times import SECOND, UtcNs
from exchange_wrapper.users.passwords import Passwords
from exchange_wrapper.users.service import Users
from serving.roles import Identity, Kind, Role

TINY = Passwords(time_cost=1, memory_kib=8, parallelism=1)  # real ones are slow on purpose
START = UtcNs(1_800_000_000 * SECOND + 123_456_789)
ROOT = Identity("root", Role.ADMIN, None, Kind.LOCAL)
PASSWORD = "correct horse battery"


def after(seconds: float) -> UtcNs:
    return UtcNs(START + round(seconds * SECOND))


class WithUsers(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "xwrap.db"
        create_database(self.path, MODELS)
        self.users = self.open()

    def open(self) -> Users:
        users = Users(self.path, TINY)
        self.addCleanup(users.close)
        return users

    def add(self, name: str = "ann", role: Role = Role.TRADER) -> None:
        self.users.accounts.add(name, role, START, by=ROOT, password=PASSWORD)

    def audit(self) -> list[tuple[str, str, str]]:
        rows = reversed(self.users.read_audit())
        return [(row["who"], row["method"], row["outcome"].partition(":")[0]) for row in rows]
