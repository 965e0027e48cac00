"""The workers that are broken, and what they said of themselves before each end."""

import signal
import sys
from collections import Counter
from contextlib import suppress

import httpx
from confluent_kafka import Consumer, TopicPartition

from models.contracts.topics import EVENTS, JOINS, PROFILES, Topic
from streams.rebuild.log import again
from tests.support.process import Process
from tests.support.streams import Room, metric

SKIPPED = "tailorbird_worker_events_total"
ANSWER_S = 20.0
"""A broker that was just started again is slow to answer."""


class Group:
    """Workers that are always started again, as a supervisor does."""

    def __init__(self, room: Room, count: int, **settings: object) -> None:
        self._room = room
        self._settings = settings
        self._named = 0
        self.workers = [self._made() for _ in range(count)]
        self.replays = 0
        """Records that a worker was handed again and skipped, as far as it could still say so: a lower bound."""
        self.ends: Counter[str] = Counter()
        """Ends that nobody asked for, by the last line of the log."""
        # Under the workers' group it may ask for their committed offsets; it never subscribes, so it is no member.
        group = f"{room.settings.topic_prefix}worker"
        self._places = Consumer({"bootstrap.servers": room.settings.brokers, "group.id": group, "log_level": 2})

    def _made(self) -> Process:
        self._named += 1
        return self._room.worker(f"worker-{self._named}", **self._settings)

    def start(self) -> None:
        """All of them, ready."""
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.await_ready()

    def kill(self, worker: Process) -> None:
        """kill -9, and started again at once."""
        self._ask(worker)
        worker.kill()
        worker.start()

    def join(self) -> Process:
        """One more, on its way."""
        self.workers.append(self._made().start())
        return self.workers[-1]

    def leave(self, worker: Process) -> None:
        """SIGTERM, for good."""
        self._await_ready(worker)
        self._ask(worker)
        self.workers.remove(worker)
        assert worker.stop() == 0, worker.last_words()

    def _await_ready(self, worker: Process) -> None:
        """Also of one that just ends by itself."""
        try:
            worker.await_ready()
        except RuntimeError:
            self.mend()
            worker.await_ready()

    def mend(self) -> None:
        """Starts again what ended by itself."""
        for worker in self.workers:
            if worker.ended is not None:
                words = worker.last_words(1)
                print(f"worker ended with code {worker.ended}: {worker.last_words(15)}", file=sys.stderr, flush=True)
                self.ends[words] += 1
                worker.start()

    def _ask(self, worker: Process) -> None:
        with suppress(httpx.TransportError):  # not there yet, or stopped
            self.replays += int(metric(worker, SKIPPED, result="replayed"))

    def stop(self) -> None:
        """In order, one after the other."""
        for worker in list(self.workers):
            worker.signal(signal.SIGCONT)
            self.leave(worker)
        self._places.close()

    # What the broker says.

    def written(self) -> int:
        """How many records of `profiles` were ever written."""
        return sum(self._end(place) for place in self._of(PROFILES))

    def lag(self) -> int:
        """Records of the workers' topics behind the committed offsets."""
        asked = [*self._of(EVENTS), *self._of(JOINS)]
        places = again(lambda: self._places.committed(asked, timeout=ANSWER_S))
        return sum(self._end(place) - max(0, place.offset) for place in places)

    def _end(self, place: TopicPartition) -> int:
        return int(again(lambda: self._places.get_watermark_offsets(place, timeout=ANSWER_S))[1])

    def _of(self, topic: Topic) -> list[TopicPartition]:
        name = topic.on(self._room.settings.topic_prefix)
        return [TopicPartition(name, number) for number in range(self._room.settings.partitions)]
