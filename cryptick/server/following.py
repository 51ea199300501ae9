"""What runs write, told to those who follow it: their messages and their log."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol

import msgspec

from cryptick.server.records import log_page, message_page
from cryptick.server.store import RunStore
from exchange_wrapper.errors import XWrapError

__all__ = ["Channel", "Following"]

Channel = Literal["messages", "log"]

_POLL_S: Final = 0.25
_NEWEST: Final = 200  # messages or lines of one event; who missed some asks for them

Key = tuple[str, Channel]


class Send(Protocol):
    """Sends an event to one connection; see ``SocketIoServer.send_market``."""

    def __call__(
        self,
        connection_id: int,
        event: str,
        params: dict[str, Any],
        replaces: Key | None = None,
        newest: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """Send it."""
        ...


class Following:
    """Read what is new in the files of the runs that somebody follows.

    The files are what the API's pages are read from, too, so that the pushed and the fetched are
    the same and have the same numbers.
    """

    def __init__(self, store: RunStore, send: Send) -> None:
        self._store = store
        self._send = send
        self._followers: dict[Key, set[int]] = defaultdict(set)
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    def follow(self, connection_id: int, run_id: str, channel: Channel) -> None:
        """Tell a connection what is new from now on."""
        key = run_id, channel
        self._followers[key].add(connection_id)
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._run(key), name=f"follow {run_id}")

    def leave(self, connection_id: int, run_id: str, channel: Channel) -> None:
        """Tell it no more."""
        key = run_id, channel
        followers = self._followers.get(key)
        if followers is None:
            return
        followers.discard(connection_id)
        if not followers:
            del self._followers[key]
            task = self._tasks.pop(key, None)
            if task is not None:
                task.cancel()

    def forget(self, connection_id: int) -> None:
        """Forget a connection that has ended."""
        for run_id, channel in list(self._followers):
            self.leave(connection_id, run_id, channel)

    async def close(self) -> None:
        """Follow nothing more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: Key) -> None:
        read = self._messages if key[1] == "messages" else self._lines
        event = "message" if key[1] == "messages" else "log"
        at = await asyncio.to_thread(self._end, key)
        while True:
            await asyncio.sleep(_POLL_S)
            try:
                at, params = await asyncio.to_thread(read, key[0], at)
            except XWrapError:  # the run was deleted
                return
            if params is not None:
                for connection_id in tuple(self._followers.get(key, ())):
                    self._send(connection_id, event, {"run_id": key[0], **params}, replaces=key)

    def _end(self, key: Key) -> int:
        path = self._store.path(key[0])
        if key[1] == "messages":
            return message_page(path / "messages.jsonl", 0, 0).last
        return log_page(path / "run.log", 0, 0, None).size

    def _messages(self, run_id: str, after: int) -> tuple[int, dict[str, Any] | None]:
        path = self._store.path(run_id) / "messages.jsonl"
        last = message_page(path, after, 0).last
        if last <= after:
            return after, None
        page = message_page(path, max(after, last - _NEWEST), _NEWEST)
        return page.next, {"messages": page.messages, "last": page.next}

    def _lines(self, run_id: str, offset: int) -> tuple[int, dict[str, Any] | None]:
        path = self._store.path(run_id) / "run.log"
        page = log_page(path, offset, _NEWEST, None)
        if page.next <= offset:
            return offset, None
        if page.next < page.size:
            page = log_page(path, 0, 0, _NEWEST)
        return page.next, msgspec.to_builtins(page)
