"""Who is asking: the users of an installation, for both servers and without blocking the loop."""

import asyncio
import logging
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from peewee import PeeweeException
from sanic import Request

from exchange_wrapper.db import Row
from exchange_wrapper.errors import Unauthorised
from exchange_wrapper.service.about import ABOUT
from exchange_wrapper.times import UtcNs
from exchange_wrapper.users import audit
from exchange_wrapper.users.local_token import publish_local_token, withdraw_local_token
from exchange_wrapper.users.rpc_guard import handshake_token
from exchange_wrapper.users.service import Users
from exchange_wrapper.util import utc_now
from serving.exposure import check_exposure
from serving.http_guard import bearer_token, is_local
from serving.registry import Caller
from serving.roles import Identity, Kind, Role, authorise

__all__ = ["Gate"]

_log = logging.getLogger("xwrap.users")

T = TypeVar("T")
Headers = Iterable[tuple[str, str]]

_RECHECK_S: Final = 60.0
_GROUP_S: Final = 0.05  # audit rows share transactions: the journal needs the disk, too
_FREQUENT: Final = frozenset({"make_order", "cancel_order"})  # stored with run and name anyway
_ANYBODY: Final = Identity("anybody on this machine", Role.VIEWER, None, Kind.LOCAL)
_OPEN: Final = frozenset(
    {"/metrics", f"{ABOUT.prefix}/health", f"{ABOUT.prefix}/status", "/openapi.json", "/uri_map"}
    | {"/docs", "/docs/docs.js", "/docs/docs.css"}
)


class Admitted(Protocol):
    """A server with connections that last."""

    @property
    def identities(self) -> Mapping[Any, Identity]:
        """Who is behind each connection."""

    async def dismiss(self, connection: Any, reason: str) -> None:
        """Close a connection whose owner is no longer welcome."""

    def admit_as(self, connection: Any, identity: Identity) -> None:
        """Note what the owner of a connection is now."""


class Gate:
    """Tell who is behind a request or connection, and record what they change.

    Everything about users happens in one thread, since it blocks.
    """

    def __init__(self, path: Path, clock: Callable[[], UtcNs] = utc_now) -> None:
        self._path = path
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "users")
        self._users: Users | None = None
        self._published: list[Path] = []
        self._rows: list[Row] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()

    async def open(self) -> str | None:
        """Open the database.

        Returns
        -------
        str or None
            The first administrator's password, to be shown once.

        Raises
        ------
        StorageUnavailable, DataError
            There is no database, or its signing key can't be used.
        """
        self._users = await self._run(Users, self._path)
        return await self.ask(_prepare)

    async def check_exposure(self, hosts: Mapping[str, str]) -> None:
        """Refuse to bind addresses that are not safe yet; see ``exposure``."""
        check_exposure(hosts, await self.ask(lambda users, now: users.accounts.unchanged_admins()))

    async def close(self) -> None:
        """Finish what is being recorded and close the database."""
        if self._rows:
            self._write_all()
        if self._writing:
            await asyncio.wait(self._writing)
        if self._users is not None:
            paths = self._published
            await self.ask(lambda users, now: withdraw_local_token(users.local_token, paths))
            await self.ask(lambda users, now: users.close())
        self._thread.shutdown()

    async def publish_token(self, ports: Iterable[int]) -> None:
        """Let clients on this machine find their token; see ``local_token``."""
        self._published = await self.ask(
            lambda users, now: publish_local_token(users.local_token, ports)
        )

    async def ask(self, question: Callable[..., T], *arguments: Any) -> T:
        """Call ``question(users, now, …)`` in the thread of the users."""
        assert self._users is not None
        return await self._run(question, self._users, self._clock(), *arguments)

    async def admit(self, path: str, headers: Headers, peer: str) -> Identity:
        """Tell who opens a websocket.

        Raises
        ------
        Unauthorised, ApiUsageError
            They have no valid token, or show it in a wrong way.
        """
        pairs = list(headers)
        return await self._identify(handshake_token(path, pairs), is_local(peer, pairs))

    async def admit_page(self, token: object, headers: Headers, peer: str) -> Identity:
        """Tell who connects by Socket.IO: those who may see all funds.

        Raises
        ------
        Unauthorised, Forbidden
            They have no valid token, or one for one wallet set.
        """
        if token is not None and not isinstance(token, str):
            raise Unauthorised("the token must be text")
        pairs = list(headers)
        shown = token or bearer_token(pairs)
        return authorise(await self._identify(shown, is_local(peer, pairs)), Role.VIEWER)

    async def identify(self, request: Request) -> Caller:
        """Tell who makes an HTTP request.

        Raises
        ------
        Unauthorised
            They have no valid token, and this needs one.
        """
        headers = list(request.headers.items())
        on_loopback = is_local(request.ip, headers)
        if on_loopback and request.path.rstrip("/") in _OPEN:
            return Caller(identity=_ANYBODY, address=request.ip)
        identity = await self._identify(bearer_token(headers), on_loopback)
        return Caller(identity=identity, address=request.ip)

    def record(
        self,
        caller: Caller,
        method: str,
        arguments: Mapping[str, Any],
        error: Exception | None,
    ) -> asyncio.Future[None] | None:
        """Have a change written to the audit log.

        Returns
        -------
        Future or None
            Done once it is written, or could not be and that was logged. None where it is not worth
            waiting: nothing was changed, or an order, which has a row of its own; these are written
            with the next commit, see ``take_rows``, or after a moment.
        """
        assert caller.identity is not None
        row = audit.entry(
            caller.identity,
            method,
            arguments,
            self._clock(),
            error=error,
            address=caller.address,
        )
        self._rows.append(row)
        if error is None and method not in _FREQUENT:
            return asyncio.shield(self._write_all())  # whoever waits may go away
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_GROUP_S, self._write_all)
        return None

    def take_rows(self) -> list[Row]:
        """Hand over the rows that wait to be written, to who has a commit to make anyway."""
        rows, self._rows = self._rows, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return rows

    def _write_all(self) -> asyncio.Task[None]:
        task = asyncio.create_task(self._write(self.take_rows()), name="audit log")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    async def _write(self, rows: list[Row]) -> None:
        try:
            await self.ask(lambda users, now: users.record_all(rows))
        except PeeweeException as error:
            _log.error("%d rows of the audit log could not be written: %s", len(rows), error)

    async def add_run_token(self, wallet_set_id: int, caller: Caller) -> str:
        """Return a token for a run, which may see and trade its wallet set only."""
        return await self.ask(
            lambda users, now: users.service_tokens.add_for_run(
                wallet_set_id, now, by=caller.identity
            )
        )

    async def revoke_run_tokens(self, wallet_set_ids: Container[int], by: Identity) -> None:
        """End all tokens of wallet sets."""
        await self.ask(
            lambda users, now: users.service_tokens.revoke_for_wallet_sets(
                wallet_set_ids, now, by=by
            )
        )

    async def recheck_forever(self, *servers: Admitted) -> None:
        """Dismiss, every minute, those who lost their right to be connected."""
        while True:
            await asyncio.sleep(_RECHECK_S)
            try:
                for server in servers:
                    await self.recheck(server)
            except PeeweeException as error:  # busy: again in a minute
                _log.warning("connections could not be checked: %s", error)

    async def recheck(self, server: Admitted) -> None:
        """Dismiss those of a server who lost their right to be connected."""
        for connection, identity in list(server.identities.items()):
            try:
                now_is = await self.ask(
                    lambda users, now, known=identity: users.recheck(known, now)
                )
            except Unauthorised as error:
                await server.dismiss(connection, error.message)
            else:
                server.admit_as(connection, now_is)

    async def _identify(self, token: str | None, on_loopback: bool) -> Identity:
        if token is None:
            raise Unauthorised("this needs a login or a token")
        return await self.ask(
            lambda users, now: users.identify(token, now, on_loopback=on_loopback)
        )

    async def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)


def _prepare(users: Users, now: UtcNs) -> str | None:
    _ = users.sessions  # makes or checks the signing key
    return users.accounts.ensure_admin(now)
