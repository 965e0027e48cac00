"""What the benches load events with: it says when a record did not arrive."""

from __future__ import annotations

import pytest

from bench.stream_parts.stage import producer


def test_a_record_that_no_broker_took_stops_the_load() -> None:
    client = producer("127.0.0.1:1", **{"message.timeout.ms": 10, "log_level": 0})
    client.produce("events", b"value", b"key")
    with pytest.raises(RuntimeError, match="a record of events did not reach the broker"):
        client.flush()
