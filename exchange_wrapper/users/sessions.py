"""Sessions of users: log in, refresh, log out, and the lock after repeated failures."""

import secrets
from dataclasses import dataclass, field
from typing import Final

import peewee

from exchange_wrapper.errors import ApiUsageError, Unauthorised, XWrapError
from exchange_wrapper.times import SECOND, UtcNs
from exchange_wrapper.users import audit
from exchange_wrapper.users.accounts import Accounts
from exchange_wrapper.users.lockout import (
    ADDRESS_RULE,
    FORGET_S,
    USER_RULE,
    Failures,
    LockRule,
    address_key,
)
from exchange_wrapper.users.passwords import Passwords
from exchange_wrapper.users.store import LoginFailure, RefreshToken, User, writing
from exchange_wrapper.users.tokens import (
    ACCESS_S,
    AccessTokens,
    Claims,
    Prefix,
    new_token,
    token_hash,
)
from serving.roles import Identity, Kind, Role

__all__ = ["FAMILY_S", "REFRESH_S", "Session", "Sessions"]

REFRESH_S: Final = 7 * 24 * 3600  # a page that is not opened for longer has to log in
FAMILY_S: Final = 30 * 24 * 3600  # and so does every other one in the end

_LOGGED_OUT: Final = "this session has ended: log in again"
_NAME_MAX: Final = 64


@dataclass(frozen=True)
class Session:
    """What a login or a refresh gives.

    Attributes
    ----------
    access_token : str
        To be sent as ``Authorization: Bearer …``; valid until ``access_expires_at``.
    refresh_token : str
        Good for one refresh until ``refresh_expires_at``; for an HttpOnly cookie.
    """

    identity: Identity
    access_token: str = field(repr=False)
    access_expires_at: UtcNs
    refresh_token: str = field(repr=False)
    refresh_expires_at: UtcNs


class Sessions:
    """Sessions of one database's users."""

    def __init__(
        self,
        database: peewee.SqliteDatabase,
        accounts: Accounts,
        passwords: Passwords,
        access: AccessTokens,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._passwords = passwords
        self._access = access

    def login(self, name: str, password: str, address: str, now: UtcNs) -> Session:
        """Start a session.

        Parameters
        ----------
        address : str
            Where the person is: of the connection, or what a trusted gateway says.

        Raises
        ------
        Unauthorised
            Name or password is wrong, the user is disabled, or too many logins failed lately;
            then ``data["retry_after_s"]`` says when to try again. Unknown users are locked alike.
        """
        user = self._verified("login", name, password, address, now)
        with writing(self._database):
            values: dict[str, object] = {"last_login_at": now}
            if self._passwords.is_outdated(user.password_hash):
                values["password_hash"] = self._passwords.hash(password)
            User.update(values).where(User.id == user.id).execute(self._database)
            RefreshToken.delete().where(RefreshToken.expires_at <= now).execute(self._database)
            identity = _identity(user)
            audit.append(self._database, [audit.entry(identity, "login", {}, now, address=address)])
            family_expires_at = UtcNs(now + FAMILY_S * SECOND)
            return self._issue(user, secrets.token_hex(16), family_expires_at, now)

    def refresh(self, token: str, now: UtcNs) -> Session:
        """Return the session's next tokens; the one given is used up.

        Raises
        ------
        Unauthorised
            It is unknown, expired or revoked. If it was used before, two parties have it: the
            whole session ends for both.
        """
        with writing(self._database):
            found = (
                RefreshToken.select(RefreshToken, User)
                .join(User)
                .where(RefreshToken.token_hash == token_hash(token))
                .first(self._database)
            )
            if found is None or found.revoked_at is not None or now >= found.expires_at:
                raise Unauthorised(_LOGGED_OUT)
            reused = found.used_at is not None
            if reused:  # committed before it is refused, below
                self._end_family(found, now)
                row = audit.entry(
                    _identity(found.user), "refresh", {}, now, error=Unauthorised("used before")
                )
                audit.append(self._database, [row])
            else:
                RefreshToken.update(used_at=now).where(RefreshToken.id == found.id).execute(
                    self._database
                )
                return self._issue(found.user, found.family, found.family_expires_at, now)
        raise Unauthorised(_LOGGED_OUT)

    def logout(self, token: str, now: UtcNs) -> None:
        """End the session of a refresh token; one that is over already is no error.

        Its access token is good until it expires, 15 minutes at most.
        """
        with writing(self._database):
            found = (
                RefreshToken.select(RefreshToken, User)
                .join(User)
                .where(RefreshToken.token_hash == token_hash(token))
                .first(self._database)
            )
            if found is not None and found.revoked_at is None:
                self._end_family(found, now)
                audit.append(
                    self._database, [audit.entry(_identity(found.user), "logout", {}, now)]
                )

    def change_password(self, by: Identity, old: str, new: str, address: str, now: UtcNs) -> None:
        """Change one's own password, and end all one's sessions: log in anew after it.

        Raises
        ------
        Unauthorised
            ``old`` is not the password; failures count as those of ``login``.
        ApiUsageError
            ``by`` is not a user, or the new password is the old one or too weak.
        """
        if by.kind is not Kind.USER:
            raise ApiUsageError(f"{by.name} is not a user and has no password")
        if new == old:
            raise ApiUsageError("the new password is the old one", field="new")
        user = self._verified("change_password", by.name, old, address, now)
        self._accounts.set_password(user.name, now, by=by, password=new)

    def identify(self, token: str, now: UtcNs) -> Identity:
        """Return whose access token this is.

        Raises
        ------
        Unauthorised
            It is not valid, or the user was disabled or got another password or role since.
        """
        claims = self._access.read(token, now)
        user = self._accounts.find(claims.name)
        if (
            user is None
            or user.disabled
            or (user.generation, user.role) != (claims.generation, claims.role)
        ):
            raise Unauthorised(_LOGGED_OUT)
        return _identity(user)

    def recheck(self, identity: Identity) -> Identity:
        """Return what a user is now.

        Raises
        ------
        Unauthorised
            They were disabled.
        """
        user = self._accounts.find(identity.name)
        if user is None or user.disabled:
            raise Unauthorised(f"{identity.name} may no longer use this service")
        return _identity(user)

    def _issue(self, user: User, family: str, family_expires_at: UtcNs, now: UtcNs) -> Session:
        refresh = new_token(Prefix.REFRESH)
        expires_at = UtcNs(min(now + REFRESH_S * SECOND, family_expires_at))
        RefreshToken.insert(
            user=user.id,
            family=family,
            token_hash=token_hash(refresh),
            family_expires_at=family_expires_at,
            expires_at=expires_at,
        ).execute(self._database)
        return Session(
            identity=_identity(user),
            access_token=self._access.issue(
                Claims(user.name, Role(user.role), user.generation), now
            ),
            access_expires_at=UtcNs((now // SECOND + ACCESS_S) * SECOND),
            refresh_token=refresh,
            refresh_expires_at=expires_at,
        )

    def _end_family(self, token: RefreshToken, now: UtcNs) -> None:
        RefreshToken.update(revoked_at=now).where(
            (RefreshToken.family == token.family) & RefreshToken.revoked_at.is_null()
        ).execute(self._database)

    def _verified(self, method: str, name: str, password: str, address: str, now: UtcNs) -> User:
        name = name.lower()[:_NAME_MAX].encode("utf-8", "replace").decode()
        keys = {f"user {name}": USER_RULE, f"address {address_key(address)}": ADDRESS_RULE}
        self._check_lock(keys, now)
        user = self._accounts.find(name)
        is_right = self._passwords.verify(user.password_hash if user else None, password)
        if user is not None and is_right and not user.disabled:
            # The address stays as it is: else an own account would allow guessing at others'.
            LoginFailure.delete().where(LoginFailure.key == f"user {name}").execute(self._database)
            return user
        error = Unauthorised("the name or the password is wrong")
        self._record_failure(method, name, keys, address, now, error)
        raise error

    def _check_lock(self, keys: dict[str, LockRule], now: UtcNs) -> None:
        waits = [
            keys[row.key].wait_s(Failures(row.count, row.last_at), now)
            for row in LoginFailure.select()
            .where(LoginFailure.key << list(keys))
            .execute(self._database)
        ]
        if wait_s := max(waits, default=0):
            raise Unauthorised(
                f"too many logins failed: try again in {wait_s} s", retry_after_s=wait_s
            )

    def _record_failure(
        self,
        method: str,
        name: str,
        keys: dict[str, LockRule],
        address: str,
        now: UtcNs,
        error: XWrapError,
    ) -> None:
        with writing(self._database):
            # What nobody asks for any more goes, or guessed names would fill the table.
            LoginFailure.delete().where(LoginFailure.last_at <= now - FORGET_S * SECOND).execute(
                self._database
            )
            for key in keys:
                row = LoginFailure.select().where(LoginFailure.key == key).first(self._database)
                before = Failures(row.count, row.last_at) if row else Failures(0, now)
                after = before.another(now)
                values = {"count": after.count, "last_at": after.last_at}
                LoginFailure.insert(key=key, **values).on_conflict(
                    conflict_target=[LoginFailure.key], update=values
                ).execute(self._database)
            unknown = Identity(name, Role.VIEWER, None, Kind.USER)
            row = audit.entry(unknown, method, {}, now, error=error, address=address)
            audit.append(self._database, [row])


def _identity(user: User) -> Identity:
    return Identity(
        name=user.name,
        role=Role(user.role),
        wallet_set_id=None,
        kind=Kind.USER,
        must_change_password=user.must_change_password,
    )
