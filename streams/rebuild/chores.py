"""What `tailorbird profiles` does beside the stream, each a function that the command line calls."""

from __future__ import annotations

import time
from pathlib import Path

from msgspec import Struct, json, structs

from models.contracts.erasures import ErasureProof, Erasures
from models.contracts.settings import Settings
from models.contracts.topics import ERASURES
from streams.brokers.records import send_to
from streams.rebuild.digest import Digest
from streams.rebuild.erased import erasures
from streams.rebuild.keeping import is_due, locked, prune, scrub
from streams.rebuild.log import Log
from streams.rebuild.taking import Progress, newest, take

PLACE = "snapshots"


class Taken(Struct, frozen=True):
    """`file` None: none was due. `erased`: how many were found in older snapshots and are out of them; `removed`: snapshots
    too old to keep."""

    file: str | None = None
    profiles: int = 0
    bytes: int = 0
    digest: str = ""
    erased: int = 0
    removed: int = 0
    seconds: float = 0.0


def snapshot(settings: Settings, progress: Progress, *, only_due: bool = False) -> Taken:
    """Takes one more, drops the oldest, and lets erased customers go from those that stay. `only_due`: takes none where
    there is one since the hour of the settings."""
    began, folder, now = time.monotonic(), folder_of(settings), time.time_ns() // 1_000_000
    known = erasures(settings)
    taken = Taken()
    with locked(folder), Log(settings) as log:
        if not only_due or is_due(folder, settings.profile_snapshot_hour, now):
            file, about = take(log, known, folder, settings.partitions, now, progress)
            taken = Taken(file=str(file), profiles=about.rows, bytes=file.stat().st_size, digest=about.digest)
        removed = prune(folder, settings.profile_snapshots_kept)
        erased = _let_go(settings, folder, known)
    return structs.replace(taken, removed=len(removed), erased=erased, seconds=time.monotonic() - began)


def _let_go(settings: Settings, folder: Path, known: Erasures) -> int:
    """The word of this place is said once for each, and again where somebody was still found."""
    found = scrub(folder, known)
    new = [name for name in known.commands if name in found or PLACE not in known.proofs.get(name, {})]
    at = time.time_ns() // 1_000_000
    proofs = [
        (0, f"{name}/{PLACE}".encode(), json.encode(ErasureProof(at=at, place=PLACE, found=name in found)))
        for name in new
    ]
    if proofs:
        send_to(ERASURES, settings, proofs)
    return len(found)


def folder_of(settings: Settings) -> Path:
    """Where the snapshots lie."""
    return Path(settings.profile_snapshot_dir or Path(settings.data_dir) / "snapshots").absolute()


class Digested(Struct, frozen=True):
    """The digest of all profiles, and of each partition's."""

    profiles: int
    digest: str
    partitions: dict[int, str]
    seconds: float


def digest(settings: Settings, progress: Progress) -> Digested:
    """Of the profiles as the topic has them now."""
    began, whole, each = time.monotonic(), Digest(), dict[int, str]()
    with Log(settings) as log:
        for partition in range(settings.partitions):
            part = Digest()
            for key, value in newest(log, partition)[0].items():
                whole.add(key, value)
                part.add(key, value)
            each[partition] = part.hex
            progress(partition + 1, settings.partitions)
    return Digested(whole.rows, whole.hex, each, time.monotonic() - began)
