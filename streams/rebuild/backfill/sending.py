"""Events to their topic, in order, as fast as the broker confirms them."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from models.contracts.errors import UnavailableError
from models.contracts.events import Event, encode_event
from models.contracts.ids import partition_of
from models.contracts.settings import Settings
from models.contracts.topics import EVENTS

CONFIRM_S = 60.0


class Sending:
    """Raises UnavailableError where the broker does not take them. A context manager."""

    def __init__(self, settings: Settings) -> None:
        self._name = EVENTS.on(settings.topic_prefix)
        self._partitions = settings.partitions
        self._waiting: list[Any] = []
        try:
            # One request at a time: a customer's rows must not overtake one another when one is sent again, for the profile
            # takes a lower sequence after a higher one for a repetition.
            self._producer = KafkaProducer(
                bootstrap_servers=settings.brokers.split(","), acks="all", linger_ms=20, batch_size=256 * 1024,
                max_in_flight_requests_per_connection=1,
            )  # fmt: skip
        except KafkaError as error:
            raise self._refused(error) from error

    def send(self, events: Iterable[Event]) -> None:
        """In order. The record's time is now: retention would delete old ones at once."""
        for event in events:
            key = event.key
            place = partition_of(key, self._partitions)
            try:
                self._waiting.append(self._producer.send(self._name, encode_event(event), key=key, partition=place))
            except KafkaError as error:
                raise self._refused(error) from error

    def confirm(self) -> None:
        """Returns when the broker has everything."""
        try:
            for future in self._waiting:
                future.get(timeout=CONFIRM_S)
        except KafkaError as error:
            raise self._refused(error) from error
        self._waiting.clear()

    def _refused(self, error: KafkaError) -> UnavailableError:
        return UnavailableError(
            f"Topic {self._name} took not all of the events ({type(error).__name__}).",
            "tailorbird doctor says what is missing; run this again, it goes on where it was",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producer.close(timeout=5)
