"""Settings of the server: a JSON file, the environment, and what is usual.

The file has a member ``cryptick``, beside those of xWrap if it is the same file; see `Settings` for
what may be in it. The environment comes first: ``CRYPTICK_HOST``, ``CRYPTICK_PORT``,
``CRYPTICK_RUNS``, ``XWRAP_URL``, ``XWRAP_HTTP``, ``PUBLIC_HOST``, ``PAGE_FOLDER``.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from cryptick.control import AWAY_S
from cryptick.errors import UsageError
from cryptick.runner import XWRAP_URL
from cryptick.start_form import Limits

__all__ = ["OnDeath", "Settings", "load_settings"]

OnDeath = Literal["cancel", "keep", "release"]
"""Of a run that failed: cancel its orders and keep its wallet set; leave both; give both back."""

_Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]

_VARIABLES: Final = {
    "CRYPTICK_HOST": "host",
    "CRYPTICK_PORT": "port",
    "CRYPTICK_RUNS": "runs",
    "XWRAP_URL": "xwrap",
    "XWRAP_HTTP": "xwrap_http",
    "PUBLIC_HOST": "public_hosts",
    "PAGE_FOLDER": "page_folder",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the server.

    Attributes
    ----------
    host, port : str, int
        Where it listens; port 0 takes a free one.
    public_hosts : tuple of str
        Names that browsers may use for it besides loopback's.
    runs : str
        The directory of runs.
    sweeps : str
        The directory of sweeps.
    strategies : str or None
        A directory whose files hold more strategies than those that come with Cryptick.
    editor : bool
        Whether administrators may write strategies in the page: code that runs as the server's
        user.
    drafts : str
        The directory of what they write; what they promote goes to ``strategies``.
    xwrap, xwrap_http : str
        Addresses of xWrap.
    store : str or None
        A store that backtests read instead of xWrap.
    runs_max : int
        Runs that may go on at once.
    limits : Limits
        Of each run's process.
    on_death : str
        ``cancel``, ``keep`` or ``release``: what becomes of orders and funds of a run that failed.
    away_s : float
        How long xWrap may be away before runs on paper and live fail.
    stop_s : float
        How long a run may take to stop before it is killed.
    page_folder : str
        Where the dashboard's page was built.
    """

    host: str = "127.0.0.1"
    port: _Port = 5726
    public_hosts: tuple[str, ...] = ()
    runs: str = "var/runs"
    sweeps: str = "var/sweeps"
    strategies: str | None = None
    editor: bool = False
    drafts: str = "var/drafts"
    xwrap: str = XWRAP_URL
    xwrap_http: str = "http://127.0.0.1:4242"
    store: str | None = None
    runs_max: _Count = 50
    limits: Limits = Limits()
    on_death: OnDeath = "cancel"
    away_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = AWAY_S
    stop_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 30.0
    page_folder: str = "cryptock/dist"


class _File(msgspec.Struct):
    cryptick: dict[str, Any] = {}


def load_settings(path: str | None, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a file, if one is named, and of the environment.

    Raises
    ------
    UsageError
        The file can't be read, or something in it can't be; the message names it.
    """
    environ = os.environ if environ is None else environ
    given: dict[str, Any] = {}
    if path is not None:
        try:
            given = msgspec.json.decode(Path(path).read_bytes(), type=_File).cryptick
        except OSError as error:
            raise UsageError(f"{path} can't be read: {error.strerror}") from None
        except msgspec.DecodeError as error:
            raise UsageError(f"{path} is not a settings file: {error}") from None
    for variable, name in _VARIABLES.items():
        text = environ.get(variable)
        if text is not None:
            given[name] = text.split(",") if name == "public_hosts" else text
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"the settings of the server: {error}") from None
