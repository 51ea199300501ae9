"""Everything about who may do what, over one database."""

import hmac
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from exchange_wrapper.db import Row
from exchange_wrapper.errors import Unauthorised
from exchange_wrapper.times import UtcNs
from exchange_wrapper.users import audit
from exchange_wrapper.users.accounts import Accounts
from exchange_wrapper.users.passwords import Passwords
from exchange_wrapper.users.service_tokens import ServiceTokens
from exchange_wrapper.users.sessions import Sessions
from exchange_wrapper.users.store import open_users_database
from exchange_wrapper.users.tokens import AccessTokens, Prefix, load_signing_key, new_token
from serving.roles import LOCAL_ADMIN, Identity, Kind

__all__ = ["Users"]


class Users:
    """Users, service tokens, sessions and the audit log of one installation.

    Calls block, those that hash a password for a tenth of a second: asynchronous code makes one
    thread for all of them, construction and ``close`` included.

    Parameters
    ----------
    path : Path
        The database of orders and wallets; missing tables are made.
    passwords : Passwords, optional
        With other parameters than the recommended ones.

    Attributes
    ----------
    accounts : Accounts
    service_tokens : ServiceTokens
    local_token : str
        Stands for an administrator on loopback while this object lives, see ``local_token``.

    Raises
    ------
    StorageUnavailable, DataError
        There is no such database, or it is not one of ours.
    """

    def __init__(self, path: Path, passwords: Passwords | None = None) -> None:
        passwords = Passwords() if passwords is None else passwords
        self._database = open_users_database(path)
        self._key_path = path.with_name(f"{path.name}.key")
        self._passwords = passwords
        self.accounts = Accounts(self._database, passwords)
        self.service_tokens = ServiceTokens(self._database)
        self.local_token = new_token(Prefix.LOCAL)

    @cached_property
    def sessions(self) -> Sessions:
        """Sessions of users.

        Raises
        ------
        DataError
            The signing key beside the database is not one, or open to others; it is made at the
            first use.
        """
        # Not in __init__: the command line needs no key, and may run as another user.
        access = AccessTokens(load_signing_key(self._key_path))
        return Sessions(self._database, self.accounts, self._passwords, access)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def identify(self, token: str, now: UtcNs, *, on_loopback: bool) -> Identity:
        """Return whose token this is, of whatever kind.

        Parameters
        ----------
        on_loopback : bool
            Whether it came from this machine, see ``http_guard.is_local``.

        Raises
        ------
        Unauthorised
            It is unknown, expired or revoked, or for this machine only.
        """
        if token.startswith(Prefix.LOCAL):
            given = token.encode("utf-8", "surrogatepass")
            if on_loopback and hmac.compare_digest(given, self.local_token.encode()):
                return LOCAL_ADMIN
            raise Unauthorised("this local token is not valid here, or of an earlier start")
        if token.startswith(Prefix.SERVICE):
            return self.service_tokens.identify(token, now)
        return self.sessions.identify(token, now)

    def recheck(self, identity: Identity, now: UtcNs) -> Identity:
        """Return what somebody is now, for a connection that lasts.

        Raises
        ------
        Unauthorised
            They were disabled, or their token expired or was revoked.
        """
        match identity.kind:
            case Kind.USER:
                return self.sessions.recheck(identity)
            case Kind.SERVICE:
                return self.service_tokens.recheck(identity, now)
            case Kind.LOCAL:
                return identity

    def record(
        self,
        identity: Identity,
        method: str,
        arguments: dict[str, Any],
        now: UtcNs,
        *,
        error: Exception | None = None,
        address: str = "",
    ) -> None:
        """Append one change to the audit log at once; see ``audit.entry``."""
        row = audit.entry(identity, method, arguments, now, error=error, address=address)
        audit.append(self._database, [row])

    def record_all(self, rows: Iterable[Row]) -> None:
        """Append what ``audit.entry`` made to the audit log."""
        audit.append(self._database, rows)

    def read_audit(
        self,
        *,
        before_id: int | None = None,
        limit: int = 100,
        who: str | None = None,
        method: str | None = None,
        since: UtcNs | None = None,
    ) -> list[dict[str, Any]]:
        """Return the newest rows of the audit log, newest first; see ``audit.read``."""
        rows = audit.read(
            self._database,
            before_id=before_id,
            limit=limit,
            who=who,
            method=method,
            since=since,
        )
        return [audit.describe(row) for row in rows]
