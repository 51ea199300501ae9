"""Methods about exchanges, books, prices and candles."""

import asyncio
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec

from exchange_wrapper.errors import UnknownName
from exchange_wrapper.numbers import LEDGER, format_amount, parse_amount, round_down
from exchange_wrapper.ohlcv import list_series, read_page
from exchange_wrapper.recordings import list_recordings, read_recording
from exchange_wrapper.service.part import Json, Part
from exchange_wrapper.terms import Mode, Side
from exchange_wrapper.times import SECOND
from serving.registry import Role, api_method

__all__ = ["MarketDataApi"]

Depth = Annotated[int, msgspec.Meta(ge=1, le=5000)]

_USD_STEP: Final = Decimal("1E-8")


class MarketDataApi(Part):
    """Exchanges, books, prices and candles."""

    @api_method(Role.VIEWER, get="/exchanges", funds=False)
    def get_exchanges(self, *, mode: Mode | None = None) -> list[Json]:
        """Return the loaded exchanges, all or those of a mode (``paper`` or ``live``).

        Each is ``{"exchange", "class", "status", "problem", "pairs", "currencies", "mode",
        "latency_ms", "fees", "increments"}``; ``pairs`` are known once the exchange has been
        reached.
        """
        described = []
        for settings in self.engine.settings.exchanges:
            venue = self.engine.venues[settings.name]
            if mode in (None, venue.mode):
                pairs = venue.pairs.values()
                described.append(
                    {
                        "exchange": venue.name,
                        "class": settings.class_path,
                        "status": venue.status.value,
                        "problem": venue.health()["problem"],
                        "pairs": list(venue.pairs),
                        "currencies": sorted(
                            {c for pair in pairs for c in (pair.base, pair.quote)}
                        ),
                        "mode": venue.mode.value,
                        "latency_ms": settings.latency_ms,
                        "fees": {
                            "maker": format_amount(venue.fees.maker),
                            "taker": format_amount(venue.fees.taker),
                        },
                        "increments": {
                            pair.name(): {
                                "tick_size": format_amount(pair.tick_size),
                                "lot_size": format_amount(pair.lot_size),
                                "min_order": format_amount(pair.min_order),
                                "min_notional": format_amount(pair.min_notional),
                            }
                            for pair in pairs
                        },
                    }
                )
        return described

    @api_method(Role.VIEWER, get="/{exchange}/book/{pair}", funds=False)
    def get_book(self, *, exchange: str, pair: str, depth: Depth = 100) -> Json:
        """Return the best ``depth`` levels of a book.

        ``{"bids": [[price, size], …], "asks": …}``, best first.
        """
        live = self.engine.venue(exchange).books.get(pair)
        if live is None:
            raise UnknownName(f"{exchange} has no pair {pair!r}", field="pair")

        def levels(side: Side) -> list[list[float]]:
            found = live.book.depth(side, depth)
            return [[float(live.pair.price(t)), float(live.pair.size(n))] for t, n in found]

        return {"bids": levels(Side.BUY), "asks": levels(Side.SELL)}

    @api_method(Role.VIEWER, get="/{exchange}/pricing", funds=False)
    def get_pricing(self, *, exchange: str) -> Json:
        """Return best bid and ask by pair: ``{"BTC_USD": {"bid": 8000.1, "ask": 8000.2}}``.

        None where a side of the book is empty.
        """
        prices = {}
        for name, live in self.engine.venue(exchange).books.items():
            bid, ask = live.book.best_bid, live.book.best_ask
            prices[name] = {
                "bid": None if bid is None else float(live.pair.price(bid)),
                "ask": None if ask is None else float(live.pair.price(ask)),
            }
        return prices

    @api_method(Role.VIEWER, get="/ohlcv/{exchange}/{pair}", funds=False)
    async def get_ohlcv(
        self,
        *,
        exchange: str,
        pair: str,
        start: int | None = None,
        end: int | None = None,
        received_before: int | None = None,
        freq: str = "highest",
    ) -> Json:
        """Return stored candles that open in [start, end), up to 50,000.

        ``freq`` is ``highest`` (the shortest stored), ``daily`` or a length such as ``5m`` or
        ``1h``. ``points`` are ``[time, low, high, open, close, volume, received_at]``, oldest
        first. ``next`` is the ``start`` of the next page, or None. Without ``start`` the page has
        the newest candles.
        """
        candles, following = await asyncio.to_thread(
            read_page,
            self.engine.store,
            exchange,
            pair,
            start=start,
            end=end,
            received_before=received_before,
            freq=freq,
        )
        return {
            "exchange": exchange,
            "pair": pair,
            "freq_s": candles.freq_s,
            "generated_at": self.engine.clock() // SECOND,
            "price_digits": candles.price_digits,
            "volume_digits": candles.volume_digits,
            "next": following,
            "points": candles.points(),
        }

    @api_method(Role.VIEWER, get="/ohlcv", funds=False)
    async def list_ohlcv(self) -> list[Json]:
        """Return each stored series of candles with its period and increments."""
        return await asyncio.to_thread(list_series, self.engine.store)

    @api_method(Role.VIEWER, get="/recordings", funds=False)
    async def list_recordings(self) -> list[Json]:
        """Return of which pairs books and trades are recorded, from when to when.

        ``start`` and ``end`` are ISO 8601; ``size`` is in bytes, as stored.
        """
        await self.engine.recordings.flush()
        return await asyncio.to_thread(list_recordings, self.engine.store)

    @api_method(Role.VIEWER, get="/recordings/{exchange}/{pair}", funds=False)
    async def get_recording(
        self,
        *,
        exchange: str,
        pair: str,
        start: int | None = None,
        end: int | None = None,
        page: str | None = None,
    ) -> Json:
        """Return what was received of a pair's book and trades, up to now, in pages.

        ``segments`` are those that have a part in [start, end), oldest first, each whole:
        ``{"start", "end", "tick_size", "lot_size", "opening", "events"}`` with ``start`` and
        ``end`` in nanoseconds since 1970, as text. ``opening`` is the book before the first event,
        None where it was not known; an event is one of

        - ``["s", time, received_at, bids, asks]``: a whole book,
        - ``["u", time, received_at, [[side, price, size], …]]``: changed levels, 0 removes one,
        - ``["t", time, received_at, trade_id, price, size, maker_side]``: a trade,
        - ``["l", reason, received_at]``: the book is lost until the next ``s``,

        with times in nanoseconds after the segment's start, prices in ticks, sizes in lots, and
        side 0 for bids and 1 for asks. ``next`` is the ``page`` to ask for next, or None.
        """
        if page is None:
            await self.engine.recordings.flush()
        segments, following = await asyncio.to_thread(
            read_recording, self.engine.store, exchange, pair, start=start, end=end, page=page
        )
        return {"exchange": exchange, "pair": pair, "next": following, "segments": segments}

    @api_method(Role.VIEWER, get="/convert_to_usd", funds=False)
    def convert_to_usd(
        self, *, currency: str, value: Decimal, side: Literal["bid", "ask"] = "bid"
    ) -> str | None:
        """Return what an amount of a currency is worth in USD, None where there is no price.

        By a pair against USD, else by one step through another currency, at the best bid (what
        it can be sold for) or ask.
        """
        amount = parse_amount(value, "value")
        rate = self.engine.pricing.usd_rate(currency.upper(), side)
        if rate is None:
            return None
        return format_amount(round_down(LEDGER.multiply(amount, rate), _USD_STEP))
