"""Sends the spool of an edge that does not run to Kafka, under its own origins: what is folded already changes nothing."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from api.edge.spool.files import GENERATION, read_text
from api.edge.spool.ledger import Ledger, read_ledger
from api.edge.spool.reader import SpoolReader
from api.edge.spool.repair import READ_ONLY, alone
from api.edge.spool.sender import PRODUCER, Parcel, Sender
from api.kafka import producer, unavailable
from models.contracts.errors import ConfigurationError
from models.contracts.settings import Settings

log = logging.getLogger(__name__)


class Replayed(Struct, frozen=True, kw_only=True):
    """What was sent: `sent` events from sequence `first` to `last`, `rejected` of them put aside."""

    directory: str
    origin: str
    first: int | None
    last: int | None
    sent: int
    rejected: int
    damaged: int


def replay(directory: Path, settings: Settings, start: int | None = None) -> Replayed:
    """From sequence `start`, or from the one after the last that the ledger names; the ledger advances with it.

    Raises:
        ConfigurationError: the edge runs, or the directory does not say whose it is.
        UnavailableError: Kafka did not confirm a round in time; what was confirmed is noted.
    """
    generation = read_text(directory / GENERATION)
    if generation is None:
        raise ConfigurationError(f"{directory} has no generation.", "copy the spool's directory with all of its files")
    with alone(directory):
        after = (read_ledger(directory) or 0) if start is None else start - 1
        return _replay(directory, settings, f"{settings.edge_id}.{generation}", after)


def _replay(directory: Path, settings: Settings, origin: str, after: int) -> Replayed:
    sender = Sender(
        settings.topic_prefix, lambda: producer(settings.brokers, "replay", **PRODUCER), gives_up=lambda: False
    )
    ledger = _ledger(directory)
    sent, first = 0, None
    try:
        with closing(SpoolReader(directory, after)) as reader, closing(sender):
            while frames := reader.read():
                first = first or frames[0].seq
                if not sender.send([Parcel(origin, frame) for frame in frames]) and not sender.send(
                    [Parcel(origin, frame) for frame in frames]
                ):
                    raise unavailable(settings.brokers)
                sent += len(frames)
                if ledger is not None and reader.seq > ledger.seq:
                    ledger.advance(reader.seq)
            return Replayed(
                directory=str(directory),
                origin=origin,
                first=first,
                last=reader.seq if sent else None,
                sent=sent,
                rejected=sender.rejected,
                damaged=reader.damaged,
            )
    finally:
        if ledger is not None:
            ledger.close()


def _ledger(directory: Path) -> Ledger | None:
    """None on a disk that was saved and is read-only: it stays as it is."""
    try:
        return Ledger(directory)
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        log.warning("%s is read-only: the ledger stays as it is", directory)
        return None
