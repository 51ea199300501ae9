"""The server's end of the socket of a run's process."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from cryptick.control import LINE_MAX, socket_path
from cryptick.messages import Call, Failure, Result, decode, encode
from exchange_wrapper.errors import Unavailable, XWrapError
from serving.wire import error_from_wire

__all__ = ["WorkerLink"]

_ANSWER_S: Final = 10.0


class WorkerLink:
    """A connection to a run's process.

    Parameters
    ----------
    hear : callable
        Gets each notification.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        hear: Callable[[Call], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._hear = hear
        self._names = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self.closed = asyncio.create_task(self._run(), name="run's process")

    @classmethod
    async def connect(cls, directory: Path, hear: Callable[[Call], None]) -> Self:
        """Connect to the process of the run in a directory.

        Raises
        ------
        OSError
            Nobody listens there, or not yet.
        """
        with socket_path(directory) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=LINE_MAX)
        return cls(reader, writer, hear)

    async def ask(self, method: str, *params: object) -> Any:
        """Call a method of the process or its hub and return the result.

        Raises
        ------
        XWrapError
            As the process answers.
        Unavailable
            It has ended, or does not answer in time.
        """
        name = f"server.{next(self._names)}"
        answer = self._waiting[name] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(encode(Call(method, params, name)) + b"\n")
            async with asyncio.timeout(_ANSWER_S):
                return await answer
        except TimeoutError:
            raise Unavailable("the run does not answer: it is busy, try again later") from None
        finally:
            del self._waiting[name]

    async def close(self) -> None:
        """Go away; the run goes on."""
        self._writer.close()
        self.closed.cancel()
        await asyncio.gather(self.closed, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while line := await self._reader.readline():
                self._receive(line)
        except (OSError, ValueError):  # a line without an end is as good as none
            pass
        finally:
            self._writer.close()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(Unavailable("the run has ended"))

    def _receive(self, line: bytes) -> None:
        try:
            message = decode(line)
        except XWrapError:
            return
        if isinstance(message, Call):
            self._hear(message)
            return
        answer = self._waiting.get(message.method)
        if answer is None or answer.done():
            return
        if isinstance(message, Result):
            answer.set_result(message.result)
        elif isinstance(message, Failure):
            error = message.error
            answer.set_exception(
                error_from_wire({"code": error.code, "message": error.message, "data": error.data})
            )
