"""Shipper: moves what the workers of one edge have spooled to Kafka, oldest first and fairly between them.

The same path whether the broker is there or was away. Each round takes at most a chunk from every spool, waits until Kafka
has confirmed all of it, and advances their ledgers.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka import Producer

from api.edge.spool.files import SHIPPER_LOCK, claim
from api.edge.spool.frames import Frame
from api.edge.spool.reader import GoneError
from api.edge.spool.sender import PRODUCER, Parcel, Sender, received
from api.edge.spool.source import Source, adopt, directories, generation_of
from api.kafka import producer
from models.contracts.errors import ConfigurationError
from models.contracts.settings import Settings

log = logging.getLogger(__name__)

LOOK_S: Final = 0.005
"""Between two looks at the files while there is nothing to ship."""
FIND_S: Final = 0.2
"""Between two looks for directories of further workers."""
REMOVE_S: Final = 5.0
"""Between two looks for directories of workers that are gone."""
FEW: Final = 100
PAUSE_S: Final = 0.25
"""Before a round is sent again."""
CLAIM_S: Final = 5.0
"""How long a start waits for the shipper before it to end."""
SHIP_S: Final = 8.0
"""At the end, how long it goes on: what is left is in the spools and goes after the next start."""


class Tally(NamedTuple):
    """What a shipper has done since its start."""

    shipped: int = 0
    """Events that Kafka has, those put aside among them."""
    rejected: int = 0
    damaged: int = 0
    """Frames that could not be read."""
    oldest: float = 0.0
    """When the oldest event was received that Kafka does not have yet, in Unix seconds; 0 = it has all."""


def run(settings: Settings, stop: Callable[[], bool], note: Callable[[Tally], None] = lambda _: None) -> None:
    """Ships until `stop`, then what is left for at most SHIP_S. `note` is called when a round begins and when it has ended.

    Raises:
        ConfigurationError: another shipper has this edge's spools, or they cannot be reached.
    """
    edge = Path(settings.data_dir) / "spool" / settings.edge_id
    name = f"{settings.edge_id}-shipper"
    shipper = Shipper(edge, settings, lambda: producer(settings.brokers, name, **PRODUCER), stop, note)
    shipper.run()


class Shipper:
    """One thread of control: find, read, send, note, remove."""

    def __init__(
        self,
        edge: Path,
        settings: Settings,
        connect: Callable[[], Producer],
        stop: Callable[[], bool],
        note: Callable[[Tally], None],
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`stop` is asked between two rounds and while it waits; it is a plain question, because a signal's handler that
        sets a `threading.Event` may meet the very lock that the interrupted wait holds."""
        self._edge = edge
        self._edge_id = settings.edge_id
        self._rate = settings.ship_rate
        self._stop = stop
        self._note = note
        self._clock = clock
        self._wait = wait
        self._until: float | None = None
        self._sources: dict[Path, Source] = {}
        self._find_at = self._left_at = -math.inf
        self._sender = Sender(settings.topic_prefix, connect, self._over)
        self._parted = 0
        self._tally = Tally()

    def run(self) -> None:
        """Blocks until it is stopped; raises ConfigurationError where the spools are another's."""
        lock = self._claim()
        try:
            adopt(self._edge)
            self._sender.greet()
            while self._turn():
                pass
        finally:
            self._sender.close()
            for source in self._sources.values():
                self._close(source)
            os.close(lock)

    def _claim(self) -> int:
        try:
            self._edge.mkdir(parents=True, exist_ok=True)
            until = self._clock() + CLAIM_S
            while (lock := claim(self._edge, SHIPPER_LOCK)) is None:
                if self._clock() > until or self._stop():
                    raise ConfigurationError(
                        f"Another edge ships the spools in {self._edge}.",
                        "give each edge its own TAILORBIRD_EDGE_ID or TAILORBIRD_DATA_DIR",
                    )
                self._wait(PAUSE_S)
        except OSError as error:
            raise ConfigurationError(
                f"The spool directory {self._edge} cannot be used: {error.strerror}.", "set TAILORBIRD_DATA_DIR"
            ) from error
        return lock

    def _turn(self) -> bool:
        """One look and, where it finds something, one round. False at the end."""
        ending = self._ending()
        began = self._clock()
        self._find(began)
        count: int | None = 0
        if found := self._gather():
            count = self._ship(found)
        elif self._tally.oldest:
            self._tell(self._tally._replace(oldest=0.0))
        elif ending:
            return False
        else:
            self._remove_left(began)
        if count is None:
            return False
        pace = count / self._rate - (self._clock() - began) if self._rate else 0.0
        # A few events are not worth a round each: those of the next milliseconds go with them.
        self._wait(max(pace, LOOK_S if count < FEW else 0.0))
        return True

    def _ending(self) -> bool:
        """Whether it is stopped; the first time begins the time that is left."""
        if self._until is None and self._stop():
            self._until = self._clock() + SHIP_S
        return self._until is not None

    def _over(self) -> bool:
        """Stopped, and the time that was left is over."""
        return self._ending() and self._until is not None and self._clock() > self._until

    def _find(self, now: float) -> None:
        if now < self._find_at:
            return
        self._find_at = now + FIND_S
        for directory in directories(self._edge):
            if directory in self._sources:
                continue
            try:
                generation = generation_of(directory)
                if generation is not None:
                    self._sources[directory] = Source(directory, self._edge_id, generation, self._clock)
            except OSError as error:
                log.warning("%s cannot be read: %s", directory, error)

    def _gather(self) -> dict[Path, list[Frame]]:
        """What of every spool is next."""
        found: dict[Path, list[Frame]] = {}
        for directory, source in list(self._sources.items()):
            try:
                if frames := source.next():
                    found[directory] = frames
            except GoneError:
                log.error("%s was deleted", directory)
                self._part(directory)
            except OSError as error:  # the disk, for a moment or for good: the others go on, and so does the trying
                log.warning("%s cannot be read: %s", directory, error)
        return found

    def _ship(self, found: dict[Path, list[Frame]]) -> int | None:
        """Until Kafka has every one of them: how many that were; None where the end came first."""
        parcels = [Parcel(self._sources[place].origin, frame) for place, frames in found.items() for frame in frames]
        self._tell(self._tally._replace(oldest=min(received(frames[0].payload) for frames in found.values()) / 1000))
        while not self._sender.send(parcels):
            if self._over():
                return None
            self._wait(PAUSE_S)
        for directory, frames in found.items():
            try:
                self._sources[directory].shipped(frames[-1].seq)
            except OSError as error:  # the events are there; at worst they go once more
                log.warning("%s cannot be kept: %s", directory, error)
        shipped, damaged = self._tally.shipped + len(parcels), sum(each.damaged for each in self._sources.values())
        self._tell(
            self._tally._replace(shipped=shipped, rejected=self._sender.rejected, damaged=self._parted + damaged)
        )
        return len(parcels)

    def _tell(self, tally: Tally) -> None:
        self._tally = tally
        self._note(tally)

    def _remove_left(self, now: float) -> None:
        if now < self._left_at:
            return
        self._left_at = now + REMOVE_S
        for directory, source in list(self._sources.items()):
            try:
                if source.left():
                    self._part(directory)
            except OSError as error:
                log.warning("%s cannot be removed: %s", directory, error)

    def _part(self, directory: Path) -> None:
        source = self._sources.pop(directory)
        self._parted += source.damaged
        self._close(source)

    def _close(self, source: Source) -> None:
        try:
            source.close()
        except OSError as error:
            log.warning("%s cannot be synced: %s", source.directory, error)
