"""Pages for people, opened by their address: browsers show no token when they open one."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from exchange_wrapper.errors import UnknownName

__all__ = ["LIFE_S", "Pages"]

LIFE_S: Final = 60
_OPEN_MAX: Final = 1000
_PATH: Final = re.compile(r"/pages/[\w-]{32}")


@dataclass(frozen=True)
class _Ticket:
    read: Callable[[], bytes]
    until_s: float


class Pages:
    """Tickets, each good for one page and a minute: they may stay in a browser's history.

    Parameters
    ----------
    clock_s : callable
        Seconds of a clock that only goes on.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._tickets: dict[str, _Ticket] = {}  # the oldest first

    def open(self, read: Callable[[], bytes]) -> str:
        """Return a ticket for what ``read`` returns; of very many the oldest are forgotten."""
        now_s = self._clock_s()
        self._tickets = {
            name: one
            for name, one in list(self._tickets.items())[-_OPEN_MAX:]
            if one.until_s > now_s
        }
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = _Ticket(read, now_s + LIFE_S)
        return ticket

    def read(self, ticket: str) -> bytes:
        """Return a page.

        Raises
        ------
        UnknownName
            The ticket is not one of ours, or too old.
        """
        found = self._tickets.get(ticket)
        if found is None or found.until_s <= self._clock_s():
            raise UnknownName(f"this page was open for {LIFE_S} s: open it again", field="ticket")
        return found.read()

    @staticmethod
    def is_one(verb: str, path: str) -> bool:
        """Whether a request is for a page, whose ticket says all that a token would."""
        return verb == "GET" and _PATH.fullmatch(path) is not None
