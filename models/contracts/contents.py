"""What a merchant manages in the console: settings, placements, contents, associations, defined segments."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from models.contracts.ids import Id
from models.contracts.segments import Condition, Rule

Share = Annotated[float, Meta(ge=0, le=1)]
Kind = Literal["image", "script"]
Strength = Literal["pinned", "preferred", "allowed"]
EVERYBODY = "*"


class Holdouts(Struct, frozen=True):
    """Shares of customers for whom the system does not choose by segment."""

    uniform: Share = 0.05
    best: Share = 0.10


class SessionLimits(Struct, frozen=True):
    """When a saved session is no longer relevant to the present browsing."""

    idle_minutes: Annotated[int, Meta(ge=1, le=475)] = 30
    max_minutes: Annotated[int, Meta(ge=30, le=1440)] = 720


class Merchant(Struct, frozen=True, kw_only=True, tag_field="kind", tag="merchant"):
    """A shop and its settings: live when answered, not part of a publication."""

    id: Id = ""
    name: str
    origins: tuple[str, ...]
    freshness: Literal["session", "live"] = "session"
    consent_default: Literal["granted", "denied"] = "denied"
    honour_gpc: bool = True
    holdouts: Holdouts = field(default_factory=Holdouts)
    session: SessionLimits = field(default_factory=SessionLimits)
    objective: Literal["click", "conversion", "value"] = "click"
    attribution_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    timezone: str = "UTC"
    currency: str = "EUR"
    identify: Literal["signed", "open"] = "signed"
    script_approval: Literal["owner", "second_person"] = "owner"


class Placement(Struct, frozen=True, kw_only=True, tag_field="kind", tag="placement"):
    """A named place on a page that can show content. `kinds` is what it takes, width and height in CSS pixels."""

    id: Id = ""
    name: str
    kinds: tuple[Kind, ...] = ("image",)
    width: int | None = None
    height: int | None = None


class Source(Struct, frozen=True, omit_defaults=True):
    """One alternative file of an image, as HTML's source element has it."""

    src: str
    width: int | None = None
    media: str | None = None
    type: str | None = None


class Image(Struct, frozen=True, kw_only=True, tag_field="kind", tag="image"):
    """An image by address. `version` is the console's: a changed content is a new version."""

    id: Id = ""
    version: int = 0
    src: str
    sources: tuple[Source, ...] = ()
    alt: str = ""
    width: int | None = None
    height: int | None = None
    href: str | None = None
    revoked: bool = False


class Script(Struct, frozen=True, kw_only=True, tag_field="kind", tag="script"):
    """An executable by address; `integrity` (sha384-...) is required, so that only these bytes run."""

    id: Id = ""
    version: int = 0
    src: str
    integrity: Annotated[str, Meta(pattern=r"^sha384-[A-Za-z0-9+/]{64}\Z")]
    approved_by: str | None = None
    revoked: bool = False


Content = Image | Script


class Association(Struct, frozen=True, kw_only=True, tag_field="kind", tag="association", rename={"from_": "from"}):
    """This content may be (allowed, preferred) or is to be (pinned) shown to these segments in this placement."""

    id: Id = ""
    placement: Id
    content: Id
    segments: Annotated[tuple[str, ...], Meta(min_length=1)] = (EVERYBODY,)
    strength: Strength = "allowed"
    priority: int = 0
    always: bool = False
    from_: int | None = None
    until: int | None = None
    per_session_cap: Annotated[int, Meta(ge=1)] | None = None
    when: tuple[Condition, ...] = ()
    made_at: int = 0


class DefinedSegment(Struct, frozen=True, kw_only=True, tag_field="kind", tag="segment", omit_defaults=True):
    """A rule that makes a segment, or (rule None) only the merchant's name for a learned one."""

    id: Id = ""
    name: str
    rule: Rule | None = None


CatalogueItem = Merchant | Placement | Image | Script | Association | DefinedSegment


class CatalogueRecord(Struct, frozen=True, kw_only=True):
    """A draft on the `catalogue` topic, key merchant/kind/id. `version` rises by one a write (ETag); `epoch` is the
    writing console's lease: a record of a lower epoch than one already seen is ignored. `by`: id of the key that
    wrote it, so that where a second person has to approve, it is another one."""

    v: int = 1
    merchant: str
    version: int
    epoch: int = 0
    by: str | None = None
    item: CatalogueItem


class Publication(Struct, frozen=True, kw_only=True):
    """What a merchant has put live, as a whole."""

    v: int = 1
    merchant: str
    table_version: int
    published_at: int
    placements: tuple[Placement, ...] = ()
    contents: tuple[Content, ...] = ()
    associations: tuple[Association, ...] = ()
    segments: tuple[DefinedSegment, ...] = ()


class LivePublication(Struct, frozen=True, kw_only=True):
    """The pointer at ``merchant/live``: readers assemble the parts, compare the SHA-256 (hex) and swap whole."""

    merchant: str
    version: int
    parts: int
    sha256: str


PART_BYTES = 512 * 1024


def catalogue_key(merchant: str, kind: str, item: str) -> bytes:
    """``merchant/kind/id``."""
    return f"{merchant}/{kind}/{item}".encode()


def publication_part_key(merchant: str, version: int, part: int) -> bytes:
    """``merchant/version/part``: the value is the raw bytes of that part of the JSON of the Publication."""
    return f"{merchant}/{version}/{part}".encode()


def live_publication_key(merchant: str) -> bytes:
    """``merchant/live``."""
    return f"{merchant}/live".encode()


decode_catalogue = msgspec.json.Decoder(CatalogueRecord).decode
decode_publication = msgspec.json.Decoder(Publication).decode
decode_live_publication = msgspec.json.Decoder(LivePublication).decode
