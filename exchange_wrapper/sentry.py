"""Report errors to Sentry, if it is configured: where they happened, never with keys or amounts."""

from typing import Any, Final

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

from exchange_wrapper import __version__
from exchange_wrapper.scrub import scrub_amounts

__all__ = ["scrub_event", "start"]

# What says where a bug is: file, function and line. All else of an event is left out.
_KEPT: Final = frozenset(
    {"event_id", "timestamp", "level", "logger", "platform", "release", "sdk", "fingerprint"}
)
_KEPT_OF_FRAME: Final = ("filename", "module", "function", "lineno", "in_app")


def start(dsn: str, transport: Transport | None = None) -> None:
    """Report errors that are logged or not caught from now on.

    Parameters
    ----------
    transport : Transport, optional
        Takes the events instead of the network.
    """
    sentry_sdk.init(
        dsn=dsn,
        release=f"xwrap@{__version__}",
        before_send=scrub_event,
        before_breadcrumb=lambda crumb, hint: None,
        include_local_variables=False,
        include_source_context=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(sentry_logs_level=None)],
        transport=transport,
    )


def scrub_event(event: Any, hint: object = None) -> Any:
    """Return what of an event may leave this machine."""
    kept: dict[str, Any] = {key: value for key, value in event.items() if key in _KEPT}
    entry = event.get("logentry") or {}
    if "message" in entry:  # the pattern; its parameters are what it was about
        kept["logentry"] = {"message": scrub_amounts(str(entry["message"]))}
    values = (event.get("exception") or {}).get("values") or []
    kept["exception"] = {"values": [_scrub_exception(value) for value in values]}
    return kept


def _scrub_exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "value": scrub_amounts(str(value.get("value") or "")),
        "stacktrace": {
            "frames": [{key: frame.get(key) for key in _KEPT_OF_FRAME} for frame in frames]
        },
    }
