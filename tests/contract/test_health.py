"""What a process's health port answers."""

import httpx
from prometheus_client import CollectorRegistry, Gauge

from streams.brokers.base import free_port
from streams.health import Health


def test_ready_alive_and_what_is_missing() -> None:
    registry, port = CollectorRegistry(), free_port()
    Gauge("some_figure", "A figure", registry=registry).set(7)
    missing: list[str | None] = ["the profiles are not restored yet"]
    stuck: list[str | None] = [None]
    with (
        Health("127.0.0.1", port, registry, lambda: missing[0], lambda: stuck[0]),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        assert (client.get("/livez").status_code, client.get("/livez").text) == (200, "alive\n")
        unready = client.get("/readyz")
        assert (unready.status_code, unready.text) == (503, "the profiles are not restored yet\n")
        missing[0] = None
        assert client.get("/readyz").status_code == 200
        stuck[0] = "the event loop has stood still for 61 s"
        dead = client.get("/livez")
        assert (dead.status_code, dead.text) == (503, "the event loop has stood still for 61 s\n")
        assert "some_figure 7.0" in client.get("/metrics").text
        assert client.get("/else").status_code == 404
