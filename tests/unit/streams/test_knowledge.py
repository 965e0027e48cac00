"""What the worker knows does not depend on the order in which partitions bring it."""

import hashlib
import itertools

import msgspec

from models.contracts.contents import (
    CatalogueRecord,
    DefinedSegment,
    LivePublication,
    Merchant,
    Publication,
    catalogue_key,
    live_publication_key,
    publication_part_key,
)
from models.contracts.profile import Profile
from models.contracts.segments import (
    FeatureSchema,
    LearnedSegment,
    LiveModel,
    Rule,
    SegmentModel,
    live_model_key,
    model_key,
)
from models.contracts.topics import CATALOGUE, PUBLICATIONS, SEGMENT_MODELS
from models.features.decay import add
from streams.worker.knowledge import Knowledge

encode = msgspec.json.encode
RULE = msgspec.convert({"field": "queries", "op": ">=", "value": 1}, Rule)
PUBLICATION = encode(
    Publication(
        merchant="m", table_version=3, published_at=0, segments=(DefinedSegment(id="s_1", name="seen", rule=RULE),)
    )
)
MODEL = SegmentModel(
    merchant="m", version=2, features=FeatureSchema(version=1, names=("queries@14d",)), mean=(0.0,), scale=(1.0,),
    centres=((0.0,),), segments=(LearnedSegment(id="l_1", name="one", size=1, share=1.0),), trained_at=0, customers=1,
)  # fmt: skip
POINTER = LivePublication(merchant="m", version=3, parts=2, sha256=hashlib.sha256(PUBLICATION).hexdigest())
RECORDS = [
    (SEGMENT_MODELS.name, model_key("m", 2), encode(MODEL)),
    (SEGMENT_MODELS.name, live_model_key("m"), encode(LiveModel("m", 2))),
    (PUBLICATIONS.name, live_publication_key("m"), encode(POINTER)),
    (PUBLICATIONS.name, publication_part_key("m", 3, 0), PUBLICATION[:20]),
    (PUBLICATIONS.name, publication_part_key("m", 3, 1), PUBLICATION[20:]),
]


def visitor() -> Profile:
    profile = Profile(merchant="m", customer="c", first=0, last=0)
    add(profile.counters, "queries", 2.0, (1.0, 1.0, 1.0))
    return profile


def test_in_every_order_model_and_rules_hold_in_the_end() -> None:
    for order in itertools.permutations(RECORDS):
        changes: list[str] = []
        knowledge = Knowledge(changes.append)
        for record in order:
            knowledge.take(*record)
        segmenter = knowledge.segmenter("m")
        assert segmenter is not None
        membership = segmenter.membership(visitor(), 0)
        assert (membership.learned, membership.defined) == ("l_1", ("s_1",))
        assert set(changes) == {"m"}


def test_parts_that_are_not_what_the_pointer_says_are_not_used() -> None:
    knowledge = Knowledge(lambda _: None)
    for topic, key, value in RECORDS[2:]:
        knowledge.take(topic, key, value.replace(b"seen", b"sean"))
    assert knowledge.segmenter("m") is None


def test_a_record_that_cannot_be_read_changes_nothing() -> None:
    knowledge = Knowledge(lambda _: None)
    for record in RECORDS:
        knowledge.take(*record)
    before = knowledge.segmenter("m")
    for topic in (SEGMENT_MODELS, PUBLICATIONS, CATALOGUE):
        for key in (b"m/live", b"m/7", b"nonsense", b"\xff/live", b"m/merchant/m"):
            knowledge.take(topic.name, key, b"{broken")
    assert knowledge.segmenter("m") is before


def test_settings_of_a_console_that_lost_its_lease_are_ignored() -> None:
    knowledge = Knowledge(lambda _: None)
    for epoch, hours in ((2, 48), (1, 7)):
        item = Merchant(id="m", name="Shop", origins=(), attribution_hours=hours)
        record = CatalogueRecord(merchant="m", version=1, epoch=epoch, item=item)
        knowledge.take(CATALOGUE.name, catalogue_key("m", "merchant", "m"), encode(record))
    settings = knowledge.settings("m")
    assert settings is not None
    assert settings.attribution_hours == 48
