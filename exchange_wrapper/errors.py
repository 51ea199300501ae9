"""Every error raised on purpose, in one tree.

::

    XWrapError                     -32000  400  bad luck that has a name
    ├── ApiUsageError              -32001  400  the call itself is wrong
    │   ├── InvalidAmount          -32001  400  a price, size or amount that can't be used
    │   └── UnknownName            -32001  404  no such exchange, pair, wallet set, order, strategy
    ├── MethodNotFoundError        -32601  404
    ├── ProcessingError            -32002  500  the call was right, carrying it out failed
    │   ├── LedgerBreach           -32002  500  an invariant of the ledger does not hold
    │   └── DataError              -32002  500  stored or received data that can't be read
    ├── OrderRejected              -32000  400  refused by our own checks or by the venue
    │   └── InsufficientFunds      -32000  400
    ├── BadWalletConfig            -32000  400
    ├── Unauthorised               -32003  401  nobody we know, or no longer
    ├── Forbidden                  -32004  403  known, but not allowed to do this
    ├── NoData                     -32000  404  history that was asked for is not there
    └── Unavailable                -32002  503  may work later (retry)
        ├── ExchangeNotReady       -32002  503
        ├── StorageUnavailable     -32002  503
        └── UnknownOutcome         -32002  503  may have been done: ask before doing it again

The servers turn them into JSON-RPC or HTTP errors, the command lines into one sentence and
``exit_code``. ``cryptick.errors`` hangs its own classes below ``XWrapError``.
"""

from typing import ClassVar

__all__ = [
    "ApiUsageError",
    "BadWalletConfig",
    "DataError",
    "ExchangeNotReady",
    "Forbidden",
    "InsufficientFunds",
    "InvalidAmount",
    "LedgerBreach",
    "MethodNotFoundError",
    "NoData",
    "OrderRejected",
    "ProcessingError",
    "StorageUnavailable",
    "Unauthorised",
    "Unavailable",
    "UnknownName",
    "UnknownOutcome",
    "XWrapError",
]


class XWrapError(Exception):
    """Base of every error raised on purpose.

    Parameters
    ----------
    message : str
        One sentence for a person: what is wrong, where, and what to do.
    **data : object
        JSON-ready details for a program, such as the name of the field.
    """

    jsonrpc_error_code: ClassVar[int] = -32000
    http_status: ClassVar[int] = 400
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, **data: object) -> None:
        super().__init__(message)
        self.message = message
        self.data: dict[str, object] | None = data or None


class ApiUsageError(XWrapError):
    """The call itself is wrong: unknown field, wrong type, value out of range."""

    jsonrpc_error_code = -32001
    exit_code = 2


class InvalidAmount(ApiUsageError):
    """A price, size or amount that is not a number, too long, or off its increment."""


class UnknownName(ApiUsageError):
    """A name that nothing is registered under."""

    http_status = 404


class MethodNotFoundError(XWrapError):
    """No method is registered under this name."""

    jsonrpc_error_code = -32601
    http_status = 404


class ProcessingError(XWrapError):
    """The call was right, but carrying it out failed."""

    jsonrpc_error_code = -32002
    http_status = 500


class LedgerBreach(ProcessingError):
    """An invariant of the ledger does not hold; the wallet set concerned is frozen."""


class DataError(ProcessingError):
    """Data that was stored or received can't be read as what it should be."""


class OrderRejected(XWrapError):
    """An order refused by our own checks or by the venue."""


class InsufficientFunds(OrderRejected):
    """The wallet's available funds do not cover what was asked."""


class BadWalletConfig(XWrapError):
    """A wallet set that names unknown exchanges or currencies, or one of them twice."""


class Unauthorised(XWrapError):
    """No credentials, or such as are wrong, expired or revoked."""

    jsonrpc_error_code = -32003
    http_status = 401


class Forbidden(XWrapError):
    """The caller is known, but the role or the wallet set does not allow this."""

    jsonrpc_error_code = -32004
    http_status = 403


class NoData(XWrapError):
    """History that was asked for is not stored."""

    http_status = 404
    exit_code = 3


class Unavailable(XWrapError):
    """A part we depend on does not answer now; the same call may work later."""

    jsonrpc_error_code = -32002
    http_status = 503
    retryable = True
    exit_code = 4


class ExchangeNotReady(Unavailable):
    """The exchange is starting, degraded or stopped, or its book is stale."""


class StorageUnavailable(Unavailable):
    """A database that is needed is not reachable or not configured."""


class UnknownOutcome(Unavailable):
    """A request may have been carried out, or not: only asking the other side can tell.

    Repeating it blindly could do it twice.
    """

    retryable = False
