"""Counts and times for Prometheus, in a registry of their own; paths are counted by route, never as written."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

NO_ROUTE = "none"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"})


class Metrics:
    """items, photos: give the present counts when asked."""

    def __init__(self, items: Callable[[], int], photos: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        named = ("method", "route")
        self._requests = Counter(
            "lapel_http_requests", "Requests answered.", (*named, "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "lapel_http_seconds",
            "From a request's first byte to its answer's last.",
            named,
            registry=self.registry,
            buckets=SECONDS,
        )
        self._now = Gauge("lapel_http_requests_now", "Requests being answered.", registry=self.registry)
        self._batch = Histogram(
            "lapel_model_batch_photos",
            "Photos of one call of the model.",
            registry=self.registry,
            buckets=(1, 2, 4, 8, 16, 32),
        )
        Gauge("lapel_catalogue_items", "Items served.", registry=self.registry).set_function(items)
        Gauge("lapel_photos_kept", "Photos that a token stands for.", registry=self.registry).set_function(photos)

    def began(self) -> None:
        """A request came."""
        self._now.inc()

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """It was answered."""
        self._now.dec()
        method = method if method in METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def batch(self, photos: int) -> None:
        """The model was called."""
        self._batch.observe(photos)

    def text(self) -> bytes:
        """What Prometheus reads."""
        return generate_latest(self.registry)
