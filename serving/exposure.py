"""The rule for binding to addresses that other machines can reach."""

import ipaddress
from collections.abc import Mapping, Sequence

from exchange_wrapper.errors import ApiUsageError

__all__ = ["check_exposure", "is_loopback"]


def is_loopback(host: str) -> bool:
    """Return whether an address or name can mean this machine only; other names can't."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def check_exposure(hosts: Mapping[str, str], unchanged_admins: Sequence[str]) -> None:
    """Refuse to be reached from elsewhere while an administrator's first password is in use.

    Parameters
    ----------
    hosts : mapping of str to str
        Addresses to bind by the name of their setting, such as ``{"WEB_HOST": "0.0.0.0"}``.
    unchanged_admins : sequence of str
        See ``Accounts.unchanged_admins``.

    Raises
    ------
    ApiUsageError
        The message says which setting, whose password, and what to do.
    """
    exposed = {name: host for name, host in hosts.items() if not is_loopback(host)}
    if exposed and unchanged_admins:
        name, host = next(iter(exposed.items()))
        admin = unchanged_admins[0]
        raise ApiUsageError(
            f"{name} is {host or 'every address'}, which other machines can reach, but {admin} "
            f"still has the password that was generated: change it with `python -m "
            f"exchange_wrapper.service users passwd {admin}`, or set {name} to 127.0.0.1",
            field=name,
        )
