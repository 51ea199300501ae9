"""A seeded feed of one-change level updates in Coinbase's two protocols."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from exchange_wrapper.pair import Pair

__all__ = ["PAIR", "LevelFeed", "write_feed"]

PAIR = Pair("BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))

_MID = 1_010_180
_LEVELS_MIN = 3_000
_SIDES = ("buy", "sell")


@dataclass(frozen=True, slots=True)
class LevelFeed:
    """The snapshot and the updates, as Coinbase Exchange and as Advanced Trade sends them."""

    exchange: list[bytes]
    advanced: list[str]
    best: tuple[Decimal, Decimal]
    levels: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]


def write_feed(folder: Path, updates: int, depth: int = 5_000) -> LevelFeed:
    """Write the feed as files, as a recording would be, and read them back."""
    market = _Market(depth)
    exchange, advanced = folder / "exchange.jsonl", folder / "advanced.jsonl"
    with exchange.open("w") as plain, advanced.open("w") as wrapped:
        plain.write(json.dumps(market.snapshot()) + "\n")
        wrapped.write(json.dumps(_advanced("snapshot", market.rows(), 0)) + "\n")
        for number, (side, price, size) in enumerate(market.changes(updates), 1):
            time = f"2026-01-01T00:{number // 60_000 % 60:02}:{number // 1000 % 60:02}"
            time += f".{number % 1000:03}123Z"
            plain.write(
                f'{{"type":"l2update","product_id":"BTC-USD","time":"{time}",'
                f'"changes":[["{side}","{price}","{size}"]]}}\n'
            )
            wrapped.write(
                json.dumps(_advanced("update", [(side, price, size)], number, time)) + "\n"
            )
    bids, asks = (
        {Decimal(_price(ticks)): Decimal(size) for ticks, size in side.items()}
        for side in market.sizes
    )
    return LevelFeed(
        exchange.read_bytes().splitlines(),
        advanced.read_text().splitlines(),
        (max(bids), min(asks)),
        (bids, asks),
    )


class _Market:
    """Half resizes near the best price, a quarter new levels, a quarter removals."""

    def __init__(self, depth: int) -> None:
        self._random = random.Random(20_180_407)
        self.sizes: tuple[dict[int, str], dict[int, str]] = ({}, {})
        for side, sizes in enumerate(self.sizes):
            while len(sizes) < depth:
                sizes[self._new_price(side, 15_000)] = self._size()
        self._prices = [list(sizes) for sizes in self.sizes]
        for side, prices in enumerate(self._prices):
            prices.sort(reverse=side == 0)

    def rows(self) -> list[tuple[str, str, str]]:
        return [
            (_SIDES[side], _price(ticks), size)
            for side, sizes in enumerate(self.sizes)
            for ticks, size in sizes.items()
        ]

    def snapshot(self) -> dict[str, object]:
        bids, asks = (
            [[_price(ticks), size] for ticks, size in sizes.items()] for sizes in self.sizes
        )
        return {"type": "snapshot", "product_id": "BTC-USD", "bids": bids, "asks": asks}

    def changes(self, count: int) -> Iterator[tuple[str, str, str]]:
        for _ in range(count):
            side = self._random.randrange(2)
            sizes, prices = self.sizes[side], self._prices[side]
            near = int(self._random.expovariate(1 / 300)) % len(prices)
            kind = self._random.random()
            if kind < 0.25:
                ticks, size = self._new_price(side, 3_000), self._size()
                if ticks not in sizes:
                    prices.insert(self._random.randrange(min(600, len(prices))), ticks)
                sizes[ticks] = size
            elif kind < 0.5 and len(prices) > _LEVELS_MIN:
                ticks, size = prices.pop(near), "0"
                del sizes[ticks]
            else:
                ticks, size = prices[near], self._size()
                sizes[ticks] = size
            yield _SIDES[side], _price(ticks), size

    def _new_price(self, side: int, spread: int) -> int:
        distance = 1 + int(self._random.expovariate(1 / spread))
        return _MID - distance if side == 0 else _MID + distance

    def _size(self) -> str:
        return f"{self._random.lognormvariate(-1.5, 1.5) + 1e-8:.8f}".rstrip("0")


def _price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02}"


def _advanced(
    kind: str, rows: list[tuple[str, str, str]], number: int, time: str = "2026-01-01T00:00:00Z"
) -> dict[str, object]:
    updates = [
        {
            "side": "bid" if side == "buy" else "offer",
            "event_time": time,
            "price_level": price,
            "new_quantity": size,
        }
        for side, price, size in rows
    ]
    return {
        "channel": "l2_data",
        "client_id": "",
        "timestamp": time,
        "sequence_num": number,
        "events": [{"type": kind, "product_id": "BTC-USD", "updates": updates}],
    }
