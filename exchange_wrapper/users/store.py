"""Tables of users, tokens and the audit log, in the database of orders and wallets."""

import stat
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import peewee

from exchange_wrapper.db import BaseModel, TimeField, create_database, open_database
from exchange_wrapper.errors import StorageUnavailable
from exchange_wrapper.times import UtcNs

__all__ = [
    "USER_MODELS",
    "AuditRow",
    "LoginFailure",
    "RefreshToken",
    "ServiceToken",
    "User",
    "open_users_database",
    "revoke_sessions",
    "writing",
]


class User(BaseModel):
    """A person who logs in. Never deleted, so that the audit log names one person for ever.

    Attributes
    ----------
    password_hash : CharField
        With its parameters and salt, as argon2 writes it.
    generation : IntegerField
        Grows with each change that ends what was issued before.
    """

    name = peewee.CharField(unique=True)
    password_hash = peewee.CharField()
    role = peewee.CharField()
    disabled = peewee.BooleanField(default=False)
    must_change_password = peewee.BooleanField()
    generation = peewee.IntegerField(default=1)
    created_at = TimeField()
    last_login_at = TimeField(null=True)


class RefreshToken(BaseModel):
    """One refresh token; those that followed each other from one login are a family."""

    user = peewee.ForeignKeyField(User, backref="refresh_tokens")
    family = peewee.CharField(index=True)
    token_hash = peewee.CharField(unique=True)
    family_expires_at = TimeField()
    expires_at = TimeField(index=True)
    used_at = TimeField(null=True)
    revoked_at = TimeField(null=True)


class ServiceToken(BaseModel):
    """A named token of a program; like a user, its row stays."""

    name = peewee.CharField(unique=True)
    token_hash = peewee.CharField(unique=True)
    role = peewee.CharField()
    wallet_set_id = peewee.IntegerField(null=True, index=True)
    created_at = TimeField()
    expires_at = TimeField(null=True)
    revoked_at = TimeField(null=True)


class LoginFailure(BaseModel):
    """How often in a row a login failed, by user name or by address."""

    key = peewee.CharField(unique=True)
    count = peewee.IntegerField()
    last_at = TimeField(index=True)


class AuditRow(BaseModel):
    """One change that somebody made or tried to make: a fact, never changed or deleted.

    Attributes
    ----------
    who, kind : CharField
        Name and kind of the identity.
    arguments : TextField
        JSON without secrets, of bounded length; one that was too long is cut.
    outcome : CharField
        ``ok``, or the name of the error and its message.
    """

    append_only = True

    time = TimeField()
    who = peewee.CharField(index=True)
    kind = peewee.CharField()
    address = peewee.CharField()
    method = peewee.CharField(index=True)
    arguments = peewee.TextField()
    outcome = peewee.CharField()


USER_MODELS: Final = (User, RefreshToken, ServiceToken, LoginFailure, AuditRow)
"""All tables of this package."""


def open_users_database(path: Path) -> peewee.SqliteDatabase:
    """Open the database of orders and wallets, with our tables in it, in the calling thread.

    A second process may do so, too: what is written here is never kept in memory.

    Raises
    ------
    StorageUnavailable, DataError
        There is no such file, it is not one of ours, or others may read it and we can't change
        that.
    """
    open_database(path).close()  # says how to create it if it is not there
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        try:
            path.chmod(0o600)  # password hashes are for nobody else's dictionary
        except PermissionError as error:
            raise StorageUnavailable(f"{path} is open to others; `chmod 600` it") from error
    create_database(path, USER_MODELS)
    return open_database(path)


def writing(database: peewee.SqliteDatabase) -> AbstractContextManager[object]:
    """Return a transaction that is the only writer from its start: what it reads stays true.

    A transaction that begins by reading would fail at its first write if another process wrote
    meanwhile.
    """
    transaction: AbstractContextManager[object] = database.atomic("IMMEDIATE")
    return transaction


def revoke_sessions(database: peewee.SqliteDatabase, user: User, now: UtcNs) -> None:
    """End all that was issued to a user so far."""
    User.update(generation=User.generation + 1).where(User.id == user.id).execute(database)
    RefreshToken.update(revoked_at=now).where(
        (RefreshToken.user == user.id) & RefreshToken.revoked_at.is_null()
    ).execute(database)
