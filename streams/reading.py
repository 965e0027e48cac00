"""Compacted topics as mappings, and the profiles as a DataFrame: for the trainer, chores and notebooks. kafka-python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pandas as pd
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from models.contracts.errors import UnavailableError
from models.contracts.profile import Profile, decode_profile
from models.contracts.topics import PROFILES, Topic

T = TypeVar("T")
CATCH_UP_S = 300.0
"""Longest time without reaching the end: a million profiles take 7 s."""


def ignored(_topic: str, _key: bytes, _change: int) -> None:
    """Where nobody asks for each."""


class Mirror:
    """The newest value of each key of some compacted topics, brought up to date by `catch_up`. Not for several threads."""

    def __init__(
        self, brokers: str, prefix: str, topics: Iterable[Topic], on_record: Callable[[str, bytes, int], None] = ignored
    ) -> None:
        """`on_record` is told of each record (topic's name, key, how many keys more there are: 1, 0 or -1).

        Raises:
            UnavailableError: no broker answers.
        """
        self._brokers = brokers
        self._on_record = on_record
        self._came: set[str] = set()
        self._places: dict[TopicPartition, int] = {}
        """Everything before is read. kafka-python goes through all its partitions for each that it is asked the place of."""
        self._topics = {topic.on(prefix): topic for topic in topics}
        self.rows: dict[str, dict[bytes, bytes]] = {topic.name: {} for topic in self._topics.values()}
        with _said(brokers):
            self._consumer: Any = KafkaConsumer(
                bootstrap_servers=brokers.split(","),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=100,
                max_partition_fetch_bytes=4 * 1024 * 1024,
                bootstrap_timeout_ms=5000,
            )
            self._partitions = [
                TopicPartition(name, partition)
                for name in self._topics
                for partition in sorted(self._consumer.partitions_for_topic(name) or ())
            ]
            self._consumer.assign(self._partitions)

    def catch_up(self) -> set[str]:
        """Reads to what is the end now; the names of the topics that brought anything since it was last answered.

        Raises:
            UnavailableError: the broker does not answer.
        """
        with _said(self._brokers):
            ends = self._consumer.end_offsets(self._partitions)
            deadline = time.monotonic() + CATCH_UP_S
            while True:
                behind = [partition for partition, end in ends.items() if self._places.get(partition, 0) < end]
                # The embedded broker names the first offset of its last batch + 1 as the end: one more look, which brings
                # what of that batch was fetched and not handed out.
                if self._take(200 if behind else 0):
                    continue
                if not behind:
                    came, self._came = self._came, set()
                    return came
                if time.monotonic() > deadline:
                    raise UnavailableError(
                        f"The broker at {self._brokers} does not bring its topics to their end.", "look at its log"
                    )
                for partition in behind:  # gaps and markers at the end are passed without a record
                    self._places[partition] = self._consumer.position(partition)

    def _take(self, timeout_ms: int) -> bool:
        batches = self._consumer.poll(timeout_ms=timeout_ms, max_records=10_000)
        for partition, records in batches.items():
            name = self._topics[partition.topic].name
            rows = self.rows[name]
            self._came.add(name)
            for record in records:
                key, value = record.key, record.value
                before = len(rows)
                if value is None:
                    rows.pop(key, None)
                else:
                    rows[key] = value
                self._on_record(name, key, len(rows) - before)
            self._places[partition] = records[-1].offset + 1
        return bool(batches)

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()


@contextmanager
def _said(brokers: str) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise UnavailableError(
            f"The Kafka broker at {brokers} cannot be read ({type(error).__name__}).",
            "start one with: tailorbird broker, or name it with --brokers",
        ) from error


def read_compacted(brokers: str, prefix: str, topic: Topic, decode: Callable[[bytes], T]) -> dict[bytes, T]:
    """What a compacted topic holds now, by key."""
    mirror = Mirror(brokers, prefix, [topic])
    try:
        mirror.catch_up()
        return {key: decode(value) for key, value in mirror.rows[topic.name].items()}
    finally:
        mirror.close()


def read_profiles(brokers: str, prefix: str, merchant: str) -> list[Profile]:
    """Every profile of a merchant, as `models.training` takes them; not those that only point to a known customer's."""
    start = f"{merchant}/"
    decoded = read_compacted(brokers, prefix, PROFILES, decode_profile)
    return [profile for key, profile in decoded.items() if key.decode().startswith(start) and profile.joined is None]


def profiles_frame(brokers: str, prefix: str, merchant: str) -> pd.DataFrame:
    """Every profile of a merchant in plain counts: for a look, not for training (`models.training.frame` is).

    Returns:
        Index: customer. Columns: first, last (UTC), session, learned, defined, model_version, the lifetime counters
        (queries, sessions ...), and ``category.<value>`` page views, 0 where there are none.
    """
    return table_of(read_profiles(brokers, prefix, merchant))


def table_of(profiles: Iterable[Profile]) -> pd.DataFrame:
    """The frame of `profiles_frame` from profiles that are there already."""
    found = sorted(profiles, key=lambda profile: profile.customer)
    plain = pd.DataFrame(
        {
            "first": pd.to_datetime([profile.first for profile in found], unit="ms", utc=True),
            "last": pd.to_datetime([profile.last for profile in found], unit="ms", utc=True),
            "session": [profile.session for profile in found],
            "learned": [profile.membership.learned for profile in found],
            "defined": [profile.membership.defined for profile in found],
            "model_version": [profile.membership.model_version for profile in found],
        },
        index=pd.Index([profile.customer for profile in found], name="customer"),
    )
    counts = pd.DataFrame.from_records([_counts(profile) for profile in found], index=plain.index)
    return pd.concat([plain, counts.fillna(0.0)], axis=1)


def _counts(profile: Profile) -> dict[str, float]:
    counts = {name: counter.total for name, counter in profile.counters.items()}
    views = profile.families.get("category", {})
    return counts | {f"category.{value}": counter.total for value, counter in views.items()}
