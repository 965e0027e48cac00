"""The edge as production runs it, on a real broker: what it says at its start, what it keeps, how it ends."""

import socket
import threading
from collections.abc import Callable

import httpx
import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from api.kafka import producer
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership, encode_assignment
from models.contracts.topics import ASSIGNMENTS, CATALOGUE, TOPICS
from streams.brokers import free_port
from tests.integration.edge.conftest import EdgeUnderTest, on_topic
from tests.support.process import Process
from tests.support.tap import Tap
from tests.support.waiting import eventually

Taps = Callable[[EdgeUnderTest], Tap]


def test_a_query_is_answered_and_its_event_is_on_the_topic(edge: EdgeUnderTest, tap: Taps) -> None:
    ids = edge.recorded(20)
    topics = tap(edge)
    on_topic(topics, ids)
    query = next(query for query in topics.queries("shop") if query.id == "q_7")
    assert (query.customer, query.session) == ("c7", "s1")
    assert query.origin is not None
    assert query.origin.edge.startswith("edge-1.")
    eventually(lambda: edge.metric("tailorbird_spool_pending") == 0)


def test_ready_means_that_everything_is_in_memory(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    edge = EdgeUnderTest(kafka, tmp_path_factory.mktemp("edge"))
    edge.apply()
    writer = producer(kafka, "tests", **{"queue.buffering.max.messages": 200_000})
    for number in range(20_000):
        customer = f"c{number}"
        assignment = Assignment(
            merchant="shop", customer=customer, membership=Membership(defined=("s_trousers",)), at=1
        )
        key = customer_key("shop", customer)
        writer.produce(ASSIGNMENTS.on(edge.prefix), value=encode_assignment(assignment), key=key)
    assert writer.flush(30) == 0
    edge.serve()
    statuses = set()
    edge.process.start()

    def ready() -> bool:
        try:
            answer = edge.http.post("/v1/query", json={"merchant": "shop", "placements": ["hero"]})
        except httpx.TransportError:
            return False
        statuses.add(answer.status_code)
        return answer.status_code == httpx.codes.OK

    eventually(ready, 30)
    try:
        assert statuses <= {503, 200}  # never a 404 from a table that is half read
        assert edge.metric("tailorbird_customers") == 20_000
        contents = edge.ask("c19999")["contents"]
        assert isinstance(contents, dict)
        assert contents["hero"]["content"] == "c_trousers"
    finally:
        edge.close()


def test_a_new_publication_is_live_without_a_restart(edge: EdgeUnderTest) -> None:
    asked = {"merchant": "second", "placements": ["hero"]}
    assert edge.http.post("/v1/query", json=asked).status_code == httpx.codes.NOT_FOUND
    edge.serve("second")
    eventually(lambda: edge.http.post("/v1/query", json=asked).status_code == httpx.codes.OK)


def test_sigterm_while_queries_come_fails_none_and_ends_with_0(edge: EdgeUnderTest, tap: Taps) -> None:
    asked: list[tuple[str, int | None]] = []
    going = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=edge.url, timeout=20) as client:
            number = 0
            while True:
                number += 1
                body = {"merchant": "shop", "customer": "c1", "id": f"t{number}", "placements": ["hero"]}
                try:
                    answer = client.post("/v1/query", json=body)
                except httpx.TransportError:
                    return  # the listener is closed: a balancer has turned away by now
                asked.append((f"t{number}", answer.status_code if answer.json()["recorded"] else None))
                going.set()

    thread = threading.Thread(target=ask)
    thread.start()
    assert going.wait(10)
    assert edge.process.stop() == 0
    thread.join(10)
    assert {status for _, status in asked} == {200}
    on_topic(tap(edge), {name for name, _ in asked})


def ends(process: Process) -> tuple[int, str]:
    """Exit code and last words of an edge that cannot start."""
    process.start()
    eventually(lambda: not process.running, 30)
    return process.stop(), process.last_words(3)


def test_a_missing_topic_stops_the_start(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    edge = EdgeUnderTest(kafka, tmp_path_factory.mktemp("edge"))
    code, said = ends(edge.process)
    assert code == 78
    assert f"Topic {CATALOGUE.on(edge.prefix)} does not exist" in said
    assert "Mend: tailorbird topics apply" in said
    edge.close()


def test_a_wrong_cleanup_policy_stops_the_start(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    edge = EdgeUnderTest(kafka, tmp_path_factory.mktemp("edge"))
    client = KafkaAdminClient(bootstrap_servers=kafka)
    wrong = {"cleanup.policy": "delete"}
    client.create_topics(
        [
            NewTopic(
                topic.on(edge.prefix),
                topic.partition_count(4),
                1,
                topic_configs=wrong if topic == ASSIGNMENTS else topic.config(),
            )
            for topic in TOPICS
        ]
    )
    client.close()
    code, said = ends(edge.process)
    assert code == 78
    assert f"Topic {ASSIGNMENTS.on(edge.prefix)} has cleanup.policy delete and not compact" in said
    edge.close()


def test_another_number_of_partitions_stops_the_start(edge: EdgeUnderTest) -> None:
    code, said = ends(edge.another(partitions=8, edge_id="edge-2", edge_port=free_port()))
    assert code == 78
    assert "has 4 partitions and not 8" in said


def test_a_port_in_use_and_data_in_use_stop_the_start(edge: EdgeUnderTest) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = ends(edge.another(edge_port=port, edge_id="edge-2"))
    assert code == 69
    assert f"127.0.0.1:{port} cannot be listened on" in said
    code, said = ends(edge.another(edge_port=free_port()))
    assert code == 78
    assert "Another edge uses" in said
    assert "TAILORBIRD_EDGE_ID or TAILORBIRD_DATA_DIR" in said


def test_a_broker_that_is_not_there_stops_the_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        edge = EdgeUnderTest(f"127.0.0.1:{closed.getsockname()[1]}", tmp_path_factory.mktemp("edge"))
        code, said = ends(edge.process)
    assert code == 69
    assert "No Kafka broker answers" in said
    assert "Mend:" in said
    edge.close()


def test_a_poison_record_stops_nothing(edge: EdgeUnderTest) -> None:
    writer = producer(edge.brokers, "tests")
    for key, value in ((b"no-slash", b"{}"), (b"shop/merchant/shop", b"not json"), (b"\xff/x", b"{}")):
        writer.produce(CATALOGUE.on(edge.prefix), value=value, key=key)
    writer.produce(ASSIGNMENTS.on(edge.prefix), value=b"[1]", key=b"shop/c1")
    assert writer.flush(10) == 0
    edge.serve("third")
    asked = {"merchant": "third", "placements": ["hero"]}
    eventually(lambda: edge.http.post("/v1/query", json=asked).status_code == httpx.codes.OK)
    assert 'tailorbird_rejected_total{source="catalogue"} 3.0' in edge.http.get("/metrics").text
