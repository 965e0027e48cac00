"""The processes of one edge on a real broker: any of them may die, Kafka may be away, and nobody is answered wrongly."""

import itertools
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from api.edge.table import table_directory
from api.kafka import producer
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS
from streams.brokers import Kafka, free_port
from tests.integration.edge.conftest import EdgeUnderTest, on_topic
from tests.support.http import plain
from tests.support.tap import Tap
from tests.support.waiting import eventually

Taps = Callable[[EdgeUnderTest], Tap]


def assign(edge: EdgeUnderTest, customer: str, *segments: str) -> None:
    writer = producer(edge.brokers, "tests")
    assignment = Assignment(merchant="shop", customer=customer, membership=Membership(defined=segments), at=1)
    writer.produce(
        ASSIGNMENTS.on(edge.prefix), value=msgspec.json.encode(assignment), key=customer_key("shop", customer)
    )
    assert writer.flush(10) == 0


_sessions = itertools.count(1)


def content(edge: EdgeUnderTest, customer: str) -> object:
    """What a new session of the customer is shown: one that is going on keeps what it was shown first."""
    contents = edge.ask(customer, session=f"t{next(_sessions)}")["contents"]
    assert isinstance(contents, dict)
    return contents["hero"]["content"]


@pytest.fixture
def family(kafka: str, tmp_path: Path) -> Iterator[EdgeUnderTest]:
    """Two workers, each with a port of its own."""
    ports = free_port()
    edge = EdgeUnderTest(kafka, tmp_path, workers=2, worker_ports=ports, overlay=False, snapshot_every_s=0.5)
    edge.settings["worker_ports"] = ports
    edge.apply()
    edge.serve()
    edge.process.start().await_ready()
    yield edge
    edge.close()


def own_url(edge: EdgeUnderTest, number: int) -> str:
    return f"http://127.0.0.1:{int(str(edge.settings['worker_ports'])) + number}"


def ready(url: str) -> bool:
    try:
        return plain().get(f"{url}/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def test_whatever_is_killed_comes_back_and_nothing_recorded_is_lost(
    family: EdgeUnderTest, tap: Taps, seeded: random.Random
) -> None:
    edge = family
    eventually(lambda: ready(own_url(edge, 0)) and ready(own_url(edge, 1)))
    ids: set[str] = set()
    killed: list[str] = []
    for number in range(8):
        name = seeded.choice([name for name in sorted(edge.process.family) if name not in killed[-1:]])
        before = edge.process.family[name]
        os.kill(before, signal.SIGKILL)
        killed.append(name)
        # Each worker in turn, by its own port: a request to one that was just killed is the balancer's to send again.
        for worker in (0, 1):
            if name != f"worker {worker}":
                body = {
                    "merchant": "shop",
                    "customer": f"c{number}",
                    "id": f"k{number}-{worker}",
                    "placements": ["hero"],
                }
                answer = plain().post(f"{own_url(edge, worker)}/v1/query", json=body)
                assert answer.status_code == httpx.codes.OK, f"{name} killed: {answer.text}"
                assert answer.json()["recorded"] is True
                ids.add(f"k{number}-{worker}")
        eventually(lambda: edge.process.family.get(name, before) != before, what=f"{name} is started anew")  # noqa: B023
        eventually(lambda: ready(own_url(edge, 0)) and ready(own_url(edge, 1)), what=f"ready after {name}")
    assert len(set(killed)) > 2
    edge.serve("second")
    asked = {"merchant": "second", "placements": ["hero"], "consent": "denied"}
    for worker in (0, 1):
        url = f"{own_url(edge, worker)}/v1/query"
        eventually(lambda: plain().post(url, json=asked).status_code == httpx.codes.OK)  # noqa: B023
    assign(edge, "c_after", "s_trousers")
    eventually(lambda: content(edge, "c_after") == "c_trousers")
    processes = edge.process.family.values()
    assert edge.process.stop() == 0
    assert all(not Path(f"/proc/{pid}").exists() for pid in processes)
    events = tap(edge)
    eventually(lambda: {event.id for event in events.events("shop")} >= ids, 30, "every recorded event is on the topic")
    assert not table_directory(Settings(data_dir=str(edge.folder), edge_id="edge-1")).exists()


def test_workers_answer_while_the_replica_is_away_and_it_carries_on(family: EdgeUnderTest) -> None:
    edge = family
    assign(edge, "c1", "s_trousers")
    eventually(lambda: content(edge, "c1") == "c_trousers")
    replica = edge.process.family["replica"]
    os.kill(replica, signal.SIGSTOP)  # it holds the consumer, and reads nothing
    assign(edge, "c2", "s_trousers")
    assert content(edge, "c1") == "c_trousers"
    assert content(edge, "c2") == "c_all"
    os.kill(replica, signal.SIGKILL)
    eventually(lambda: content(edge, "c2") == "c_trousers", 30)
    assert content(edge, "c1") == "c_trousers"
    assert edge.http.get("/readyz").status_code == httpx.codes.OK


def test_a_parent_that_is_killed_takes_its_family_with_it_and_the_next_start_follows_at_once(
    family: EdgeUnderTest, tap: Taps
) -> None:
    edge = family
    ids = edge.recorded(20)
    processes = edge.process.family.values()
    edge.process.kill()
    eventually(lambda: all(not Path(f"/proc/{pid}").exists() for pid in processes))
    edge.process.start().await_ready()
    ids |= edge.recorded(5, start=20)
    on_topic(tap(edge), ids)


def test_an_edge_without_kafka_serves_what_it_kept_and_shows_its_age(
    edge_alone: EdgeUnderTest, own_broker: Kafka
) -> None:
    edge = edge_alone
    assign(edge, "c1", "s_trousers")
    eventually(lambda: edge.metric("tailorbird_customers") == 1)
    assert edge.metric("tailorbird_replica_age_seconds") < 2
    own_broker.kill()
    eventually(lambda: edge.metric("tailorbird_replica_age_seconds") > 1.5, 5, "the age shows")
    assert edge.process.stop() == 0
    edge.process.start().await_ready()
    assert content(edge, "c1") == "c_trousers"
    age = edge.metric("tailorbird_replica_age_seconds")
    assert age > 2, "counted from when Kafka was last heard of, not from the start"
    for line in edge.http.get("/metrics").text.splitlines():
        if line.startswith("tailorbird_behind_seconds{"):
            assert float(line.split()[1]) >= age - 1, line
    assert edge.http.get("/startupz").json()["stage"] == "waiting for a broker"
    recorded = edge.recorded(10)
    own_broker.start()
    eventually(lambda: edge.metric("tailorbird_replica_age_seconds") < 2, 30, "Kafka is heard of again")
    assign(edge, "c1")
    eventually(lambda: content(edge, "c1") == "c_all", what="what changed meanwhile is followed")
    assert len(recorded) == 10


def test_without_kafka_and_without_a_snapshot_an_edge_waits(edge_alone: EdgeUnderTest, own_broker: Kafka) -> None:
    edge = edge_alone
    assign(edge, "c1", "s_trousers")
    assert edge.process.stop() == 0
    (edge.folder / "replica" / "edge-1" / "table.snapshot").unlink()
    own_broker.kill()
    edge.process.start()
    eventually(lambda: "until one does, this edge does not answer" in edge.process.last_words(), 30)
    assert edge.http.get("/livez").status_code == httpx.codes.OK
    assert edge.http.get("/readyz").status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert edge.http.post("/v1/query", json={"merchant": "shop"}).status_code == httpx.codes.SERVICE_UNAVAILABLE
    own_broker.start()
    edge.process.await_ready(within=15)
    assert content(edge, "c1") == "c_trousers"


@pytest.mark.parametrize("restarted", [True, False])
def test_topics_that_were_made_anew_are_read_anew(
    restarted: bool, edge_alone: EdgeUnderTest, own_broker: Kafka, tmp_path: Path
) -> None:
    """Another cluster under the same address, while the edge serves what it knew: nothing of the old one may stay."""
    edge = edge_alone
    assign(edge, "c1", "s_trousers")
    eventually(lambda: content(edge, "c1") == "c_trousers")
    if restarted:
        assert edge.process.stop() == 0
    own_broker.kill()
    if restarted:
        edge.process.start().await_ready()
    else:
        eventually(lambda: edge.metric("tailorbird_replica_age_seconds") > 3.5, what="the broker is missed")
    assert content(edge, "c1") == "c_trousers"
    with Kafka(tmp_path / "another", port=own_broker.port):
        edge.apply()
        edge.serve("second")
        eventually(lambda: served(edge, "second") == httpx.codes.OK, 40, "it serves what the new topics say")
        eventually(lambda: served(edge, "shop") == httpx.codes.NOT_FOUND, 40, "and nothing of the old ones")
        assert edge.metric("tailorbird_customers") == 0


def served(edge: EdgeUnderTest, merchant: str) -> int:
    """The status of a query; 0 while the edge begins anew."""
    try:
        return edge.http.post("/v1/query", json={"merchant": merchant, "placements": ["hero"]}).status_code
    except httpx.TransportError:
        return 0
