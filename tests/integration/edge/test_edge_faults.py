"""Nothing that was answered as recorded is lost: the broker away, the edge killed, the disk full."""

import resource
import signal
from collections.abc import Callable
from pathlib import Path

from streams.brokers import Kafka
from tests.integration.edge.conftest import EdgeUnderTest, on_topic
from tests.support.tap import Tap
from tests.support.waiting import eventually

Taps = Callable[[EdgeUnderTest], Tap]


def test_answers_go_on_without_a_broker_and_everything_arrives_afterwards(
    edge_alone: EdgeUnderTest, own_broker: Kafka, tap: Taps
) -> None:
    edge = edge_alone
    ids = edge.recorded(20)
    own_broker.kill()
    ids |= edge.recorded(100, start=20)
    eventually(lambda: edge.metric("tailorbird_spool_pending") >= 100)
    assert edge.http.get("/readyz").status_code == 200  # an edge that lacks only Kafka stays ready
    own_broker.start()
    on_topic(tap(edge), ids)
    ids |= edge.recorded(1, start=500)
    on_topic(tap(edge), ids)
    eventually(lambda: edge.metric("tailorbird_spool_pending") == 0)


def test_an_edge_killed_while_the_broker_was_away_ships_after_its_next_start(
    edge_alone: EdgeUnderTest, own_broker: Kafka, tap: Taps
) -> None:
    edge = edge_alone
    ids = edge.recorded(10)
    own_broker.kill()
    ids |= edge.recorded(50, start=10)
    edge.process.kill()
    with edge.spool().open("ab") as torn:
        torn.write(b"\x40\x00\x00\x00 the tail of a frame that a kill cut off")
    own_broker.start()
    edge.process.start().await_ready()
    ids |= edge.recorded(10, start=60)
    on_topic(tap(edge), ids)


def test_an_edge_killed_while_it_drains_loses_nothing(own_broker: Kafka, tmp_path: Path, tap: Taps) -> None:
    """SIGTERM, more queries, and kill -9 before any step of the end is over."""
    edge = EdgeUnderTest(own_broker.address, tmp_path, drain_s=20)
    edge.begin()
    own_broker.kill()
    ids = edge.recorded(20)
    edge.process.signal(signal.SIGTERM)
    eventually(lambda: edge.http.get("/readyz").status_code == 503, what="it drains")
    ids |= edge.recorded(5, start=20)
    edge.process.kill()
    own_broker.start()
    edge.process.start().await_ready()
    ids |= edge.recorded(5, start=25)
    on_topic(tap(edge), ids)
    edge.close()


def test_a_full_disk_is_said_and_answers_go_on(edge: EdgeUnderTest, tap: Taps) -> None:
    ids = edge.recorded(10)
    size = edge.spool().stat().st_size
    # The kernel refuses what would make a file longer than this, in the middle of a write, as a full disk does.
    resource.prlimit(edge.process.family["worker 0"], resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
    for number in range(5):
        answer = edge.ask(f"f{number}", id=f"f{number}")
        assert answer["recorded"] is False
        assert answer["contents"]
    assert edge.metric("tailorbird_spool_failures_total") == 5
    resource.prlimit(
        edge.process.family["worker 0"], resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )
    assert edge.ask("f0", id="f0")["recorded"] is True  # sent again under the same id
    on_topic(tap(edge), ids | {"f0"})
