"""Users: adding them, their passwords, roles and whether they may log in."""

import re
from dataclasses import dataclass
from typing import Final

import peewee

from exchange_wrapper.errors import ApiUsageError, UnknownName
from exchange_wrapper.times import UtcNs
from exchange_wrapper.users import audit
from exchange_wrapper.users.passwords import Passwords, check_password, generate_password
from exchange_wrapper.users.store import User, revoke_sessions, writing
from serving.roles import Identity, Kind, Role

__all__ = ["FIRST_ADMIN", "Accounts", "UserInfo", "check_name"]

FIRST_ADMIN: Final = "admin"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class UserInfo:
    """What may be told of a user."""

    name: str
    role: Role
    disabled: bool
    must_change_password: bool
    created_at: UtcNs
    last_login_at: UtcNs | None


class Accounts:
    """The users of one database.

    Every change is written with its audit row in one transaction. ``by`` is who makes it; whether
    they may is asked before, see ``roles.authorise``.
    """

    def __init__(self, database: peewee.SqliteDatabase, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    def ensure_admin(self, now: UtcNs) -> str | None:
        """Create the first administrator if there are no users.

        Returns
        -------
        str or None
            The generated password, to be shown once and never logged; None if there are users.
        """
        if User.select().count(self._database):
            return None
        by = Identity("first start", Role.ADMIN, None, Kind.LOCAL)
        return self.add(FIRST_ADMIN, Role.ADMIN, now, by=by)

    def unchanged_admins(self) -> list[str]:
        """Return the administrators who still have a generated password, see ``exposure``."""
        return [
            user.name
            for user in self.list_users()
            if user.role is Role.ADMIN and user.must_change_password and not user.disabled
        ]

    def add(
        self, name: str, role: Role, now: UtcNs, *, by: Identity, password: str | None = None
    ) -> str | None:
        """Add a user.

        Parameters
        ----------
        password : str, optional
            Without it one is generated, which the user has to change at the first login.

        Returns
        -------
        str or None
            The generated password.

        Raises
        ------
        ApiUsageError
            The name is taken or can't be one, or the password is too weak.
        """
        name = check_name(name)
        generated = generate_password() if password is None else None
        password_hash = self._hash(name, password or generated or "")
        with writing(self._database):
            if self.find(name) is not None:
                raise ApiUsageError(f"there is a user {name} already", field="name")
            User.insert(
                name=name,
                password_hash=password_hash,
                role=role.value,
                must_change_password=generated is not None,
                created_at=now,
            ).execute(self._database)
            self._record(by, "add_user", {"name": name, "role": role.value}, now)
        return generated

    def list_users(self) -> list[UserInfo]:
        """Return all users, by name."""
        return [
            UserInfo(
                name=user.name,
                role=Role(user.role),
                disabled=user.disabled,
                must_change_password=user.must_change_password,
                created_at=user.created_at,
                last_login_at=user.last_login_at,
            )
            for user in User.select().order_by(User.name).execute(self._database)
        ]

    def set_password(
        self, name: str, now: UtcNs, *, by: Identity, password: str | None = None
    ) -> str | None:
        """Give a user another password, and end what was issued to them.

        Parameters and the result are those of ``add``.

        Raises
        ------
        UnknownName, ApiUsageError
            There is no such user, or the password is too weak.
        """
        user = self._user(name)
        generated = generate_password() if password is None else None
        password_hash = self._hash(user.name, password or generated or "")
        with writing(self._database):
            self._update(user, password_hash=password_hash, must_change_password=bool(generated))
            revoke_sessions(self._database, user, now)
            self._record(by, "set_password", {"name": user.name}, now)
        return generated

    def set_disabled(self, name: str, disabled: bool, now: UtcNs, *, by: Identity) -> None:
        """Keep a user from logging in, at once and until this is taken back.

        Raises
        ------
        UnknownName, ApiUsageError
            There is no such user, or it is the last administrator.
        """
        user = self._user(name)
        with writing(self._database):
            if disabled:
                self._keep_an_admin(user)
                revoke_sessions(self._database, user, now)
            self._update(user, disabled=disabled)
            method = "disable_user" if disabled else "enable_user"
            self._record(by, method, {"name": user.name}, now)

    def set_role(self, name: str, role: Role, now: UtcNs, *, by: Identity) -> None:
        """Give a user another role; those logged in have to log in anew.

        Raises
        ------
        UnknownName, ApiUsageError
            There is no such user, or it is the last administrator.
        """
        user = self._user(name)
        with writing(self._database):
            if role is not Role.ADMIN:
                self._keep_an_admin(user)
            self._update(user, role=role.value)
            revoke_sessions(self._database, user, now)
            self._record(by, "set_role", {"name": user.name, "role": role.value}, now)

    def _hash(self, name: str, password: str) -> str:
        check_password(name, password)
        return self._passwords.hash(password)

    def find(self, name: str) -> User | None:
        """Return a user's row, or None."""
        found: User | None = User.select().where(User.name == name.lower()).first(self._database)
        return found

    def _user(self, name: str) -> User:
        user = self.find(name)
        if user is None:
            raise UnknownName(f"there is no user {name!r}", field="name")
        return user

    def _update(self, user: User, **values: object) -> None:
        User.update(**values).where(User.id == user.id).execute(self._database)

    def _keep_an_admin(self, user: User) -> None:
        others = User.select().where(
            (User.role == Role.ADMIN.value) & ~User.disabled & (User.id != user.id)
        )
        if user.role == Role.ADMIN and not user.disabled and not others.exists(self._database):
            raise ApiUsageError(f"{user.name} is the last administrator", field="name")

    def _record(
        self,
        by: Identity,
        method: str,
        arguments: dict[str, object],
        now: UtcNs,
    ) -> None:
        audit.append(self._database, [audit.entry(by, method, arguments, now)])


def check_name(name: str) -> str:
    """Return a name in lower case.

    Raises
    ------
    ApiUsageError
        It is not 1 to 64 letters, digits and ``._@-``, beginning with a letter or digit.
    """
    lowered = name.lower()
    if not _NAME.fullmatch(lowered):
        raise ApiUsageError(
            f"{name!r} can't be a name: it needs 1 to 64 letters, digits or . _ @ - "
            f"and begins with a letter or digit",
            field="name",
        )
    return lowered
