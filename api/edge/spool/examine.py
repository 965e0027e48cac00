"""What lies in a spool, told without changing it, also while its edge runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from api.edge.spool.files import GENERATION, read_text, segments
from api.edge.spool.frames import HEAD, MAX_PAYLOAD, Frame, scan
from api.edge.spool.ledger import read_ledger


class Segment(Struct, frozen=True, kw_only=True):
    """One file. `damaged` bytes are frames that cannot be read; `torn` ones the beginning of one, promised to nobody."""

    file: str
    first: int
    last: int
    events: int
    bytes: int
    damaged: int
    torn: int


class Spool(Struct, frozen=True, kw_only=True):
    """One worker's directory. `pending`: events that Kafka does not have, going by the ledger."""

    directory: str
    generation: str | None
    shipped: int
    pending: int
    damaged: int
    torn: int
    segments: tuple[Segment, ...]


class Found(NamedTuple):
    """The bytes of a segment, sorted: whole frames, damaged stretches as (start, end), and where a torn tail begins."""

    frames: list[Frame]
    damaged: list[tuple[int, int]]
    torn: int


def sort_out(data: bytes, first: int) -> Found:
    """`first`: the sequence that the segment's name tells."""
    frames = list(scan(data, first))
    damaged: list[tuple[int, int]] = []
    end = 0
    for frame in frames:
        if frame.start > end:
            damaged.append((end, frame.start))
        end = frame.end
    if end < len(data) and not _torn(data, end):
        damaged.append((end, len(data)))
        end = len(data)
    return Found(frames, damaged, end)


def _torn(data: bytes, start: int) -> bool:
    """Whether what is left is the beginning of one frame: shorter than its own length says."""
    if start + HEAD.size > len(data):
        return True
    length: int = HEAD.unpack_from(data, start)[0]
    return length <= MAX_PAYLOAD and start + HEAD.size + length > len(data)


def spools(directory: Path) -> list[Path]:
    """`directory` where it is one worker's spool, else the spools of every worker in it."""
    if segments(directory) or (directory / GENERATION).exists():
        return [directory]
    return sorted(path.parent for path in directory.glob(f"*/{GENERATION}"))


def examine(directory: Path) -> Spool:
    """One worker's spool."""
    shipped = read_ledger(directory) or 0
    found = list(_segments(directory, shipped))
    return Spool(
        directory=str(directory),
        generation=read_text(directory / GENERATION),
        shipped=shipped,
        pending=sum(pending for _, pending in found),
        damaged=sum(segment.damaged for segment, _ in found),
        torn=sum(segment.torn for segment, _ in found),
        segments=tuple(segment for segment, _ in found),
    )


def _segments(directory: Path, shipped: int) -> Iterator[tuple[Segment, int]]:
    for first, path in segments(directory):
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # shipped and removed just now
            continue
        frames, damaged, torn = sort_out(data, first)
        segment = Segment(
            file=path.name,
            first=first,
            last=frames[-1].seq if frames else first - 1,
            events=len(frames),
            bytes=len(data),
            damaged=sum(end - start for start, end in damaged),
            torn=len(data) - torn,
        )
        yield segment, sum(frame.seq > shipped for frame in frames)
