"""No answer from a half-loaded table: twenty cold starts (500 with ``-m long``) on topics with everything that has fooled a reader before.

Gaps (an aborted transaction's records and the markers of all transactions have offsets that nobody reads), partitions that
end with markers, empty partitions, and partitions that begin past offset 0. Half a table is easily seen: every customer has
an assignment, and the content of a known one is not that of an unknown one.
"""

import itertools
import random
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import msgspec
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from api.kafka import verify, watermarks
from models.contracts.errors import ConfigurationError
from models.contracts.ids import customer_key, partition_of
from models.contracts.profile import Assignment, Membership
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS
from streams import admin
from streams.brokers import free_port
from tests.support.http import plain
from tests.support.lengths import long
from tests.support.live_merchant import merchant_of, publication_of, records
from tests.support.process import Process
from tests.support.waiting import eventually

AT_ONCE = 4
PARTITIONS = 8
EMPTY = {2, 5}
CUSTOMERS = 4_000
_prefixes = itertools.count(1)


@pytest.fixture
def prefix(kafka: str, seeded: random.Random) -> str:
    """Topics as described above, under a prefix of their own."""
    prefix = f"cold{next(_prefixes)}-"
    admin.apply(Settings(brokers=kafka, topic_prefix=prefix, partitions=PARTITIONS))
    writer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random", "transactional.id": f"{prefix}t"})
    writer.init_transactions(30)
    writer.begin_transaction()
    for topic, key, value in records(merchant_of(), publication_of("shop")):
        writer.produce(topic.on(prefix), value=value, key=key)
    writer.commit_transaction(10)
    # Old records of everybody, which are deleted from the front: partitions begin past 0.
    _assign(writer, prefix, "s_other", commit=True)
    _policy(kafka, prefix, "delete")  # a broker deletes from the front of no other topic
    client = AdminClient({"bootstrap.servers": kafka})
    ends = watermarks(kafka, [(ASSIGNMENTS.on(prefix), number) for number in range(PARTITIONS)])
    fronts = [TopicPartition(topic, number, end // 2) for (topic, number), (_, end) in ends.items() if end]
    for answer in client.delete_records(fronts).values():
        answer.result()
    _policy(kafka, prefix, "compact")
    _assign(writer, prefix, "s_trousers", commit=True)
    _assign(writer, prefix, "s_other", commit=False)  # never to be seen: markers and gaps at every end
    ends = watermarks(kafka, [(ASSIGNMENTS.on(prefix), number) for number in range(PARTITIONS)])
    for (_, number), (low, high) in ends.items():
        assert (high == 0) == (number in EMPTY)
        assert (low > 0) == (number not in EMPTY)
    return prefix


def _policy(kafka: str, prefix: str, policy: str) -> None:
    name = ASSIGNMENTS.on(prefix)
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs={"cleanup.policy": policy})])
    if policy == "compact":
        eventually(lambda: _as_declared(kafka, prefix), what="the topic is as declared")


def _as_declared(kafka: str, prefix: str) -> bool:
    try:
        verify(kafka, [ASSIGNMENTS], prefix, PARTITIONS)
    except ConfigurationError:
        return False
    return True


def customers() -> list[str]:
    named = (f"c{number}" for number in itertools.count())
    return list(
        itertools.islice(
            (name for name in named if partition_of(customer_key("shop", name), PARTITIONS) not in EMPTY), CUSTOMERS
        )
    )


def _assign(writer: Producer, prefix: str, segment: str, *, commit: bool) -> None:
    writer.begin_transaction()
    for customer in customers():
        assignment = Assignment(merchant="shop", customer=customer, membership=Membership(defined=(segment,)), at=1)
        value, key = msgspec.json.encode(assignment), customer_key("shop", customer)
        writer.produce(ASSIGNMENTS.on(prefix), value=value, key=key)
    writer.flush(30)
    if commit:
        writer.commit_transaction(30)
    else:
        writer.abort_transaction(30)


@pytest.mark.parametrize("starts", [20, long(500)])
def test_no_answer_before_everything_is_in_memory(
    kafka: str, prefix: str, tmp_path: Path, seeded: random.Random, starts: int
) -> None:
    draws = [seeded.randrange(2**32) for _ in range(starts)]

    def start(number: int) -> tuple[int, int]:
        return _start(kafka, prefix, tmp_path / str(number), number, random.Random(draws[number]))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        early = list(pool.map(start, range(starts)))
    asked = sum(before > 0 for before, _ in early)
    print(f"{asked} of {starts} were asked before they were ready, {sum(before for before, _ in early)} times")
    assert asked > starts / 2
    assert all(answers > 0 for _, answers in early)


def _start(kafka: str, prefix: str, folder: Path, number: int, draw: random.Random) -> tuple[int, int]:
    """One cold start, asked for a known customer from before it listens; how many were refused, how many answered."""
    port, known = free_port(), customers()
    settings: dict[str, object] = {
        "brokers": kafka, "topic_prefix": prefix, "partitions": PARTITIONS, "data_dir": folder, "edge_port": port,
        "edge_id": f"edge-{number}", "drain_s": 0, "table_customers": 10_000, "overlay_customers": 1_000,
    }  # fmt: skip
    process = Process("edge", settings, folder / "log", f"http://127.0.0.1:{port}").start()
    refused = answered = 0

    def ask() -> bool:
        nonlocal refused, answered
        with socket.socket() as door:  # which costs nothing while nobody listens
            if door.connect_ex(("127.0.0.1", port)):
                return False
        body = {"merchant": "shop", "customer": draw.choice(known), "session": "s", "placements": ["hero"]}
        try:
            answer = plain().post(f"http://127.0.0.1:{port}/v1/query", json=body, timeout=10)
        except httpx.TransportError:
            return False
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            refused += 1
            return False
        assert answer.status_code == httpx.codes.OK, answer.text  # never a 404: no merchant before its customers
        assert answer.json()["contents"]["hero"]["content"] == "c_trousers", "answered from half a table"
        answered += 1
        return answered >= 20

    def watch(condition: Callable[[], bool]) -> None:
        # Between listening and being ready is a tenth of a second, on a quick machine.
        eventually(condition, 90, f"start {number}: {process.last_words(5)}", pause=0.005)

    try:
        watch(ask)
        lines = plain().get(f"http://127.0.0.1:{port}/metrics", timeout=10).text.splitlines()
        assert f"tailorbird_customers {CUSTOMERS:.1f}" in lines
    finally:
        process.discard()
    return refused, answered
