"""What the simulated venue lists: the assets, each traded against the US dollar."""

from dataclasses import dataclass
from typing import Final

__all__ = ["ASSETS", "Asset"]


@dataclass(frozen=True, slots=True)
class Asset:
    """A simulated asset and the habits of its market.

    Attributes
    ----------
    base, name : str
        Ticker and full name.
    price : float
        Level that the price keeps returning to, in USD.
    volatility : float
        Standard deviation of the daily log return: 0.03 is 3 %.
    loading : float
        Correlation with the factor common to all assets; two assets' returns have the product
        of their loadings as correlation.
    spread_bps : float
        Mean distance of best bid and best ask, in 1/10,000 of the price.
    trades_per_day : int
        Exactly so many trades print each UTC day.
    trade_size, level_size : float
        Median size of a trade and of a price level near the best price, in base.
    level_step : int
        Mean distance of neighbouring levels near the best price, in ticks.
    """

    base: str
    name: str
    price: float
    volatility: float
    loading: float
    spread_bps: float
    trades_per_day: int
    trade_size: float
    level_size: float
    level_step: int
    quote: str = "USD"
    price_digits: int = 2
    size_digits: int = 8

    @property
    def product_id(self) -> str:
        """The venue's name of the pair, such as ``BTC-USD``."""
        return f"{self.base}-{self.quote}"


ASSETS: Final = (
    Asset("BTC", "Bitcoin", 60_000, 0.025, 0.88, 2.0, 43_200, 0.004, 0.15, 300),
    Asset("ETH", "Ether", 3_000, 0.032, 0.88, 2.5, 28_800, 0.08, 2.0, 15),
    Asset("LTC", "Litecoin", 80, 0.035, 0.80, 4.0, 8_640, 1.5, 40.0, 1),
    Asset("BCH", "Bitcoin Cash", 400, 0.040, 0.78, 4.0, 5_760, 0.4, 6.0, 2),
    Asset("ZEC", "Zcash", 40, 0.045, 0.72, 9.0, 2_880, 2.5, 25.0, 1),
    Asset("XMR", "Monero", 160, 0.035, 0.72, 6.0, 2_880, 0.8, 10.0, 1),
)
"""The order is part of every seed's market: append, never reorder."""
