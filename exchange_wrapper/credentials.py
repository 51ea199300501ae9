"""Keys of live exchanges: where they come from, and a type that keeps them to itself.

For an exchange named ``gdax`` they are the environment variables ``XWRAP_GDAX_KEY``,
``XWRAP_GDAX_SECRET`` and ``XWRAP_GDAX_PASSPHRASE``, or a member of the JSON file that
``XWRAP_KEYS_FILE`` names and that nobody but its owner may read::

    {"gdax": {"key": "…", "secret": "…", "passphrase": "…"}}

Nothing is ever read from the settings, which are shown and copied freely.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Never

import msgspec

from exchange_wrapper.errors import ApiUsageError

__all__ = ["Credentials", "Secret", "load_credentials"]

_FILE: Final = "XWRAP_KEYS_FILE"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class Secret:
    """Text that only ``reveal`` shows; printing, copying and pickling do not."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; do not keep it in a variable, which a crash report would show."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce_ex__(self, protocol: object) -> Never:
        raise TypeError("a secret is neither copied nor pickled")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a venue hands out to sign requests with; ``passphrase`` is empty where it has none."""

    key: Secret
    secret: Secret
    passphrase: Secret


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    secret: str
    passphrase: str = ""


def load_credentials(exchange: str, environ: Mapping[str, str] | None = None) -> Credentials:
    """Return the keys of an exchange, from the environment or else from the file it names.

    Parameters
    ----------
    exchange : str
        The name that it is loaded under.
    environ : mapping of str to str, optional
        Instead of the process's environment.

    Raises
    ------
    ApiUsageError
        There are none, they are not complete, or others than its owner may use the file.
    """
    environ = os.environ if environ is None else environ
    prefix = f"XWRAP_{re.sub('[^A-Z0-9]', '_', exchange.upper())}"
    names = [f"{prefix}_{part}" for part in ("KEY", "SECRET", "PASSPHRASE")]
    if any(environ.get(name) for name in names):
        for name in names[:2]:
            if not environ.get(name):
                raise ApiUsageError(f"{name} is not set, but another key of {exchange} is")
        return Credentials(*(Secret(environ.get(name, "")) for name in names))
    if path := environ.get(_FILE):
        entry = _read(Path(path), exchange).get(exchange)
        if entry is None:
            raise ApiUsageError(f"{path} has no keys of {exchange}")
        return Credentials(Secret(entry.key), Secret(entry.secret), Secret(entry.passphrase))
    raise ApiUsageError(
        f"{exchange} can't trade live without keys: set {', '.join(names)}, "
        f"or let {_FILE} name a file with them"
    )


def _read(path: Path, exchange: str) -> dict[str, _Entry]:
    try:
        with path.open("rb") as file:
            # Of what was opened, not of what bears its name by now.
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS:
                raise ApiUsageError(f"{path} holds keys: make it its owner's only (chmod 600)")
            return msgspec.json.decode(file.read(), type=dict[str, _Entry])
    except OSError as error:
        raise ApiUsageError(f"{path} can't be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The decoder's own words may quote the file.
        raise ApiUsageError(
            f'{path} must be JSON such as {{"{exchange}": {{"key": "…", "secret": "…"}}}}'
        ) from None
