"""What an owner does with a merchant's things: check, write, answer. One change at a time, so none slips in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from msgspec import structs

from api.console import catalogue, drafts, items, preconditions, publications
from api.console.keys import Holder
from api.console.kinds import CONTENT, MERCHANT, SEGMENT, Kind
from api.console.refusals import conflict, refusal, unknown, unsuitable
from api.console.store import Store
from api.console.world import World
from models.contracts.contents import (
    Association,
    CatalogueItem,
    CatalogueRecord,
    Content,
    Publication,
    Script,
    catalogue_key,
)
from models.contracts.ids import is_id
from models.contracts.topics import CATALOGUE, PUBLICATIONS


class Desk:
    """`clock` answers Unix milliseconds."""

    def __init__(self, world: World, store: Store, clock: Callable[[], int]) -> None:
        self._world = world
        self._store = store
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def put(
        self,
        holder: Holder,
        merchant: str,
        kind: Kind,
        item: str,
        body: bytes,
        if_match: str | None,
        if_none_match: str | None = None,
    ) -> tuple[CatalogueRecord, bool]:
        """Writes one thing from JSON; answers its record, and whether it is new."""
        if not is_id(item):
            raise unsuitable("id", "An id has 1 to 64 letters, digits or _ . : -")
        async with self._one_at_a_time:
            current = self._world.catalogue.get(merchant, kind, item)
            given = items.read(
                kind,
                body,
                item,
                None if current is None else current.item,
                self._highest_published(merchant, item) if kind is CONTENT else 0,
                self._clock(),
            )
            self._fits_the_rest(merchant, kind, item, given)
            preconditions.check(None if current is None else catalogue.etag(current), if_match, if_none_match)
            return await self._write(holder, merchant, kind, given), current is None

    async def delete(self, merchant: str, kind: Kind, item: str, if_match: str | None) -> None:
        """Deletes one draft; what is live stays until it is published."""
        async with self._one_at_a_time:
            current = self.existing(merchant, kind, item)
            preconditions.check(catalogue.etag(current), if_match)
            if users := drafts.users_of(kind, item, self.drafts_of(merchant)):
                raise conflict(f"The association {users[0]} uses it: delete that one first.")
            if isinstance(current.item, Content) and current.item.revoked and self._highest_published(merchant, item):
                raise conflict("It is revoked, and an earlier publication has it: deleted, a rollback would show it.")
            await self._store.write(CATALOGUE, [(catalogue_key(merchant, kind.name, item), None)])

    async def approve(self, holder: Holder, merchant: str, content: str, if_match: str | None) -> CatalogueRecord:
        """Lets a script run once it is published."""
        async with self._one_at_a_time:
            record = self.existing(merchant, CONTENT, content)
            if if_match is not None:
                preconditions.check(catalogue.etag(record), if_match)
            script = record.item
            if not isinstance(script, Script):
                raise conflict("Only scripts are approved: an image cannot run.")
            if script.revoked:
                raise conflict("It is revoked.")
            settings = self._world.catalogue.merchant(merchant)
            if settings is not None and settings.script_approval == "second_person" and record.by == holder.key:
                raise refusal(403, "Another owner than the one who wrote this script has to approve it.")
            return await self._write(holder, merchant, CONTENT, structs.replace(script, approved_by=holder.key))

    async def revoke(self, holder: Holder, merchant: str, content: str) -> CatalogueRecord:
        """Takes a content away at once, everywhere: from the drafts and from what is live."""
        async with self._one_at_a_time:
            record = self.existing(merchant, CONTENT, content)
            if isinstance(record.item, Content) and not record.item.revoked:
                gone = structs.replace(record.item, revoked=True)
                record = await self._write(holder, merchant, CONTENT, gone)
            live = self._world.publications.live(merchant)
            if live is not None and any(c.id == content and not c.revoked for c in live.contents):
                await self._go_live(merchant, live)
            return record

    async def publish(self, merchant: str, if_match: str | None = None) -> int:
        """All drafts live at once; answers the table version. Without a change the present one."""
        async with self._one_at_a_time:
            now = self.drafts_of(merchant)
            if if_match is not None:
                preconditions.check(drafts.etag(now), if_match)
            if found := drafts.hindrances(now):
                raise conflict(f"{found[0].kind} {found[0].id}: {found[0].detail}")
            live = self._world.publications.live(merchant)
            if live is not None and not self.changes(merchant):
                return live.table_version
            return await self._go_live(merchant, drafts.assemble(merchant, now, 0, 0))

    async def rollback(self, merchant: str, version: int) -> int:
        """An earlier publication live again, as a new version: versions only rise, so no reader mistakes it for old."""
        async with self._one_at_a_time:
            earlier = self._world.publications.get(merchant, version)
            if earlier is None:
                raise unknown(f"publication {version}")
            return await self._go_live(merchant, earlier)

    def drafts_of(self, merchant: str) -> drafts.Drafts:
        """A merchant's things as they stand now."""
        return drafts.drafts(self._world.catalogue, merchant)

    def changes(self, merchant: str) -> list[drafts.Change]:
        """What publish would change."""
        return drafts.changes(self.drafts_of(merchant), self._world.publications.live(merchant))

    def existing(self, merchant: str, kind: Kind, item: str) -> CatalogueRecord:
        """The record of a thing; raises RequestError (404) where there is none."""
        record = self._world.catalogue.get(merchant, kind, item)
        if record is None:
            raise unknown(kind.name)
        return record

    async def _write(self, holder: Holder, merchant: str, kind: Kind, item: CatalogueItem) -> CatalogueRecord:
        record = self._world.catalogue.next_record(merchant, kind, item, holder.key)
        await self._store.write(CATALOGUE, [(catalogue.key_of(record, kind), msgspec.json.encode(record))])
        return record

    async def _go_live(self, merchant: str, what: Publication) -> int:
        version = self._world.publications.next_version(merchant)
        publication = drafts.with_revocations(
            structs.replace(what, table_version=version, published_at=self._clock()), self.drafts_of(merchant)
        )
        parts, pointer = publications.split(publication)
        await self._store.write(PUBLICATIONS, parts)
        await self._store.write(PUBLICATIONS, [pointer])
        await self._store.write(PUBLICATIONS, self._world.publications.outdated(merchant))
        return version

    def _highest_published(self, merchant: str, content: str) -> int:
        kept = self._world.publications
        every = (kept.get(merchant, version) for version in kept.versions(merchant))
        return max((c.version for p in every if p is not None for c in p.contents if c.id == content), default=0)

    def _fits_the_rest(self, merchant: str, kind: Kind, item: str, given: CatalogueItem) -> None:
        if kind is MERCHANT:
            return
        if isinstance(given, Association):
            for wrong in drafts.misfits(given, self.drafts_of(merchant)):
                raise unsuitable(wrong.field, wrong.detail)
        if kind is SEGMENT and item.startswith(items.LEARNED):
            self._names_a_learned_one(merchant, item, given)

    def _names_a_learned_one(self, merchant: str, item: str, given: CatalogueItem) -> None:
        if getattr(given, "rule", None) is not None:
            raise conflict("A learned segment has no rule of its own: it can only be named.", "rule")
        model = self._world.models.live(merchant)
        known = model is not None and any(segment.id == item for segment in model.segments)
        if not known and self._world.catalogue.get(merchant, SEGMENT, item) is None:
            raise unknown("learned segment")
