"""Which names this service goes by, against pages that try to reach it through a browser.

A page from elsewhere shows itself by its ``Origin``; one whose name was made to point at this
machine (DNS rebinding) by a ``Host`` that is not ours.
"""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["Hosts"]

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_EVERYWHERE: Final = ("0.0.0.0", "::", "")


class Hosts:
    """The names of this machine's loopback, and more.

    Parameters
    ----------
    more : iterable of str
        Configured names or addresses; those that stand for every address are left out.
    """

    def __init__(self, more: Iterable[str] = ()) -> None:
        names = [*_LOOPBACK, *(name.lower() for name in more if name not in _EVERYWHERE)]
        name = "|".join(re.escape(each) for each in dict.fromkeys(names))
        self._host = re.compile(rf"(?:{name})(?::\d+)?", re.IGNORECASE)
        self.origin: re.Pattern[str] = re.compile(rf"https?://(?:{name})(?::\d+)?", re.IGNORECASE)

    def refuses(self, host: str | None, origin: str | None) -> str:
        """Return why a request with these headers must not be served; empty if it may."""
        if host is None or not self._host.fullmatch(host):
            return f"this service is not known as {host!r}; configure it as PUBLIC_HOST"
        if origin is not None and not self.origin.fullmatch(origin):
            return f"pages of {origin} may not use this service"
        return ""
