"""Who is asking, and the rule by which a call is allowed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exchange_wrapper.errors import Forbidden, Unauthorised

__all__ = ["LOCAL_ADMIN", "Identity", "Kind", "Role", "authorise"]


class Role(StrEnum):
    """What somebody may do; each role may do all that the ones before it may."""

    VIEWER = "viewer"
    TRADER = "trader"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what ``other`` may."""
        return _RANK[self] >= _RANK[other]


_RANK: Final = {role: rank for rank, role in enumerate(Role)}


class Kind(StrEnum):
    """How somebody showed who they are."""

    USER = "user"  # name and password
    SERVICE = "service"  # a service token
    LOCAL = "local"  # the token file of this machine


@dataclass(frozen=True)
class Identity:
    """Somebody we know.

    Attributes
    ----------
    name : str
        Unique among its kind, for ever.
    role : Role
    wallet_set_id : int or None
        The only wallet set it may see and trade; None for no such limit.
    kind : Kind
    must_change_password : bool
        Whether it may do nothing else before that.
    """

    name: str
    role: Role
    wallet_set_id: int | None
    kind: Kind
    must_change_password: bool = False


LOCAL_ADMIN: Final = Identity("local", Role.ADMIN, None, Kind.LOCAL)
"""Who shows the local token, or uses the command line on the database itself."""


def authorise(
    identity: Identity | None,
    required_role: Role,
    wallet_set_id: int | None = None,
    *,
    funds: bool = True,
) -> Identity:
    """Return the identity if it may make a call.

    Parameters
    ----------
    identity : Identity or None
        None for somebody who showed no credentials.
    required_role : Role
    wallet_set_id : int, optional
        The wallet set that the call is about; None for the unallocated funds or for all sets.
    funds : bool
        Whether the call reads or changes funds or orders. Market data (False) is open to those
        who are limited to one wallet set, too.

    Raises
    ------
    Unauthorised
        There is no identity.
    Forbidden
        Its role is too low, the wallet set is not its own, or its password must be changed first.
    """
    if identity is None:
        raise Unauthorised("this needs a login or a token")
    if identity.must_change_password:
        raise Forbidden(f"{identity.name} has to change the password first")
    if not identity.role.includes(required_role):
        raise Forbidden(
            f"this needs the role {required_role}, and {identity.name} is {identity.role}",
            required=required_role.value,
        )
    limited_to = identity.wallet_set_id
    if funds and limited_to is not None and wallet_set_id != limited_to:
        raise Forbidden(
            f"{identity.name} may use wallet set {limited_to} only", wallet_set_id=limited_to
        )
    return identity
