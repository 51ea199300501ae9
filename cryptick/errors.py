"""Cryptick's own errors, all below ``exchange_wrapper.errors.XWrapError``.

::

    XWrapError
    ├── ApiUsageError
    │   ├── UsageError       exit 2  a command line that can't be run
    │   └── UnknownName
    │       └── UnknownStrategy  exit 2  no strategy of that name
    └── ProcessingError
        └── HandlerFailed    exit 1  a callback raised; the run is over
"""

from exchange_wrapper.errors import ApiUsageError, ProcessingError, UnknownName

__all__ = ["HandlerFailed", "UnknownStrategy", "UsageError"]


class UsageError(ApiUsageError):
    """A command line that can't be run as it stands."""


class UnknownStrategy(UnknownName):
    """No strategy is known by this name, or its file can't be loaded."""


class HandlerFailed(ProcessingError):
    """A callback raised while it handled a message; ``__cause__`` is what it raised."""
