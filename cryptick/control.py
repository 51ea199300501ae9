"""How a run's process is steered: a Unix socket in its directory that carries hub messages.

A line is one message in the hub's JSON form. Calls of ``run.stop``, ``run.pause``, ``run.resume``
and ``run.state`` are for the process itself and answered with a `RunStatus`; others are posted to
the hub. `STATUS` notifications tell each change.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

__all__ = [
    "AWAY_S",
    "ENDED",
    "LINE_MAX",
    "PAUSE",
    "RESUME",
    "STATE",
    "STATUS",
    "STOP",
    "RunStatus",
    "socket_path",
    "started_ticks",
]

STOP: Final = "run.stop"
PAUSE: Final = "run.pause"
RESUME: Final = "run.resume"
STATE: Final = "run.state"
STATUS: Final = "run.status"

ENDED: Final = frozenset({"stopped", "failed"})
LINE_MAX: Final = 1 << 20  # bytes
AWAY_S: Final = 600.0
"""How long xWrap may be away before a run fails."""

_SOCKET: Final = "control.sock"


class RunStatus(msgspec.Struct, frozen=True):
    """Where a run is.

    Attributes
    ----------
    state : str
        ``starting``, ``running``, ``paused``, ``stopping``, ``stopped`` or ``failed``.
    orders, trades : int
    equity : str or None
        Decimal text in ``currency``; None while it is not known.
    progress : float or None
        Share of a backtest that is done, None where nobody knows how long it is.
    error : str or None
        Why it failed.
    fees_paid : dict of str to str
        Decimal text by currency.
    detail : str or None
        What keeps it from going on as usual, such as xWrap being away.
    """

    state: str
    orders: int = 0
    trades: int = 0
    equity: str | None = None
    currency: str | None = None
    progress: float | None = None
    error: str | None = None
    fees_paid: dict[str, str] = {}
    detail: str | None = None


@contextmanager
def socket_path(directory: Path) -> Iterator[str]:
    """Return a name of the directory's socket that is short enough, while the block lasts.

    The name of a socket has 107 bytes at most, less than a directory's path may have; through an
    open handle any directory has a short name.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{_SOCKET}"
    finally:
        os.close(handle)


def started_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since the machine did; None if it is gone.

    Together with its id it names a process: ids are used again.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])
