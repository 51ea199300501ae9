"""Stored candles as the API gives them: by named length, in pages."""

from typing import Any, Final

from exchange_wrapper.candles import Candles, Instrument, format_freq, parse_freq
from exchange_wrapper.errors import ApiUsageError, NoData
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.storage import CandleSource

__all__ = ["PAGE_MAX", "list_series", "read_page"]

PAGE_MAX: Final = 50_000  # rows of one answer, some megabytes of JSON

_READ_MAX: Final = 1_000_000  # shorter candles joined for one answer
_NAMED: Final = {"daily": "1d"}
_HIGHEST: Final = "highest"


def read_page(
    source: CandleSource,
    exchange: str,
    pair: str,
    *,
    start: int | None,
    end: int | None,
    received_before: int | None,
    freq: str,
) -> tuple[Candles, int | None]:
    """Return up to ``PAGE_MAX`` candles that open in [start, end), oldest first.

    With ``start`` they are the oldest ones, and the second value is where the next page starts, or
    None. Without it they are the newest.

    Parameters
    ----------
    freq : str
        A length such as ``5m``, ``daily``, or ``highest`` for the shortest stored; lengths that
        are not stored are put together from shorter ones.

    Raises
    ------
    NoData
        Nothing of this pair is stored.
    ApiUsageError
        ``freq`` is not a length, or none that the stored candles can be joined to.
    """
    stored = {
        info.freq_s: info
        for info in source.series()
        if info.exchange == exchange and info.pair == pair
    }
    if not stored:
        raise NoData(f"no candles of {pair} on {exchange} are stored", exchange=exchange, pair=pair)
    freq_s = min(stored) if freq == _HIGHEST else parse_freq(_NAMED.get(freq, freq))
    base_s = max((base for base in stored if freq_s % base == 0), default=None)
    if base_s is None:
        have = ", ".join(format_freq(each) for each in sorted(stored))
        raise ApiUsageError(
            f"candles of {pair} on {exchange} are stored as {have}: {freq} can't be made of them",
            field="freq",
        )
    span_s = max(freq_s, min(PAGE_MAX * freq_s, _READ_MAX * base_s // freq_s * freq_s))
    series = stored[base_s]
    last_s = series.end_s if end is None else min(end, series.end_s)
    last_s = -(-last_s // freq_s) * freq_s
    if start is None:
        first_s, until_s = last_s - span_s, last_s
    else:
        first_s = -(-start // freq_s) * freq_s
        first_s = max(first_s, series.start_s // freq_s * freq_s)
        until_s = min(last_s, first_s + span_s)
    candles = source.read(exchange, pair, base_s, first_s, until_s, received_before)
    return candles.resample(freq_s), until_s if start is not None and until_s < last_s else None


def list_series(source: CandleSource) -> list[dict[str, Any]]:
    """Return each stored series with its period, and the pair's increments where they are known."""
    known = {(each.exchange, each.pair): each for each in source.instruments()}
    return [
        {
            "freq": format_freq(info.freq_s),
            **info._asdict(),
            **_increments(known.get((info.exchange, info.pair))),
        }
        for info in source.series()
    ]


def _increments(instrument: Instrument | None) -> dict[str, str | None]:
    if instrument is None:
        return dict.fromkeys(("tick_size", "lot_size", "min_notional", "source"))
    return {
        "tick_size": format_amount(instrument.tick_size),
        "lot_size": format_amount(instrument.lot_size),
        "min_notional": format_amount(instrument.min_notional),
        "source": instrument.source,
    }
