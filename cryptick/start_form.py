"""What a run is started with by others than the command line: a form, and its file."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from cryptick.control import AWAY_S
from cryptick.errors import UsageError
from cryptick.fill_rule import FillModel, FillRule
from cryptick.request import RunRequest, make_params_from_json
from cryptick.strategy import Strategy
from exchange_wrapper.candles import parse_freq
from exchange_wrapper.errors import DataError, InvalidAmount
from exchange_wrapper.numbers import parse_amount
from exchange_wrapper.times import MILLISECOND

__all__ = ["START_FILE", "Limits", "RunMode", "Start", "StartBalance", "StartForm"]

START_FILE: Final = "start.json"

_LATENCY_MS_MAX: Final = 60_000
_TIME_S_MAX: Final = 1 << 33  # the year 2242

RunMode = Literal["backtest", "paper", "live"]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=_TIME_S_MAX)]


class StartBalance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run gets of one currency; ``balance`` is decimal text."""

    exchange: str
    base: str
    balance: str


class StartForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants to run.

    Attributes
    ----------
    strategy : str
        As `find_strategy` takes it.
    mode : str
    balances : tuple of StartBalance
    start, end : int or None
        The bars of a backtest open in [start, end), seconds since 1970 UTC.
    params : dict
        By name; those that are left out have their defaults.
    freq : str or None
        Length of the bars, such as ``5m``.
    fill_model, latency_ms, slippage_bps
        How a backtest fills orders; None for the usual way.
    label : str
        What the user calls it.
    """

    strategy: str
    mode: RunMode
    balances: tuple[StartBalance, ...]
    start: Seconds | None = None
    end: Seconds | None = None
    params: dict[str, Any] = {}
    freq: str | None = None
    fill_model: str | None = None
    latency_ms: int | None = None
    slippage_bps: str | None = None
    label: str = ""

    def request(self, strategy: type[Strategy]) -> RunRequest:
        """Return what is to be run.

        Raises
        ------
        UsageError, InvalidAmount
            Something in the form can't be; the message says what.
        """
        if self.mode != "backtest" and (self.start, self.end) != (None, None):
            raise UsageError(f"start and end are for a backtest; a {self.mode} run begins now")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise UsageError(f"the end ({self.end}) must be after the start ({self.start})")
        return RunRequest(
            strategy,
            make_params_from_json(strategy, self.params),
            self.mode,
            self._balances(),
            self.start,
            self.end,
            None if self.freq is None else parse_freq(self.freq),
            fills=self._fills(),
        )

    def _balances(self) -> Mapping[str, Mapping[str, Decimal]]:
        found: dict[str, dict[str, Decimal]] = {}
        for one in self.balances:
            exchange, currency = one.exchange.lower(), one.base.upper()
            amount = parse_amount(one.balance, f"the balance of {currency}")
            if amount <= 0:
                raise InvalidAmount(f"the balance of {currency} must be more than 0, not {amount}")
            if currency in found.setdefault(exchange, {}):
                raise UsageError(f"the balance of {currency} on {exchange} is given twice")
            found[exchange][currency] = amount
        if not found:
            raise UsageError("no balance to trade with: give one in balances")
        return found

    def _fills(self) -> FillRule:
        given = self.fill_model, self.latency_ms, self.slippage_bps
        rule = FillRule()
        if self.mode != "backtest":
            if given != (None, None, None):
                raise UsageError(
                    "fill_model, latency_ms and slippage_bps are for a backtest; elsewhere the "
                    "settings of xWrap apply"
                )
            return rule
        models = [model.value for model in FillModel]
        if self.fill_model not in (None, *models):
            raise UsageError(f"fill_model must be one of {', '.join(models)}")
        model = rule.model if self.fill_model is None else FillModel(self.fill_model)
        latency_ns, slippage = rule.latency_ns, rule.slippage_bps
        if self.latency_ms is not None:
            if not 0 <= self.latency_ms <= _LATENCY_MS_MAX:
                raise UsageError(f"latency_ms must be from 0 to {_LATENCY_MS_MAX}")
            latency_ns = self.latency_ms * MILLISECOND
        if self.slippage_bps is not None:
            slippage = parse_amount(self.slippage_bps, "slippage_bps")
            if model is FillModel.BOOK:
                raise UsageError(
                    "slippage_bps is for candles; with recorded books their depth tells"
                )
            if not 0 <= slippage < 10_000:
                raise UsageError(f"slippage_bps must be from 0 to below 10000, not {slippage}")
        return FillRule(model, latency_ns, slippage)


class Limits(msgspec.Struct, frozen=True):
    """What the process of a run may use; None is without a limit.

    Attributes
    ----------
    memory_mb : int or None
        Address space.
    cpu_s : int or None
        Seconds of processor time.
    nice : int
        How far its priority is lowered, from 0 to 19.
    """

    memory_mb: int | None = 4096
    cpu_s: int | None = None
    nice: int = 5


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """All that the process of a run needs to know, as it is in the run's directory.

    Attributes
    ----------
    form : StartForm
    limits : Limits
    xwrap : str
        Address of JSON-RPC.
    store : str or None
        A store that a backtest reads its history from; None for xWrap, else the default store.
    wallet_set_id : int or None
        The run's wallet set on paper and live.
    started_by : str
    away_s : float
        How long xWrap may be away before a run on paper or live fails.
    """

    form: StartForm
    limits: Limits
    xwrap: str
    store: str | None = None
    wallet_set_id: int | None = None
    started_by: str = ""
    away_s: float = AWAY_S

    def write(self, directory: Path) -> None:
        """Write it into a run's directory."""
        (directory / START_FILE).write_bytes(msgspec.json.encode(self))

    @classmethod
    def read(cls, directory: Path) -> "Start":
        """Read it from a run's directory.

        Raises
        ------
        DataError
            There is none, or it can't be read.
        """
        path = directory / START_FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise DataError(f"{path} can't be read: {error}") from None
