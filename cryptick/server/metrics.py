"""What is measured of the server, as Prometheus reads it."""

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from cryptick import __version__
from cryptick.server.store import RunStore
from serving.durations import LoopLag
from serving.registry import Api
from serving.socketio_server import SocketIoServer

__all__ = ["Metrics"]


class Metrics:
    """All metrics of a running server."""

    def __init__(self, store: RunStore, api: Api, events: SocketIoServer, lag: LoopLag) -> None:
        self._store = store
        self._api = api
        self._events = events
        self._lag = lag
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return them in Prometheus's text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names are not known before they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read everything as it is now."""
        info = GaugeMetricFamily("cryptick_info", "What runs.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        counts = Counter(
            (str(fields.get("state")), str(fields.get("mode")))
            for fields in self._store.all().values()
        )
        runs = GaugeMetricFamily("cryptick_runs", "Runs on record.", labels=["state", "mode"])
        for labels, count in counts.items():
            runs.add_metric(labels, count)
        yield runs
        calls = CounterMetricFamily(
            "cryptick_calls",
            "Calls of API methods, by how they ended.",
            labels=["method", "outcome"],
        )
        durations = HistogramMetricFamily(
            "cryptick_call_seconds", "Duration of calls of API methods.", labels=["method"]
        )
        for method in self._api.methods.values():
            for outcome, count in method.outcomes.items():
                calls.add_metric([method.name, outcome], count)
            if method.outcomes:
                method.durations.add_to(durations, [method.name])
        yield calls
        yield durations
        lag = HistogramMetricFamily("cryptick_loop_lag_seconds", "How late the event loop was.")
        self._lag.durations.add_to(lag)
        yield lag
        yield GaugeMetricFamily(
            "cryptick_socketio_clients",
            "Socket.IO clients.",
            value=len(self._events.queued_packets),
        )
