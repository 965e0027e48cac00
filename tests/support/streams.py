"""A worker room of its own for one test: topics under a prefix, workers as processes, events in, topics out."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from models.contracts.contents import LivePublication, Publication, live_publication_key, publication_part_key
from models.contracts.decisions import Decision, decision_id
from models.contracts.events import Click, Event, Impression, Origin, Query, encode_event
from models.contracts.ids import customer_key, partition_of
from models.contracts.profile import Assignment, Membership, Profile, decode_assignment, decode_profile
from models.contracts.rejected import Rejected, decode_rejected
from models.contracts.settings import Settings
from models.contracts.tables import Outcome, decode_outcome
from models.contracts.topics import ASSIGNMENTS, EVENTS, OUTCOMES, PROFILES, PUBLICATIONS, REJECTED, Topic
from models.features.fold import fold
from streams import admin
from streams.brokers import records
from streams.brokers.base import free_port
from streams.reading import Mirror, read_compacted
from tests.support.http import plain
from tests.support.process import Process

T = TypeVar("T")
MERCHANT = "m"
WRITTEN = (PROFILES, ASSIGNMENTS, OUTCOMES)
"""What a worker writes, but for what it cannot use."""
START_MS = 1_763_800_000_000


class Room:
    """One system's topics on a broker, and the workers on them."""

    def __init__(self, brokers: str, prefix: str, folder: Path, partitions: int = 8) -> None:
        self.folder = folder
        self.settings = Settings(brokers=brokers, topic_prefix=prefix, partitions=partitions)
        admin.apply(self.settings)
        self._connected: Any = None
        self._mirror: Mirror | None = None
        self._workers: list[Process] = []

    @property
    def _producer(self) -> Any:
        if self._connected is None:
            self._connected = KafkaProducer(
                bootstrap_servers=self.settings.brokers, acks="all", linger_ms=5, max_request_size=8 * 1024 * 1024
            )
        return self._connected

    def disconnect(self) -> None:
        """Until the next send or look: kafka-python leaves sockets open when its broker goes away."""
        if self._connected is not None:
            self._connected.close(timeout=5)
            self._connected = None
        if self._mirror is not None:
            self._mirror.close()
            self._mirror = None

    def worker(self, name: str, **more: object) -> Process:
        """A worker process, not started."""
        return self._process("worker", name, **more)

    def trainer(self, **more: object) -> Process:
        """A trainer process, not started."""
        return self._process("trainer", "trainer", **more)

    def _process(self, kind: str, name: str, **more: object) -> Process:
        port = free_port()
        one = Process(
            kind,
            {
                "brokers": self.settings.brokers,
                "topic_prefix": self.settings.topic_prefix,
                "partitions": self.settings.partitions,
                "worker_group": f"{self.settings.topic_prefix}worker",
                f"{kind}_port": port,
                "data_dir": self.folder / name,
                # Test events are of a fixed day: on the worker's clock their customers were last heard of long ago.
                "profile_brief_days": 36_500,
                "profile_days": 36_500,
                **more,
            },
            self.folder / f"{name}.log",
            f"http://127.0.0.1:{port}",
        )
        self._workers.append(one)
        return one

    def send(self, events: Iterable[Event]) -> None:
        """Sends in order; `flush` waits."""
        for event in events:
            self.send_raw(event.key, encode_event(event))

    def send_raw(self, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        self._producer.send(EVENTS.on(self.settings.topic_prefix), key=key, value=value, partition=partition)

    def put(self, topic: Topic, key: bytes, value: bytes | None, partition: int | None = None) -> None:
        """Sends one record by hand where its key belongs, or elsewhere; `flush` waits."""
        self._producer.send(topic.on(self.settings.topic_prefix), key=key, value=value, partition=partition)

    def write(self, topic: Topic, key: bytes, value: bytes | None, partition: int | None = None) -> None:
        """The same, and waits."""
        self.put(topic, key, value, partition)
        self.flush()

    def publish(self, publication: Publication) -> None:
        """Puts a publication live in one part, as the console does."""
        raw = msgspec.json.encode(publication)
        version, merchant = publication.table_version, publication.merchant
        pointer = LivePublication(
            merchant=merchant, version=version, parts=1, sha256=hashlib.sha256(raw).hexdigest()
        )  # the pointer first: readers must wait for the part
        name = PUBLICATIONS.on(self.settings.topic_prefix)
        self._producer.send(name, key=live_publication_key(merchant), value=msgspec.json.encode(pointer))
        self._producer.send(name, key=publication_part_key(merchant, version, 0), value=raw)
        self.flush()

    def read(self, topic: Topic, decode: Callable[[bytes], T]) -> dict[bytes, T]:
        """What a compacted topic holds now."""
        return read_compacted(self.settings.brokers, self.settings.topic_prefix, topic, decode)

    def records(self, topic: Topic) -> list[records.Record]:
        """Every record of a topic in the order of its partitions."""
        return list(records.read(topic, self.settings))

    def partition_of(self, customer: str) -> int:
        """Where a customer's events and profile lie."""
        return partition_of(customer_key(MERCHANT, customer), self.settings.partitions)

    def flush(self) -> None:
        self._producer.flush(30)

    def _now(self, topic: Topic) -> Iterable[bytes]:
        """The rows of a topic that a worker writes: only what is new is read, for a test may look a hundred times."""
        if self._mirror is None:
            self._mirror = Mirror(self.settings.brokers, self.settings.topic_prefix, WRITTEN)
        self._mirror.catch_up()
        return self._mirror.rows[topic.name].values()

    def profiles(self) -> dict[str, Profile]:
        """By customer, as the topic has them."""
        return {profile.customer: profile for profile in map(decode_profile, self._now(PROFILES))}

    def assignments(self) -> dict[str, Assignment]:
        return {assignment.customer: assignment for assignment in map(decode_assignment, self._now(ASSIGNMENTS))}

    def outcomes(self) -> Outcome:
        """All counters in one."""
        whole = Outcome()
        for one in map(decode_outcome, self._now(OUTCOMES)):
            whole.decisions += one.decisions
            whole.impressions += one.impressions
            whole.clicks += one.clicks
        return whole

    def rejected(self) -> dict[bytes, Rejected]:
        return read_compacted(self.settings.brokers, self.settings.topic_prefix, REJECTED, decode_rejected)

    def close(self) -> None:
        self.disconnect()
        for worker in self._workers:
            worker.discard()


@contextmanager
def room(brokers: str, prefix: str, folder: Path, partitions: int = 8) -> Iterator[Room]:
    """A room that is cleared up."""
    made = Room(brokers, prefix, folder, partitions)
    try:
        yield made
    finally:
        made.close()


def metric(worker: Process, name: str, **labels: str) -> float:
    """One value of a worker's metrics, 0 where there is none."""
    return next(iter(_samples(worker, name, labels)), 0.0)


def lag(worker: Process) -> float:
    """Events of all its partitions that it has still before it."""
    return sum(_samples(worker, "tailorbird_worker_lag_events", {}))


def _samples(worker: Process, name: str, labels: dict[str, str]) -> list[float]:
    text = plain().get(f"{worker.health}/metrics", timeout=5).text
    return [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and all(sample.labels.get(key) == value for key, value in labels.items())
    ]


def visits(random: Random, customers: int, events: int) -> list[Event]:
    """Queries with decisions, some with an impression and a click, of customers in random order. Every id is unique and
    the origins of the one edge rise."""
    made: list[Event] = []
    waiting: dict[str, Event] = {}
    for number in range(events):
        customer = f"c{random.randrange(customers)}"
        common: dict[str, Any] = {
            "id": f"e{number}", "merchant": MERCHANT, "customer": customer, "at": START_MS + number * 100,
            "session": f"s{number // 5000}", "received": START_MS + number * 100, "origin": Origin("edge-1.1", number),
        }  # fmt: skip
        shown = waiting.pop(customer, None)
        if isinstance(shown, Query) and random.random() < 0.6:
            about: dict[str, Any] = {"placement": "hero", "content": "c_1", "decision": decision_id(shown.id, "hero")}
            kind = Click if random.random() < 0.4 else Impression
            made.append(kind(**common, **about))
            continue
        query = Query(
            **common,
            placements=("hero",),
            context={"category": random.choice(("trousers", "skirts", "sale"))},
            decisions=(Decision(placement="hero", content="c_1", reason="prior", context_segment="c_x"),),
        )
        waiting[customer] = query
        made.append(query)
    return made


def oracle(events: Iterable[Event]) -> dict[str, Profile]:
    """The profiles that folding each event once makes. Not to be changed: who asks again gets the same ones."""
    held = list(events)
    asked = tuple(map(id, held))
    if (same := _FOLDED.get(asked)) is None:
        while len(_FOLDED) >= MOST_FOLDED:
            del _FOLDED[next(iter(_FOLDED))]
        same = _FOLDED[asked] = held, _folded(held)
    return same[1]


def _folded(events: Iterable[Event]) -> dict[str, Profile]:
    profiles: dict[str, Profile] = {}
    for event in events:
        if event.customer is not None:
            profiles[event.customer] = fold(profiles.get(event.customer), event)
    return profiles


MOST_FOLDED = 4
_FOLDED: dict[tuple[int, ...], tuple[list[Event], dict[str, Profile]]] = {}
"""By the identity of the events, which are held so that it stays theirs."""


def differing(found: dict[str, Profile], wanted: dict[str, Profile]) -> list[str]:
    """Customers whose profile is another than the oracle's, marks and membership aside."""
    names = found.keys() | wanted.keys()
    return sorted(n for n in names if n not in found or n not in wanted or _bare(found[n]) != _bare(wanted[n]))


def _bare(profile: Profile) -> bytes:
    bare = msgspec.structs.replace(
        profile, marks={}, origins={}, recent=b"", membership=Membership(), moves=[]
    )  # a copy: the fields that only the stream writes are left out
    return msgspec.json.encode(bare)


def by_partition(room: Room, customers: Iterable[str]) -> dict[int, list[str]]:
    """Customers by the partition that they lie in."""
    found: dict[int, list[str]] = defaultdict(list)
    for customer in customers:
        found[partition_of(customer_key(MERCHANT, customer), room.settings.partitions)].append(customer)
    return found
