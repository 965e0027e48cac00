"""A merchant's records as the console and the trainer write them, for tests of who reads them."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from models.contracts.access import AccessKey, access_key_key, key_digest
from models.contracts.contents import (
    Association,
    CatalogueRecord,
    DefinedSegment,
    Holdouts,
    Image,
    LivePublication,
    Merchant,
    Placement,
    Publication,
    catalogue_key,
    live_publication_key,
    publication_part_key,
)
from models.contracts.segments import Rule
from models.contracts.topics import ACCESS, CATALOGUE, PUBLICATIONS, Topic

SERVER_KEY = "k1.secret-of-a-test"
ORIGIN = "https://shop.example"
TROUSERS = DefinedSegment(
    id="s_trousers", name="Trousers", rule=Rule(field="category.trousers.share", op=">=", value=0.5)
)
EVERYBODY = Association(id="a_all", placement="hero", content="c_all")
FOR_TROUSERS = Association(
    id="a_trousers", placement="hero", content="c_trousers", segments=("s_trousers",), strength="pinned"
)


def merchant_of(name: str = "shop", **more: Any) -> Merchant:
    """Without holdouts and with leave, so that a test decides what happens."""
    usual: dict[str, Any] = {"consent_default": "granted", "holdouts": Holdouts(0, 0)}
    return Merchant(id=name, name=name, origins=(ORIGIN,), **{**usual, **more})


def image(name: str, version: int = 1) -> Image:
    return Image(id=name, version=version, src=f"https://cdn.example/{name}.png", alt=name, width=1200, height=400)


def publication_of(
    name: str, associations: Sequence[Association] = (EVERYBODY, FOR_TROUSERS), version: int = 1
) -> Publication:
    return Publication(
        merchant=name,
        table_version=version,
        published_at=0,
        placements=(Placement(id="hero", name="Hero"), Placement(id="side", name="Side")),
        contents=tuple(image(content) for content in dict.fromkeys(a.content for a in associations)),
        associations=tuple(associations),
        segments=(TROUSERS,),
    )


def records(merchant: Merchant, publication: Publication | None) -> Iterator[tuple[Topic, bytes, bytes]]:
    """(topic, key, value) of a merchant, what it has live, and its server key SERVER_KEY."""
    name, encode = merchant.id, msgspec.json.encode
    record = CatalogueRecord(merchant=name, version=1, item=merchant)
    yield CATALOGUE, catalogue_key(name, "merchant", name), encode(record)
    if publication is not None:
        raw, version = encode(publication), publication.table_version
        half = len(raw) // 2
        live = LivePublication(merchant=name, version=version, parts=2, sha256=hashlib.sha256(raw).hexdigest())
        yield PUBLICATIONS, live_publication_key(name), encode(live)  # before its parts: the order is nobody's
        yield PUBLICATIONS, publication_part_key(name, version, 1), raw[half:]
        yield PUBLICATIONS, publication_part_key(name, version, 0), raw[:half]
    key_id = SERVER_KEY.partition(".")[0]
    key = AccessKey(id=key_id, sha256=key_digest(SERVER_KEY), role="server", merchant=name, made_at=0)
    yield ACCESS, access_key_key(key_id), encode(key)
