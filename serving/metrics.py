"""What every service that serves an API measures, in Prometheus's families."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from serving.durations import LoopLag
from serving.registry import Api

__all__ = ["ServiceMetrics", "counter", "gauge"]

Values = Mapping[Any, float | None]  # by the tuple of their labels


class ServiceMetrics:
    """The metrics of one service; a subclass adds its own to `collect`.

    Parameters
    ----------
    name : str
        Begins the name of each metric.
    version : str
    api : Api
    lag : LoopLag
    """

    def __init__(self, name: str, version: str, api: Api, lag: LoopLag) -> None:
        self._name = name
        self._version = version
        self._api = api
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
        name, methods = self._name, self._api.methods.values()
        yield gauge(f"{name}_info", "What runs.", ["version"], {(self._version,): 1})
        calls = {
            (method.name, outcome): count
            for method in methods
            for outcome, count in method.outcomes.items()
        }
        help = "Calls of API methods that have ended, by how they did."
        yield counter(f"{name}_calls", help, ["method", "outcome"], calls)
        durations = HistogramMetricFamily(
            f"{name}_call_seconds", "Duration of calls of API methods.", labels=["method"]
        )
        for method in methods:
            if method.outcomes:
                method.durations.add_to(durations, [method.name])
        yield durations
        lag = HistogramMetricFamily(f"{name}_loop_lag_seconds", "How late the event loop was.")
        self._lag.durations.add_to(lag)
        yield lag


def gauge(name: str, help: str, labels: Sequence[str], values: Values) -> Metric:
    """Return a gauge with these values; None is left out."""
    return _fill(GaugeMetricFamily(name, help, labels=labels), values)


def counter(name: str, help: str, labels: Sequence[str], values: Values) -> Metric:
    """Return a counter with these values; None is left out."""
    return _fill(CounterMetricFamily(name, help, labels=labels), values)


def _fill(family: GaugeMetricFamily | CounterMetricFamily, values: Values) -> Metric:
    for labels, value in values.items():
        if value is not None:
            family.add_metric(labels, value)
    return family
