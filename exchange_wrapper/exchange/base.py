"""What every exchange adapter gives, and the tools that adapters share."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Protocol

from exchange_wrapper.credentials import Credentials
from exchange_wrapper.errors import ApiUsageError, UnknownName
from exchange_wrapper.exchange.base_trading import Trading
from exchange_wrapper.fees import FeeSchedule
from exchange_wrapper.grid import Increment, PairGrid
from exchange_wrapper.market import MarketEvent
from exchange_wrapper.numbers import parse_amount
from exchange_wrapper.pair import Pair, split_name
from exchange_wrapper.terms import Side
from exchange_wrapper.times import UtcNs
from exchange_wrapper.util import utc_now

__all__ = ["Candle", "Capabilities", "Exchange", "Increment", "PairGrid", "TakeUpdate"]

Candle = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal]
"""Open time in seconds since 1970 UTC, open, high, low, close, volume in base."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an exchange can do, as data.

    Attributes
    ----------
    candle_freqs_s : frozenset of int
        Lengths of the candles it keeps, in seconds; empty where it keeps none.
    """

    candle_freqs_s: frozenset[int]


class TakeUpdate(Protocol):
    """The short way of one pair's book updates, past the making of an event."""

    def __call__(
        self, changes: list[tuple[Side, str, str]], grid: PairGrid, received_at: UtcNs, /
    ) -> bool:
        """Apply an update as its venue wrote it; False if it has to come as an event as well."""


class Exchange(ABC):
    """Market data of one exchange in our own terms.

    Whatever goes wrong outside (network, time-outs, refusals, unreadable data) is raised as
    ``Unavailable``, ``ProcessingError`` or ``DataError``; any other exception is a bug.

    Parameters
    ----------
    name : str
        The name it is loaded under.
    config : mapping
        Its object in the configuration file. Read here: ``pairs``, an optional list of the only
        pairs to load; ``fees``, an optional ``{"maker": "0.004", "taker": "0.006"}``.
    currencies : frozenset of str
        A pair is loaded only if both its currencies are in here.
    clock : callable
        Returns the time at which a message is received.

    Attributes
    ----------
    takers : mapping of str to TakeUpdate
        By pair name; read by ``connect``. Nearly every message is an update, and nearly every
        update is applied to a book and forgotten: an adapter may offer it here first, and yields
        only what is not taken.

    Raises
    ------
    ApiUsageError
        The configuration can't be used.
    """

    capabilities: ClassVar[Capabilities]
    silence_max_s: ClassVar[float]
    """A connection on which nothing arrives for so long is broken."""
    default_fees: ClassVar[FeeSchedule]
    """The exchange's worst tier."""

    def __init__(
        self,
        name: str,
        config: Mapping[str, object],
        currencies: frozenset[str],
        *,
        clock: Callable[[], UtcNs] = utc_now,
    ) -> None:
        self.name = name
        self.fees = self._read_fees(config)
        self.takers: Mapping[str, TakeUpdate] = {}
        self._clock = clock
        self._currencies = currencies
        self._only = self._read_only(config)
        self._config = config

    @abstractmethod
    async def load_pairs(self) -> dict[str, Pair]:
        """Return the pairs that can be traded now and whose currencies are configured, by name.

        Raises
        ------
        UnknownName
            A pair that ``config["pairs"]`` names is not listed, or none is left.
        """

    @abstractmethod
    def connect(self, pairs: Iterable[Pair]) -> AsyncGenerator[MarketEvent, None]:
        """Yield what one connection says of the pairs, from opening it until it is lost.

        Updates that ``takers`` take are left out.

        Each pair's first book event is a ``BookSnapshot``. Data of one pair that can't be read
        is a ``BookLost`` of that pair.

        Raises
        ------
        Unavailable
            The connection could not be made or was lost.
        DataError
            What arrived is not the exchange's protocol.
        """

    @abstractmethod
    async def fetch_candles(
        self, pair: Pair, freq_s: int, start_s: int, end_s: int
    ) -> list[Candle]:
        """Return the candles that open in [start_s, end_s), oldest first, each time once.

        An interval without trades has no candle. The candle of an interval that has not ended
        is not final: ask with an ``end_s`` that excludes it.

        Parameters
        ----------
        pair : Pair
            One of ``load_pairs``.
        freq_s : int
            Length of a candle, one of ``capabilities.candle_freqs_s``.
        start_s, end_s : int
            Seconds since 1970 UTC.
        """

    def trading(self, credentials: Credentials) -> Trading:
        """Return the port to the exchange's trading side.

        Raises
        ------
        ApiUsageError
            It is not offered, or the keys are not of the form that the exchange hands out.
        """
        raise ApiUsageError(
            f"exchange {self.name} can't be traded live yet: set its mode to paper", field="mode"
        )

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds open."""

    @property
    def rate_budget(self) -> dict[str, float]:
        """How many requests may be sent at once, by the scope that the venue counts them in.

        Negative while more wait than may be sent. Empty where the venue counts none.
        """
        return {}

    def _setting(self, key: str, default: str) -> str:
        value = self._config.get(key, default)
        if not isinstance(value, str):
            raise ApiUsageError(f"exchange {self.name}: {key} must be text", field=key)
        return value

    def _wants(self, name: str, base: str, quote: str) -> bool:
        known = base in self._currencies and quote in self._currencies
        return known and (self._only is None or name in self._only)

    def _checked(self, pairs: dict[str, Pair], listed: Iterable[str]) -> dict[str, Pair]:
        missing = (self._only or frozenset()) - set(listed)
        if missing:
            raise UnknownName(
                f"exchange {self.name} does not list {', '.join(sorted(missing))}: "
                'correct "pairs" in its configuration',
                field="pairs",
            )
        if not pairs:
            raise UnknownName(
                f"exchange {self.name} lists no tradable pair of the currencies "
                f"{', '.join(sorted(self._currencies))}",
                field="currencies",
            )
        return pairs

    def _read_only(self, config: Mapping[str, object]) -> frozenset[str] | None:
        given = config.get("pairs")
        if given is None:
            return None
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            raise ApiUsageError(
                f"exchange {self.name}: pairs must be a list of names", field="pairs"
            )
        return frozenset("_".join(split_name(name)) for name in given)

    def _read_fees(self, config: Mapping[str, object]) -> FeeSchedule:
        given = config.get("fees")
        if given is None:
            return self.default_fees
        if not isinstance(given, Mapping) or set(given) != {"maker", "taker"}:
            raise ApiUsageError(
                f"exchange {self.name}: fees must have maker and taker", field="fees"
            )
        return FeeSchedule(
            maker=parse_amount(given["maker"], "fees.maker"),
            taker=parse_amount(given["taker"], "fees.taker"),
        )
