"""Settings of the service: a JSON file for what it trades, the environment for where it runs.

The file::

    {
      "currencies": ["BTC", "ETH", "USD"],
      "exchanges": {
        "gdax": {
          "mode": "paper",
          "class": "exchange_wrapper.exchange.gdax.GDAXExchange",
          "balances": {"USD": "1000000", "BTC": "100"}
        }
      },
      "env": {"SQLITE_DB": "var/xwrap.db"}
    }

``balances`` are what a paper exchange starts with, once: a currency that already has a wallet is
left alone. Without ``balances`` it is 1,000,000 of each fiat or stable currency and 100 of every
other one that the exchange's pairs name.

``history_days`` (180) is how far back an exchange's candles are fetched, ``latency_ms`` (5) how
long a paper order takes to arrive there. Further members of an exchange go to its class.

``record`` names the pairs whose full books and trades are recorded, such as ``["BTC_USD"]``, or is
``true`` for all; none by default. Of each pair the newest ``recording_days`` (7) are kept, and no
more than ``recording_mb`` (1024).

``limits`` bounds what may be ordered, per exchange and for each wallet set on its own; what is left
out has no limit::

    "limits": {
      "exchanges": {"gdax": {"open_orders": 200, "daily_loss_usd": "5000"}},
      "wallet_set": {"order_notional_usd": "10000", "orders_per_minute": 60}
    }

``env`` gives values for environment variables that are not set:

=================  =======================================================  ====================
``SQLITE_DB``      file of orders and wallets                               required
``TIMESERIES_DB``  file of candles                                          ``timeseries.db``
                                                                            beside ``SQLITE_DB``
``RPC_HOST``       address of JSON-RPC over websocket                       127.0.0.1
``RPC_PORT``       0 takes a free port                                      4200
``WEB_HOST``       address of HTTP                                          127.0.0.1
``WEB_PORT``       0 takes a free port                                      4242
``INFLUXDB_DSN``   ``influxdb://host:port/database``: keeps candles there   none
                   instead of in ``TIMESERIES_DB``
``PUBLIC_HOST``    names, split by commas, that browsers may use    none but loopback's
                   for the service
``SENTRY_DSN``     where errors are reported to                     nowhere
``PAGE_FOLDER``    where the dashboard's page was built             ``cryptock/dist``
=================  =======================================================  ====================
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.limits import LimitsSettings
from exchange_wrapper.numbers import parse_amount
from exchange_wrapper.terms import Mode

__all__ = ["Config", "ExchangeSettings", "Settings", "cast_bool", "recursive_update"]

_CASH: Final = frozenset(
    {"AUD", "BRL", "BUSD", "CAD", "CHF", "CNY", "DAI", "EUR", "FDUSD", "GBP", "INR", "JPY", "KRW"}
    | {"MXN", "NZD", "PYUSD", "SEK", "SGD", "TRY", "TUSD", "USD", "USDC", "USDP", "USDT", "ZAR"}
)
_INITIAL_CASH: Final = Decimal(1_000_000)
_INITIAL_COINS: Final = Decimal(100)


class Config:
    """A JSON file's members and the environment, looked up by name.

    Parameters
    ----------
    envvar_config_key : str
        The member of the file that gives values for environment variables that are not set.
    environ : mapping of str to str, optional
        Instead of the process's environment.
    """

    def __init__(
        self, envvar_config_key: str = "env", environ: Mapping[str, str] | None = None
    ) -> None:
        self._envvar_config_key = envvar_config_key
        self._environ = os.environ if environ is None else environ
        self._values: dict[str, Any] = {}

    def load(self, config_file_path: str | Path) -> None:
        """Read a JSON file over what was loaded before, member by member.

        Raises
        ------
        ApiUsageError
            The file is missing, unreadable, or not a JSON object; the message has the place.
        """
        path = Path(config_file_path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ApiUsageError(f"the configuration {path} can't be read: {reason}") from error
        except json.JSONDecodeError as error:
            raise ApiUsageError(
                f"the configuration {path} is not JSON: {error.msg} "
                f"at line {error.lineno}, column {error.colno}"
            ) from error
        except UnicodeDecodeError as error:
            raise ApiUsageError(f"the configuration {path} is not UTF-8 text") from error
        if not isinstance(values, dict):
            raise ApiUsageError(f"the configuration {path} must be a JSON object")
        if not isinstance(values.get(self._envvar_config_key, {}), dict):
            raise ApiUsageError(f'"{self._envvar_config_key}" in {path} must be a JSON object')
        recursive_update(self._values, values)

    def get(self, key: str, default: Any = None, cast: Callable[[Any], Any] | None = None) -> Any:
        """Return a member of the file, or the default; either through ``cast``."""
        return _cast(key, self._values.get(key, default), cast)

    def getenv(
        self, key: str, default: Any = None, cast: Callable[[Any], Any] | None = None
    ) -> Any:
        """Return an environment variable, else the file's value for it, else the default."""
        of_file = self._values.get(self._envvar_config_key, {})
        return _cast(key, self._environ.get(key, of_file.get(key, default)), cast)


@dataclass(frozen=True)
class ExchangeSettings:
    """One exchange to load.

    Attributes
    ----------
    class_path : str
        Dotted path of its ``Exchange`` class.
    config : mapping
        Its whole JSON object, which the class gets.
    balances : mapping of currency to Decimal, or None
        What a paper exchange starts with; None for the default.
    history_days : int
        How far back its candles are fetched; 0 for not at all.
    latency_ms : int
        How long a paper order or its cancellation takes to arrive.
    record : bool or tuple of str
        The pairs that are recorded; True for all.
    recording_days, recording_mb : int
        How much is kept of each of them; a MB is 2²⁰ bytes.
    """

    name: str
    mode: Mode
    class_path: str
    config: Mapping[str, Any] = field(repr=False)  # may hold API keys
    balances: Mapping[str, Decimal] | None = None
    history_days: int = 180
    latency_ms: int = 5
    record: bool | tuple[str, ...] = False
    recording_days: int = 7
    recording_mb: int = 1024

    def initial_balance(self, currency: str) -> Decimal:
        """Return what the paper exchange's new wallet of ``currency`` starts with."""
        if self.balances is not None:
            return self.balances.get(currency, Decimal(0))
        return _INITIAL_CASH if currency in _CASH else _INITIAL_COINS


@dataclass(frozen=True)
class Settings:
    """All that a run of the service is told, checked."""

    currencies: tuple[str, ...]
    exchanges: tuple[ExchangeSettings, ...]
    sqlite_db: Path
    timeseries_db: Path
    rpc_host: str
    rpc_port: int
    web_host: str
    web_port: int
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    influxdb_dsn: str | None = field(default=None, repr=False)  # may hold a password
    public_hosts: tuple[str, ...] = ()
    sentry_dsn: str | None = field(default=None, repr=False)
    page_folder: Path = Path("cryptock/dist")

    @property
    def timeseries(self) -> str | Path:
        """Where candles and other time series are kept; see ``storage.open_store``."""
        return self.influxdb_dsn or self.timeseries_db

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Read and check all settings.

        Raises
        ------
        ApiUsageError
            A member is missing or not what it should be; the message names it.
        """
        currencies = config.get("currencies")
        if not isinstance(currencies, list) or not currencies:
            raise ApiUsageError('the configuration needs "currencies", a list such as ["BTC"]')
        if not all(isinstance(currency, str) and currency for currency in currencies):
            raise ApiUsageError('"currencies" in the configuration must all be names')
        exchanges = config.get("exchanges")
        if not isinstance(exchanges, dict) or not exchanges:
            raise ApiUsageError('the configuration needs "exchanges", an object with one or more')
        sqlite_db = config.getenv("SQLITE_DB", cast=_optional_path)
        if sqlite_db is None:
            raise ApiUsageError("SQLITE_DB is not set: it names the file of orders and wallets")
        return cls(
            currencies=tuple(dict.fromkeys(currency.upper() for currency in currencies)),
            exchanges=tuple(_exchange(name, value) for name, value in exchanges.items()),
            sqlite_db=sqlite_db,
            timeseries_db=config.getenv("TIMESERIES_DB", cast=_optional_path)
            or sqlite_db.with_name("timeseries.db"),
            rpc_host=config.getenv("RPC_HOST", "127.0.0.1", str),
            rpc_port=config.getenv("RPC_PORT", 4200, _port),
            web_host=config.getenv("WEB_HOST", "127.0.0.1", str),
            web_port=config.getenv("WEB_PORT", 4242, _port),
            limits=_limits(config.get("limits", {}), exchanges),
            influxdb_dsn=config.getenv("INFLUXDB_DSN", cast=str) or None,
            public_hosts=config.getenv("PUBLIC_HOST", (), _names),
            sentry_dsn=config.getenv("SENTRY_DSN", None, str) or None,
            page_folder=config.getenv("PAGE_FOLDER", "cryptock/dist", Path),
        )


def cast_bool(value: Any) -> bool:
    """Read a truth value as people write it in environments.

    Raises
    ------
    ValueError
        Neither a yes nor a no.
    """
    text = str(value).strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off", ""):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def recursive_update(old_dict: dict[str, Any], new_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Update ``old_dict`` in place, objects within objects too, and return it."""
    for key, value in new_dict.items():
        old = old_dict.get(key)
        if isinstance(old, dict) and isinstance(value, Mapping):
            recursive_update(old, value)
        else:
            old_dict[key] = value
    return old_dict


def _cast(key: str, value: Any, cast: Callable[[Any], Any] | None) -> Any:
    if value is None or cast is None:
        return value
    try:
        return cast(value)
    except (ValueError, TypeError) as error:
        raise ApiUsageError(f"{key} can't be used: {error}", field=key) from error


def _optional_path(value: Any) -> Path | None:
    return Path(value) if value else None


def _names(value: Any) -> tuple[str, ...]:
    return tuple(name.strip() for name in str(value).split(",") if name.strip())


def _port(value: Any) -> int:
    port = int(value)
    if not 0 <= port <= 65_535:
        raise ValueError(f"{port} is not a port number")
    return port


def _exchange(name: str, value: Any) -> ExchangeSettings:
    where = f'exchange "{name}" in the configuration'
    if not isinstance(value, dict):
        raise ApiUsageError(f"{where} must be a JSON object")
    class_path = value.get("class")
    if not isinstance(class_path, str) or "." not in class_path:
        raise ApiUsageError(f'{where} needs "class", the dotted path of a class')
    modes = [mode.value for mode in Mode]
    if value.get("mode") not in modes:
        raise ApiUsageError(f'{where} needs "mode", one of {", ".join(modes)}')
    balances = value.get("balances")
    if balances is not None and value["mode"] == Mode.LIVE:
        raise ApiUsageError(
            f'"balances" of {where} are for paper: a live exchange has what it says it has',
            field="balances",
        )
    if balances is not None and not isinstance(balances, dict):
        raise ApiUsageError(f'"balances" of {where} must be a JSON object')
    return ExchangeSettings(
        name=name,
        mode=Mode(value["mode"]),
        class_path=class_path,
        config=value,
        balances=None if balances is None else _amounts(balances, where),
        history_days=_count(value, "history_days", 180, where),
        latency_ms=_count(value, "latency_ms", 5, where),
        record=_record(value.get("record", False), where),
        recording_days=_count(value, "recording_days", 7, where),
        recording_mb=_count(value, "recording_mb", 1024, where),
    )


def _record(value: Any, where: str) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if not isinstance(value, list) or not all(isinstance(pair, str) for pair in value):
        raise ApiUsageError(
            f'"record" of {where} must be a list of pairs such as ["BTC_USD"], or true',
            field="record",
        )
    return tuple(value)


def _count(value: Mapping[str, Any], key: str, default: int, where: str) -> int:
    count = value.get(key, default)
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ApiUsageError(f'"{key}" of {where} must be a whole number, 0 or more', field=key)
    return count


def _limits(value: Any, exchanges: Mapping[str, Any]) -> LimitsSettings:
    try:
        limits = msgspec.convert(value, LimitsSettings, strict=False)
    except msgspec.ValidationError as error:
        raise ApiUsageError(f'"limits" in the configuration: {error}', field="limits") from error
    for name in limits.exchanges.keys() - exchanges.keys():
        raise ApiUsageError(
            f'"limits" in the configuration names the exchange "{name}", which is not configured',
            field="limits",
        )
    return limits


def _amounts(balances: Mapping[str, Any], where: str) -> dict[str, Decimal]:
    amounts = {
        currency.upper(): parse_amount(amount, f"balance of {currency} of {where}")
        for currency, amount in balances.items()
    }
    for currency, amount in amounts.items():
        if amount < 0:
            raise ApiUsageError(f"balance of {currency} of {where} can't be negative")
    return amounts
