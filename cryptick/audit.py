"""The audit log: every message of a run, one JSON record a line, before it is delivered."""

from pathlib import Path
from typing import Final, Self

from cryptick.audit_record import AuditRecord, EventReference
from cryptick.hub import Cause
from cryptick.messages import ENCODER, Message
from exchange_wrapper.times import UtcNs, to_iso

__all__ = ["AuditLog"]

_BUFFER: Final = 1 << 18  # bytes

_encode_into: Final = ENCODER.encode_into  # behind what is there, where the place is -1


class AuditLog:
    """Append audit records to a file, for as long as its ``with`` block lasts.

    Parameters
    ----------
    path : Path
    flush : bool
        Whether each record reaches the operating system at once, so that it survives a kill; a
        backtest can be repeated instead.
    """

    def __init__(self, path: Path, *, flush: bool) -> None:
        self._file = path.open("ab", buffering=0)
        self._size = 0 if flush else _BUFFER
        self._lines = bytearray()
        self._time, self._time_text = UtcNs(0), to_iso(UtcNs(0))

    def record(self, sequence: int, time: UtcNs, cause: Cause, message: Message) -> None:
        """Append one message."""
        known = cause if cause is None or isinstance(cause, int) else EventReference.to(cause)
        if time != self._time:  # many messages are delivered at one time
            self._time, self._time_text = time, to_iso(time)
        lines = self._lines
        _encode_into(AuditRecord(sequence, self._time_text, known, message), lines, -1)
        lines += b"\n"
        if len(lines) > self._size:
            self._write()

    def _write(self) -> None:
        self._file.write(self._lines)
        self._lines.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write()
        self._file.close()
