"""Drafts against what is live: what publish would change, what stands in its way, and the publication it would make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct, structs

from api.console.catalogue import Catalogue
from api.console.items import LEARNED
from api.console.kinds import ASSOCIATION, CONTENT, DRAFTED, PLACEMENT, SEGMENT, Kind, as_json
from models.contracts.contents import (
    EVERYBODY,
    Association,
    CatalogueItem,
    Content,
    DefinedSegment,
    Placement,
    Publication,
    Script,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Drafts:
    """A merchant's things as they stand in the console, by id."""

    placements: Mapping[str, Placement]
    contents: Mapping[str, Content]
    segments: Mapping[str, DefinedSegment]
    associations: Mapping[str, Association]

    def of(self, kind: Kind) -> Mapping[str, CatalogueItem]:
        """All things of one kind."""
        found: Mapping[str, CatalogueItem] = getattr(self, kind.plural)
        return found


class Change(Struct, frozen=True, kw_only=True):
    """One difference between the drafts and what is live."""

    kind: str
    id: str
    change: Literal["added", "changed", "removed"]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Hindrance(Struct, frozen=True):
    """Why the drafts cannot go live: what is wrong with which field of which thing."""

    kind: str
    id: str
    field: str
    detail: str


def drafts(catalogue: Catalogue, merchant: str) -> Drafts:
    """A merchant's drafts out of the catalogue."""
    found: dict[str, Any] = {
        kind.plural: {name: record.item for name, record in catalogue.items(merchant, kind).items()} for kind in DRAFTED
    }
    return Drafts(**found)


def changes(now: Drafts, live: Publication | None) -> list[Change]:
    """What publish would change, kind by kind."""
    return [
        Change(
            kind=kind.name,
            id=name,
            change="added" if before is None else "removed" if after is None else "changed",
            before=None if before is None else as_json(before),
            after=None if after is None else as_json(after),
        )
        for kind in DRAFTED
        for name, before, after in _pairs(_published(live, kind), now.of(kind))
        if before != after
    ]


def hindrances(now: Drafts) -> list[Hindrance]:
    """Everything that stands in the way of publishing."""
    return [*(h for a in now.associations.values() for h in misfits(a, now)), *_unapproved(now)]


def misfits(association: Association, now: Drafts) -> Iterator[Hindrance]:
    """What an association names and is not there, or cannot be shown there."""

    def wrong(field: str, detail: str) -> Hindrance:
        return Hindrance(ASSOCIATION.name, association.id, field, detail)

    placement = now.placements.get(association.placement)
    content = now.contents.get(association.content)
    if placement is None:
        yield wrong("placement", f"There is no placement {association.placement}.")
    if content is None:
        yield wrong("content", f"There is no content {association.content}.")
    if placement is not None and content is not None and kind_of(content) not in placement.kinds:
        yield wrong("content", f"The placement {placement.id} takes no {kind_of(content)}.")
    for segment in association.segments:
        # A learned segment may come and go with a model, and what hangs on it stays.
        if segment != EVERYBODY and not segment.startswith(LEARNED) and segment not in now.segments:
            yield wrong("segments", f"There is no segment {segment}.")


def users_of(kind: Kind, item: str, now: Drafts) -> list[str]:
    """The associations that name this thing: it cannot be deleted before them."""
    named: dict[str, Callable[[Association], Iterable[str]]] = {
        PLACEMENT.name: lambda a: (a.placement,),
        CONTENT.name: lambda a: (a.content,),
        SEGMENT.name: lambda a: () if item.startswith(LEARNED) else a.segments,
    }
    names = named.get(kind.name)
    return [] if names is None else [a.id for a in now.associations.values() if item in names(a)]


def assemble(merchant: str, now: Drafts, table_version: int, published_at: int) -> Publication:
    """Everything that would be live, in the order of ids."""
    return Publication(
        merchant=merchant,
        table_version=table_version,
        published_at=published_at,
        placements=_in_order(now.placements),
        contents=_in_order(now.contents),
        associations=_in_order(now.associations),
        segments=_in_order(now.segments),
    )


def with_revocations(publication: Publication, now: Drafts) -> Publication:
    """The publication without what has been revoked since: nothing brings that back, not even a rollback."""
    revoked = {c.id for c in now.contents.values() if c.revoked}
    contents = tuple(structs.replace(c, revoked=True) if c.id in revoked else c for c in publication.contents)
    return structs.replace(publication, contents=contents)


def etag(now: Drafts) -> str:
    """Entity tag of all drafts, so that what is published is what was looked at."""
    whole = msgspec.json.encode(assemble("", now, 0, 0))
    return f'"{hashlib.sha256(whole).hexdigest()[:24]}"'


def kind_of(content: Content) -> str:
    """`image` or `script`."""
    return "script" if isinstance(content, Script) else "image"


def _in_order(things: Mapping[str, T]) -> tuple[T, ...]:
    return tuple(things[name] for name in sorted(things))


def _published(live: Publication | None, kind: Kind) -> dict[str, CatalogueItem]:
    return {} if live is None else {item.id: item for item in getattr(live, kind.plural)}


def _pairs(
    before: Mapping[str, CatalogueItem], after: Mapping[str, CatalogueItem]
) -> Iterator[tuple[str, CatalogueItem | None, CatalogueItem | None]]:
    for name in sorted({*before, *after}):
        yield name, before.get(name), after.get(name)


def _unapproved(now: Drafts) -> Iterator[Hindrance]:
    used = {a.content for a in now.associations.values()}
    for content in now.contents.values():
        if isinstance(content, Script) and content.approved_by is None and not content.revoked and content.id in used:
            yield Hindrance(CONTENT.name, content.id, "approved_by", "The script waits for approval.")
