"""Recordings as the API gives them, and how a client reads them: exact in every JSON reader.

Times of events are nanoseconds after the start of their segment, for a JSON number, a double, does
not hold those since 1970.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from exchange_wrapper.errors import ApiUsageError
from exchange_wrapper.market import BookSnapshot
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.storage import RecordingInfo, RecordingSource
from exchange_wrapper.storage.recording import Recorded, Segment, packed, unpacked
from exchange_wrapper.times import SECOND, UtcNs, from_iso, to_iso
from serving.wire import encode

__all__ = [
    "describe",
    "info_from_wire",
    "list_recordings",
    "read_recording",
    "segment_from_wire",
]

_PAGE_BYTES: Final = 4 << 20  # a page ends with the segment that fills it
_TIME_DIGITS_MAX: Final = 19
_TIME_MAX: Final = (1 << 63) - 1


def list_recordings(source: RecordingSource) -> list[dict[str, Any]]:
    """Return what is recorded, JSON-ready."""
    return [describe(info) for info in source.recordings()]


def describe(info: RecordingInfo) -> dict[str, Any]:
    """Return what is recorded of a pair, JSON-ready."""
    return {
        "exchange": info.exchange,
        "pair": info.pair,
        "tick_size": format_amount(info.tick_size),
        "lot_size": format_amount(info.lot_size),
        "start": to_iso(info.start),
        "end": to_iso(info.end),
        "segments": info.segments,
        "size": info.bytes,
    }


def info_from_wire(described: Mapping[str, Any]) -> RecordingInfo:
    """Return what was described; its times are cut to microseconds."""
    return RecordingInfo(
        described["exchange"],
        described["pair"],
        Decimal(described["tick_size"]),
        Decimal(described["lot_size"]),
        from_iso(described["start"]),
        from_iso(described["end"]),
        described["segments"],
        described["size"],
    )


def read_recording(
    source: RecordingSource,
    exchange: str,
    pair: str,
    *,
    start: int | None,
    end: int | None,
    page: str | None,
) -> tuple[list[msgspec.Raw], str | None]:
    """Return a page of the segments that have a part in [start, end), and where the next begins.

    Parameters
    ----------
    start, end : int, optional
        Seconds since 1970.
    page : str, optional
        Where this one begins, as it was told before.

    Raises
    ------
    ApiUsageError
        ``page`` is not one.
    """
    first, last = (None if bound is None else _time(bound * SECOND) for bound in (start, end))
    if page is not None:
        if not (page.isascii() and page.isdecimal() and len(page) <= _TIME_DIGITS_MAX):
            raise ApiUsageError("page must be the next of the page before", field="page")
        first = _time(int(page))
    segments: list[msgspec.Raw] = []
    size = 0
    for segment in source.segments(exchange, pair, first, last):
        if page is not None and segment.start < int(page):  # it only reaches into this page
            continue
        if size >= _PAGE_BYTES:
            return segments, str(segment.start)
        content = encode(_to_wire(segment))
        size += len(content)
        segments.append(msgspec.Raw(content))
    return segments, None


def segment_from_wire(exchange: str, pair: str, described: Mapping[str, Any]) -> Segment:
    """Return a segment of a page, exactly as it was stored."""
    start = int(described["start"])

    def event(members: list[Any]) -> Recorded:
        return unpacked(pair, _moved(members, start))

    opening = None if described["opening"] is None else event(described["opening"])
    assert opening is None or isinstance(opening, BookSnapshot)
    return Segment(
        exchange,
        pair,
        Decimal(described["tick_size"]),
        Decimal(described["lot_size"]),
        UtcNs(start),
        UtcNs(int(described["end"])),
        opening,
        tuple(map(event, described["events"])),
    )


def _to_wire(segment: Segment) -> dict[str, object]:
    back = -segment.start
    return {
        "start": str(segment.start),
        "end": str(segment.end),
        "tick_size": format_amount(segment.tick_size),
        "lot_size": format_amount(segment.lot_size),
        "opening": None if segment.opening is None else _moved(packed(segment.opening), back),
        "events": [_moved(packed(event), back) for event in segment.events],
    }


def _time(time: int) -> UtcNs:
    """Return the nearest time that a store can compare with."""
    return UtcNs(max(-_TIME_MAX, min(time, _TIME_MAX)))


def _moved(members: Any, by: int) -> tuple[Any, ...]:
    """Return a packed event with its times moved by so many nanoseconds."""
    kind, first, received_at, *rest = members
    return kind, first if kind == "l" else first + by, received_at + by, *rest
