"""Service tokens: how programs show who they are."""

import secrets
from collections.abc import Container, Mapping
from dataclasses import dataclass

import peewee

from exchange_wrapper.errors import ApiUsageError, Unauthorised, UnknownName
from exchange_wrapper.times import UtcNs
from exchange_wrapper.users import audit
from exchange_wrapper.users.accounts import check_name
from exchange_wrapper.users.store import ServiceToken, writing
from exchange_wrapper.users.tokens import Prefix, new_token, token_hash
from serving.roles import Identity, Kind, Role

__all__ = ["ServiceTokens", "TokenInfo"]


@dataclass(frozen=True)
class TokenInfo:
    """What may be told of a service token."""

    name: str
    role: Role
    wallet_set_id: int | None
    created_at: UtcNs
    expires_at: UtcNs | None
    revoked_at: UtcNs | None


class ServiceTokens:
    """The service tokens of one database.

    A name is used once, so that the audit log names one token for ever.
    """

    def __init__(self, database: peewee.SqliteDatabase) -> None:
        self._database = database

    def add(
        self,
        name: str,
        role: Role,
        now: UtcNs,
        *,
        by: Identity,
        wallet_set_id: int | None = None,
        expires_at: UtcNs | None = None,
    ) -> str:
        """Make a token and return it; it can't be shown again.

        Parameters
        ----------
        wallet_set_id : int, optional
            The only wallet set it may see and trade.
        expires_at : UtcNs, optional
            When it ceases to be valid; without it that is when it is revoked.

        Raises
        ------
        ApiUsageError
            The name was used before or can't be one, it expires in the past, or it would be an
            administrator's within one wallet set.
        """
        name = check_name(name)
        if expires_at is not None and expires_at <= now:
            raise ApiUsageError("the token would have expired already", field="expires_at")
        if wallet_set_id is not None and role is Role.ADMIN:
            raise ApiUsageError(
                "a token for one wallet set can't be an administrator's", field="role"
            )
        token = new_token(Prefix.SERVICE)
        with writing(self._database):
            if self._find(name) is not None:
                raise ApiUsageError(f"there is or was a token {name} already", field="name")
            ServiceToken.insert(
                name=name,
                token_hash=token_hash(token),
                role=role.value,
                wallet_set_id=wallet_set_id,
                created_at=now,
                expires_at=expires_at,
            ).execute(self._database)
            told = {"name": name, "role": role.value, "wallet_set_id": wallet_set_id}
            self._record(by, "add_service_token", told, now)
        return token

    def add_for_run(self, wallet_set_id: int, now: UtcNs, *, by: Identity) -> str:
        """Make a token with which a run may trade and see its wallet set, and return it."""
        name = f"wallet-set-{wallet_set_id}-{secrets.token_hex(4)}"
        return self.add(name, Role.TRADER, now, by=by, wallet_set_id=wallet_set_id)

    def list_tokens(self) -> list[TokenInfo]:
        """Return all tokens, by name."""
        return [
            TokenInfo(
                name=row.name,
                role=Role(row.role),
                wallet_set_id=row.wallet_set_id,
                created_at=row.created_at,
                expires_at=row.expires_at,
                revoked_at=row.revoked_at,
            )
            for row in ServiceToken.select().order_by(ServiceToken.name).execute(self._database)
        ]

    def revoke(self, name: str, now: UtcNs, *, by: Identity) -> None:
        """End a token; one that was revoked stays so.

        Raises
        ------
        UnknownName
            There is no such token.
        """
        with writing(self._database):
            row = self._find(name.lower())
            if row is None:
                raise UnknownName(f"there is no token {name!r}", field="name")
            self._revoke([row.name], by, now)

    def revoke_for_wallet_sets(
        self, wallet_set_ids: Container[int], now: UtcNs, *, by: Identity
    ) -> None:
        """End all tokens of wallet sets that were deactivated."""
        with writing(self._database):
            valid = ServiceToken.select().where(
                ServiceToken.wallet_set_id.is_null(False) & ServiceToken.revoked_at.is_null()
            )
            rows = valid.execute(self._database)
            self._revoke([row.name for row in rows if row.wallet_set_id in wallet_set_ids], by, now)

    def identify(self, token: str, now: UtcNs) -> Identity:
        """Return whose token this is.

        Raises
        ------
        Unauthorised
            It is unknown, expired or revoked.
        """
        found = (
            ServiceToken.select()
            .where(ServiceToken.token_hash == token_hash(token))
            .first(self._database)
        )
        return _identity(found, now)

    def recheck(self, identity: Identity, now: UtcNs) -> Identity:
        """Return what a token is now.

        Raises
        ------
        Unauthorised
            It expired or was revoked.
        """
        return _identity(self._find(identity.name), now)

    def _find(self, name: str) -> ServiceToken | None:
        query = ServiceToken.select().where(ServiceToken.name == name)
        found: ServiceToken | None = query.first(self._database)
        return found

    def _revoke(self, names: list[str], by: Identity, now: UtcNs) -> None:
        for name in names:
            revoked = (
                ServiceToken.update(revoked_at=now)
                .where((ServiceToken.name == name) & ServiceToken.revoked_at.is_null())
                .execute(self._database)
            )
            if revoked:
                self._record(by, "revoke_service_token", {"name": name}, now)

    def _record(self, by: Identity, method: str, told: Mapping[str, object], now: UtcNs) -> None:
        audit.append(self._database, [audit.entry(by, method, told, now)])


def _identity(row: ServiceToken | None, now: UtcNs) -> Identity:
    if (
        row is None
        or row.revoked_at is not None
        or (row.expires_at is not None and now >= row.expires_at)
    ):
        raise Unauthorised("this token is unknown, has expired or was revoked")
    return Identity(row.name, Role(row.role), row.wallet_set_id, Kind.SERVICE)
