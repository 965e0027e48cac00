"""What the page of a merchant shows, made of what the console knows. Pure: templates only lay it out."""

from __future__ import annotations

from dataclasses import dataclass

from api.console import drafts, wording
from api.console.desk import Desk
from api.console.segments import SegmentView, merged
from api.console.world import World
from models.contracts.contents import EVERYBODY, Association, Content, Image, Merchant, Placement

WIDEST = 96.0  # of a placement's outline, in the units of its drawing


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing that tells a segment apart. `begin` and `width` of its bar are of 100, the middle is everybody."""

    label: str
    words: str
    above: bool
    begin: float
    width: float


@dataclass(frozen=True, slots=True)
class Shown:
    """An association as a segment's card shows it."""

    id: str
    placement: str
    content: Content | None
    content_id: str
    strength: str
    conditions: tuple[str, ...]
    others: int
    live: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One segment with what is shown to it. `etag` None: it has no draft yet."""

    id: str
    kind: str
    name: str
    size: int | None
    share: float | None
    traits: tuple[Trait, ...]
    rule: str | None
    live: bool
    shown: tuple[Shown, ...]
    nameable: bool


@dataclass(frozen=True, slots=True)
class Outline:
    """A placement drawn to scale."""

    placement: Placement
    width: float
    height: float
    used: int


@dataclass(frozen=True, slots=True)
class Stock:
    """A content with how often it is associated."""

    content: Content
    picture: str | None
    used: int
    live: bool


@dataclass(frozen=True, slots=True)
class Version:
    """A publication that a rollback can bring back."""

    number: int
    at: str
    live: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One change that publish would make."""

    change: str
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class MerchantView:
    """The whole page."""

    merchant: Merchant
    everybody: Card
    segments: tuple[Card, ...]
    contents: tuple[Stock, ...]
    placements: tuple[Outline, ...]
    changes: tuple[Line, ...]
    hindrances: tuple[drafts.Hindrance, ...]
    etag: str
    live: Version | None
    versions: tuple[Version, ...]
    customers: int | None
    model_version: int | None
    trained: str | None


def merchant_view(world: World, desk: Desk, merchant: Merchant) -> MerchantView:
    """Everything about one merchant, as it stands now."""
    now = desk.drafts_of(merchant.id)
    published = world.publications.live(merchant.id)
    model = world.models.live(merchant.id)
    live_associations = {} if published is None else {one.id: one for one in published.associations}
    live_contents = set() if published is None else {(one.id, one.version) for one in published.contents}

    def shown(segment: str) -> tuple[Shown, ...]:
        return tuple(
            _shown(one, now, one == live_associations.get(one.id))
            for one in now.associations.values()
            if segment in one.segments
        )

    views = merged(model, now.segments, world.members, merchant.id)
    names = {EVERYBODY: "everybody"} | {view.id: view.name for view in views}
    return MerchantView(
        merchant=merchant,
        everybody=Card(EVERYBODY, "all", "Everybody", None, None, (), None, True, shown(EVERYBODY), nameable=False),
        segments=tuple(_card(view, shown(view.id)) for view in views),
        contents=tuple(
            Stock(
                content,
                content.src if isinstance(content, Image) else None,
                sum(one.content == content.id for one in now.associations.values()),
                (content.id, content.version) in live_contents,
            )
            for content in now.contents.values()
        ),
        placements=tuple(
            _outline(placement, sum(one.placement == placement.id for one in now.associations.values()))
            for placement in now.placements.values()
        ),
        changes=tuple(Line(one.change, one.kind, wording.change(one, names)) for one in desk.changes(merchant.id)),
        hindrances=tuple(drafts.hindrances(now)),
        etag=drafts.etag(now),
        live=None
        if published is None
        else Version(published.table_version, wording.moment(published.published_at, merchant.timezone), live=True),
        versions=_versions(world, merchant, None if published is None else published.table_version),
        customers=None if model is None else model.customers,
        model_version=None if model is None else model.version,
        trained=None if model is None else wording.moment(model.trained_at, merchant.timezone),
    )


def _card(view: SegmentView, shown: tuple[Shown, ...]) -> Card:
    traits = []
    for one in view.distinct:
        begin, width = wording.distinct_bar(one)
        words = f"{'far ' if abs(one.effect) >= 1 else ''}{'more' if one.effect >= 0 else 'less'} than everybody"
        traits.append(Trait(wording.field(one.field), words, one.effect >= 0, begin, width))
    return Card(
        id=view.id,
        kind=view.kind,
        name=view.name,
        size=view.size,
        share=view.share,
        traits=tuple(traits),
        rule=None if view.rule is None else wording.rule(view.rule),
        live=view.live,
        shown=shown,
        nameable=view.kind == "learned" and view.live,
    )


def _shown(association: Association, now: drafts.Drafts, live: bool) -> Shown:
    placement = now.placements.get(association.placement)
    return Shown(
        id=association.id,
        placement=association.placement if placement is None else placement.name,
        content=now.contents.get(association.content),
        content_id=association.content,
        strength=association.strength,
        conditions=tuple(wording.condition(one) for one in association.when),
        others=len(association.segments) - 1,
        live=live,
    )


def _outline(placement: Placement, used: int) -> Outline:
    width, height = placement.width or 3, placement.height or 2
    scale = min(WIDEST / width, WIDEST * 2 / 3 / height)
    return Outline(placement, round(width * scale, 1), round(height * scale, 1), used)


def _versions(world: World, merchant: Merchant, live: int | None) -> tuple[Version, ...]:
    every = (world.publications.get(merchant.id, n) for n in reversed(world.publications.versions(merchant.id)))
    return tuple(
        Version(one.table_version, wording.moment(one.published_at, merchant.timezone), live=one.table_version == live)
        for one in every
        if one is not None
    )
