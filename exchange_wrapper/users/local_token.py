"""The token by which our own clients on this machine are known without a login.

The service writes a new one at each start to a file that only its user can read; a client that
runs as the same user finds it by the port it connects to. Whoever can read the file could read and
write the service's database as well, so it stands for an administrator.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from exchange_wrapper.errors import DataError
from exchange_wrapper.users.private_file import read_private, write_private
from serving.exposure import is_loopback

__all__ = ["local_token_path", "publish_local_token", "token_for", "withdraw_local_token"]


def local_token_path(port: int, environ: Mapping[str, str] | None = None) -> Path:
    """Return the file for a service on this port: ``XWRAP_TOKEN_FILE``, else one of the user's."""
    environ = os.environ if environ is None else environ
    if named := environ.get("XWRAP_TOKEN_FILE"):
        return Path(named)
    state = Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return state / "xwrap" / f"local-token-{port}"


def publish_local_token(
    token: str, ports: Iterable[int], environ: Mapping[str, str] | None = None
) -> list[Path]:
    """Write the token for each port a service listens on, and return the files.

    Raises
    ------
    StorageUnavailable
        A file can't be written.
    """
    paths = list(dict.fromkeys(local_token_path(port, environ) for port in ports))
    for path in paths:
        write_private(path, token)
    return paths


def withdraw_local_token(token: str, paths: Iterable[Path]) -> None:
    """Delete the files of a service that stops, unless a newer one has written them since."""
    for path in paths:
        try:
            if read_private(path) == token:
                path.unlink()
        except (FileNotFoundError, DataError):
            continue  # gone, or not the one we wrote


def token_for(url: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the token to present to a service, or None if there is none to present.

    ``XWRAP_TOKEN``, which a run is started with, comes first. The local token is for a service on
    this machine's loopback and is never sent elsewhere.

    Raises
    ------
    DataError
        The token file is open to others, or somebody else's.
    """
    environ = os.environ if environ is None else environ
    if given := environ.get("XWRAP_TOKEN"):
        return given
    address = urlsplit(url)
    if address.hostname is None or address.port is None or not is_loopback(address.hostname):
        return None
    try:
        return read_private(local_token_path(address.port, environ))
    except FileNotFoundError:
        return None
