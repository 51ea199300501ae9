"""Processes of runs: started in sessions of their own, and watched whoever started them."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Final, Self

from cryptick.control import started_ticks

__all__ = ["PROCESS_LOG", "Process", "spawn"]

PROCESS_LOG: Final = "process.log"


class Process:
    """A process that goes on, by a handle that no later process of the same id can get.

    Attributes
    ----------
    ended : asyncio.Future
        Gets how it ended in words once it has.
    """

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._handle = handle
        asyncio.get_running_loop().add_reader(handle, self._has_ended)

    @classmethod
    def open(cls, pid: int, ticks: int | None = None) -> Self | None:
        """Return a running process, None if it is gone.

        Parameters
        ----------
        ticks : int, optional
            When it started, where another one might have its id by now.
        """
        try:
            handle = os.pidfd_open(pid)
        except (ProcessLookupError, ValueError, OverflowError):
            return None
        if ticks is not None and started_ticks(pid) != ticks:
            os.close(handle)
            return None
        return cls(pid, handle)

    def kill(self) -> None:
        """End it at once."""
        if not self.ended.done():
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def close(self) -> None:
        """Watch it no more; it goes on."""
        if not self.ended.done():
            self.ended.cancel()
            self._forget()

    def _has_ended(self) -> None:
        self._forget()
        try:
            _, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # of a server before us
            self.ended.set_result("its process has gone: it was killed, or it crashed")
            return
        code = os.waitstatus_to_exitcode(status)
        self.ended.set_result(
            f"its process ended with status {code}" if code >= 0 else f"killed by signal {-code}"
        )

    def _forget(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)


def spawn(directory: Path, token: str | None) -> int:
    """Start the process of a run and return its id; what it prints goes to ``process.log``.

    Parameters
    ----------
    token : str or None
        What it shows to xWrap instead of what this process would show.
    """
    log = str(directory / PROCESS_LOG)
    write = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    command = [sys.executable, "-m", "cryptick.worker", str(directory)]
    return os.posix_spawn(
        sys.executable,
        command,
        {**os.environ, **({} if token is None else {"XWRAP_TOKEN": token})},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, write, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
