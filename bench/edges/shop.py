"""The shop that an edge is measured with: what stands on the topics, and what its visitors' browsers send."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

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
from models.contracts.decisions import Decision
from models.contracts.events import Origin, Query
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Profile, encode_assignment, encode_profile
from models.contracts.segments import (
    Condition,
    LearnedSegment,
    LiveModel,
    Rule,
    SegmentModel,
    live_model_key,
    model_key,
)
from models.contracts.tables import ContentTable, content_table_key
from models.contracts.topics import (
    ASSIGNMENTS,
    CATALOGUE,
    CONTENT_TABLES,
    PROFILES,
    PUBLICATIONS,
    SEGMENT_MODELS,
    Topic,
)
from models.features.fold import fold
from models.features.marks import mark
from models.features.vector import schema_for
from models.segmentation.assign import Segmenter, reassign

MERCHANT = "m-1042"
ORIGIN = "https://shop.example.com"
CATEGORIES = ("trousers", "skirts", "blouses", "sale", "shoes", "coats", "dresses", "bags")
CUSTOMERS = 100_000
SEGMENTS = 8
CONTENTS = 4
MINUTE_MS = 60_000
FLOW = "events"


class Record(NamedTuple):
    """One record of a topic."""

    topic: Topic
    key: bytes
    value: bytes


def merchant(**more: Any) -> Merchant:
    """With the holdouts that a shop has unless it says otherwise."""
    return Merchant(id=MERCHANT, name="Shop", origins=(ORIGIN, "https://www.shop.example.com"), **more)


def publication() -> Publication:
    """Four pictures in one placement: for everybody, on sale pages, and pinned for who looks at coats alone."""
    contents = tuple(
        Image(
            id=f"ct-{n:05d}",
            version=3,
            src=f"https://cdn.example.com/{MERCHANT}/hero/{hashlib.sha1(b'%d' % n).hexdigest()}.webp",  # noqa: S324 - a name
            alt="Running shoes for autumn, up to 30 percent off",
            width=1200,
            height=400,
            href="https://shop.example.com/c/running?utm=hero",
        )
        for n in range(CONTENTS)
    )
    sale = Condition("context.category", "in", ["sale", "shoes"])
    coats = Rule(field="category.coats.share", op=">=", value=0.6)
    return Publication(
        merchant=MERCHANT,
        table_version=7,
        published_at=1,
        placements=(Placement(id="hero", name="Hero", width=1200, height=400),),
        contents=contents,
        associations=(
            Association(id="a0", placement="hero", content="ct-00000", strength="preferred"),
            Association(id="a1", placement="hero", content="ct-00001"),
            Association(
                id="a2", placement="hero", content="ct-00002", segments=("l_1_1", "l_1_2"), strength="preferred"
            ),
            Association(id="a3", placement="hero", content="ct-00002", when=(sale,)),
            Association(id="a4", placement="hero", content="ct-00003", segments=("s_coats",), strength="pinned"),
        ),
        segments=(DefinedSegment(id="s_coats", name="Coats", rule=coats),),
    )


def model() -> SegmentModel:
    """Eight centres over eight categories."""
    draw = random.Random(1)
    schema = schema_for(CATEGORIES)
    width = len(schema.names)
    return SegmentModel(
        merchant=MERCHANT,
        version=1,
        features=schema,
        mean=(0.3,) * width,
        scale=(0.2,) * width,
        centres=tuple(tuple(draw.gauss(0, 1) for _ in range(width)) for _ in range(SEGMENTS)),
        segments=tuple(LearnedSegment(id=f"l_1_{n}", name=str(n), size=1, share=1 / SEGMENTS) for n in range(SEGMENTS)),
        trained_at=1,
        customers=CUSTOMERS,
    )


def table() -> ContentTable:
    """A row for each learned segment and for everybody."""
    draw = random.Random(2)
    rows = {}
    for name in ("*", *(f"l_1_{n}" for n in range(SEGMENTS))):
        weights = [draw.random() for _ in range(CONTENTS)]
        rows[name] = {f"ct-{n:05d}": weight / sum(weights) for n, weight in enumerate(weights)}
    return ContentTable(
        merchant=MERCHANT, placement="hero", choice_version=5, table_version=7, model_version=1, made_at=1, rows=rows,
        best="ct-00001", impressions=50_000,
    )  # fmt: skip


def customer(number: int) -> str:
    """An id as the snippet makes one: 22 characters."""
    return f"c-{number:020d}"


def live(freshness: str = "session") -> Iterator[Record]:
    """Everything of the shop but its customers. Where answers are to be live, nobody is held out."""
    encode = msgspec.json.encode
    held_out = Holdouts() if freshness == "session" else Holdouts(0, 0)
    item = merchant(freshness=freshness, holdouts=held_out)
    yield Record(
        CATALOGUE,
        catalogue_key(MERCHANT, "merchant", MERCHANT),
        encode(CatalogueRecord(merchant=MERCHANT, version=1, item=item)),
    )
    raw = encode(publication())
    yield Record(PUBLICATIONS, publication_part_key(MERCHANT, 7, 0), raw)
    pointer = LivePublication(merchant=MERCHANT, version=7, parts=1, sha256=hashlib.sha256(raw).hexdigest())
    yield Record(PUBLICATIONS, live_publication_key(MERCHANT), encode(pointer))
    yield Record(CONTENT_TABLES, content_table_key(MERCHANT, "hero"), encode(table()))
    yield Record(SEGMENT_MODELS, model_key(MERCHANT, 1), encode(model()))
    yield Record(SEGMENT_MODELS, live_model_key(MERCHANT), encode(LiveModel(MERCHANT, 1)))


def profiles(count: int, now: int, seed: int = 3) -> Iterator[Profile]:
    """`count` customers, each with 2 to 12 page views in one or two sessions of the last week, folded and assigned."""
    draw = random.Random(seed)
    segmenter = Segmenter(model(), publication().segments)
    for number in range(count):
        name = customer(number)
        taste = draw.sample(CATEGORIES, 3)
        at = now - draw.randrange(2 * MINUTE_MS, 7 * 24 * 60 * MINUTE_MS)
        profile: Profile | None = None
        views = draw.randrange(2, 13)
        for view in range(views):
            query = Query(
                id=f"q-{number}-{view}",
                merchant=MERCHANT,
                customer=name,
                session=f"s-{number}-{view > 6}",
                at=at + view * MINUTE_MS,
                received=at + view * MINUTE_MS,
                origin=Origin("edge-1.g", number * 16 + view),
                context={
                    "page": "/p",
                    "category": draw.choice(taste),
                    "product": f"p{draw.randrange(200)}",
                    "device": "mobile",
                },
                placements=("hero",),
                decisions=(Decision(placement="hero", content="ct-00001", reason="learned"),),
            )
            profile = fold(profile, query)
            mark(profile, query, FLOW, number * 16 + view)
            reassign(profile, segmenter, query.at)
        if profile is not None:
            yield profile


def known(profile: Profile) -> Iterator[Record]:
    """A customer's records: profile and assignment."""
    key = customer_key(MERCHANT, profile.customer)
    yield Record(PROFILES, key, encode_profile(profile))
    assignment = Assignment(
        merchant=MERCHANT,
        customer=profile.customer,
        membership=profile.membership,
        at=profile.last,
        received=profile.received,
    )
    yield Record(ASSIGNMENTS, key, encode_assignment(assignment))


HEADERS = (
    b"Host: edge.example.com\r\n"
    b"Content-Type: text/plain;charset=UTF-8\r\n"
    b"Accept: */*\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Accept-Language: en-GB,en;q=0.9,de;q=0.8,pl;q=0.7\r\n"
    b"Origin: https://shop.example.com\r\n"
    b"Referer: https://shop.example.com/\r\n"
    b"Sec-Fetch-Dest: empty\r\n"
    b"Sec-Fetch-Mode: cors\r\n"
    b"Sec-Fetch-Site: cross-site\r\n"
    b'Sec-Ch-Ua: "Chromium";v="142", "Not.A/Brand";v="24", "Google Chrome";v="142"\r\n'
    b"Sec-Ch-Ua-Mobile: ?0\r\n"
    b'Sec-Ch-Ua-Platform: "Windows"\r\n'
    b"User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
    b"Safari/537.36\r\n"
    b"X-Forwarded-For: %d.%d.%d.%d\r\n"
    b"X-Forwarded-Proto: https\r\n"
    b"Priority: u=1, i\r\n"
)
"""Seventeen of the eighteen headers that a browser behind a balancer sends; Content-Length is the last."""


def body(number: int, draw: random.Random, now: int, visit: str = "now") -> bytes:
    """What the snippet of a page sends, but for the query's id: the edge makes one, so each time it is a new query.
    `visit` tells a customer's sessions apart."""
    category = draw.choice(CATEGORIES)
    return msgspec.json.encode(
        {
            "v": 1,
            "merchant": MERCHANT,
            "customer": customer(number),
            "session": f"s-{visit}-{number}",
            "session_started": now - 3 * MINUTE_MS,
            "session_active": now - MINUTE_MS // 2,
            "sent": now,
            "placements": ["hero"],
            "context": {
                "page": f"/{category}/mens-trail-{number % 97}",
                "page_type": "product",
                "category": category,
                "product": f"p{draw.randrange(200)}",
                "campaign": "autumn",
                "referrer": ORIGIN,
                "language": "en-GB",
                "device": "mobile",
                "storage": "local",
            },
            "consent": "granted",
        }
    )


def request(line: bytes, sent: bytes, draw: random.Random, more: bytes = b"") -> bytes:
    """One whole request as it stands on the wire, with about 1 KB of headers."""
    headers = (
        HEADERS % (draw.randrange(1, 224), draw.randrange(256), draw.randrange(256), draw.randrange(1, 255)) + more
    )
    length = b"Content-Length: %d\r\n" % len(sent) if sent else b"Priority: u=1\r\n"
    return b"%b HTTP/1.1\r\n%b%b\r\n%b" % (line, headers, length, sent)
