"""Log messages as notifications: warnings of xWrap, and all that is written for its users."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from threading import get_ident
from typing import Any, Final

from exchange_wrapper.scrub import scrub

__all__ = ["LogNotifier", "notify_of_logs"]

_BURST: Final = 50
_PER_SECOND: Final = 10
_TEXT_MAX: Final = 2000  # characters
_PACKAGE: Final = "exchange_wrapper"
_LOGGERS: Final = {
    "xwrap": logging.WARNING,
    "serving": logging.WARNING,
    _PACKAGE: logging.WARNING,
    "user": logging.INFO,
}

_FIELDS: Final = (
    *("created", "filename", "funcName", "levelname", "levelno", "lineno", "module", "msecs"),
    *("name", "process", "processName", "relativeCreated", "thread", "threadName"),
)


class LogNotifier(logging.Handler):
    """Passes log records to a function, some each second at most, without keys.

    Parameters
    ----------
    publish : callable
        Gets a record as a dict of its fields, in the event loop's thread.

    Attributes
    ----------
    left_out : int
        Records that came too fast since the last one that was passed on.
    """

    def __init__(self, publish: Callable[[Mapping[str, Any]], object]) -> None:
        super().__init__()
        self.left_out = 0
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._budget = float(_BURST)
        self._refilled_at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on, from whatever thread and whatever it was logged in."""
        if not self._loop.is_closed():
            # Later, so that a warning about sending does not send in the midst of that.
            here = get_ident() == self._thread
            later = self._loop.call_soon if here else self._loop.call_soon_threadsafe
            later(self._pass_on, record)

    def _pass_on(self, record: logging.LogRecord) -> None:
        passed = record.created - self._refilled_at
        self._budget = min(_BURST, self._budget + max(0.0, passed) * _PER_SECOND)
        self._refilled_at = max(self._refilled_at, record.created)
        if self._budget < 1:
            self.left_out += 1
            return
        self._budget -= 1
        message = scrub(record.getMessage())[:_TEXT_MAX]
        if self.left_out:
            message += f" ({self.left_out} messages before it were left out)"
            self.left_out = 0
        fields = {name: getattr(record, name) for name in _FIELDS}
        self._publish({**fields, "pathname": _from_package(record.pathname), "message": message})


@contextmanager
def notify_of_logs(publish: Callable[[Mapping[str, Any]], object]) -> Iterator[LogNotifier]:
    """Pass on what is logged as long as the context lasts."""
    notifier = LogNotifier(publish)
    # What is written for users is not printed where only warnings are.
    user = logging.getLogger("user")
    before = user.level, user.propagate
    user.propagate = logging.getLogger().isEnabledFor(logging.INFO)
    user.setLevel(logging.INFO)
    filters = {name: _AtLeast(notifier, level) for name, level in _LOGGERS.items()}
    for name, handler in filters.items():
        logging.getLogger(name).addHandler(handler)
    try:
        yield notifier
    finally:
        for name, handler in filters.items():
            logging.getLogger(name).removeHandler(handler)
        user.level, user.propagate = before


class _AtLeast(logging.Handler):
    def __init__(self, target: LogNotifier, level: int) -> None:
        super().__init__(level)
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        self._target.emit(record)


def _from_package(path: str) -> str:
    parts = PurePath(path).parts
    start = parts.index(_PACKAGE) if _PACKAGE in parts else len(parts) - 1
    return "/".join(parts[start:])
