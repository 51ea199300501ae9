"""What is to be run: a strategy with its parameters, balances, mode and period."""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, cast

import msgspec

from cryptick.fill_rule import FillRule
from cryptick.parameters import describe_fields, fields_by_flag, from_json, from_texts
from cryptick.strategy.base import Funded, Strategy
from exchange_wrapper.fees import FeeSchedule

__all__ = [
    "CANDLE_FEES",
    "Fees",
    "RunRequest",
    "describe_params",
    "make_params",
    "make_params_from_json",
    "param_fields",
]

CANDLE_FEES = FeeSchedule(Decimal("0.001"), Decimal("0.001"))
"""Fees of an exchange that is known only from candles, unless a setting says otherwise."""


@dataclass(frozen=True)
class Fees:
    """The fees of a backtest: of each exchange as set, and what replaces them for all."""

    by_exchange: Mapping[str, FeeSchedule] = field(default_factory=dict)
    maker: Decimal | None = None
    taker: Decimal | None = None

    def known(self, charged: Mapping[str, FeeSchedule]) -> "Fees":
        """Return these fees where exchanges that are not set charge what they are known to."""
        return dataclasses.replace(self, by_exchange={**charged, **self.by_exchange})

    def of(self, exchange: str) -> FeeSchedule:
        """Return the fees of an exchange."""
        known = self.by_exchange.get(exchange, CANDLE_FEES)
        return FeeSchedule(
            known.maker if self.maker is None else self.maker,
            known.taker if self.taker is None else self.taker,
        )


@dataclass(frozen=True)
class RunRequest:
    """One run.

    Attributes
    ----------
    strategy : type of Strategy
    params : Strategy.Params
    mode : str
    balances : mapping of str to mapping of str to Decimal
        By exchange and currency, each > 0.
    start_s, end_s : int or None
        The bars of a backtest open in [start_s, end_s), seconds since 1970 UTC; None is unbounded.
    freq_s : int or None
        Length of the bars; None is the shortest there is in a backtest and 5 minutes on paper.
    fees : Fees
        Of a backtest; on paper the exchange's own are charged.
    fills : FillRule
        How a backtest fills orders.
    """

    strategy: type[Strategy]
    params: Strategy.Params
    mode: Literal["backtest", "paper", "live"]
    balances: Mapping[str, Mapping[str, Decimal]]
    start_s: int | None = None
    end_s: int | None = None
    freq_s: int | None = None
    fees: Fees = field(default_factory=Fees)
    fills: FillRule = field(default_factory=FillRule)

    @property
    def funded(self) -> Funded:
        """The currencies of each exchange that there is money of."""
        return {exchange: frozenset(wallets) for exchange, wallets in self.balances.items()}

    def wallets(self) -> dict[tuple[str, str], Decimal]:
        """Return the balances by (exchange, currency), sorted."""
        return {
            (exchange, currency): self.balances[exchange][currency]
            for exchange in sorted(self.balances)
            for currency in sorted(self.balances[exchange])
        }

    def describe_params(self) -> dict[str, object]:
        """Return the parameters as JSON-ready values."""
        described: dict[str, object] = msgspec.to_builtins(self.params)
        return described

    def describe(self) -> dict[str, object]:
        """Return the request as JSON-ready values, without what follows from the machine."""
        return {
            "strategy": self.strategy.__name__,
            "params": self.describe_params(),
            "mode": self.mode,
            "balances": [
                {"exchange": exchange, "base": currency, "balance": str(amount)}
                for (exchange, currency), amount in self.wallets().items()
            ],
            "start": self.start_s,
            "end": self.end_s,
            "freq_s": self.freq_s,
            "fill_model": str(self.fills) if self.mode == "backtest" else None,
        }

    def key(self) -> str:
        """Return a name that the same request always has, and another one never."""
        return hashlib.sha256(msgspec.json.encode(self.describe())).hexdigest()


def param_fields(strategy: type[Strategy]) -> dict[str, "dataclasses.Field[Any]"]:
    """Return the fields of a strategy's parameters by the name of their flag."""
    return fields_by_flag(strategy.Params)


def make_params(strategy: type[Strategy], given: Mapping[str, str]) -> Strategy.Params:
    """Return a strategy's parameters from texts by flag name; what is not given has its default.

    Raises
    ------
    UsageError
        An unknown name, a text that is not of the parameter's type, or a value out of its range.
    """
    return cast(Strategy.Params, from_texts(strategy.Params, strategy.__name__, given))


def make_params_from_json(strategy: type[Strategy], given: object) -> Strategy.Params:
    """Return a strategy's parameters from a JSON object, checked like those of `make_params`."""
    return cast(Strategy.Params, from_json(strategy.Params, strategy.__name__, given))


def describe_params(strategy: type[Strategy]) -> list[dict[str, object]]:
    """Return what a form needs to ask for each parameter; see ``parameters.describe_fields``."""
    return describe_fields(strategy.Params)
