"""What the embedded broker would forget comes back with its next start, and its marks begin at zero with it."""

from pathlib import Path

import msgspec

from models.contracts.ids import customer_key
from models.contracts.profile import Counter, Profile, decode_profile, encode_profile
from models.contracts.settings import Settings
from models.contracts.tables import Outcome, OutcomeKey, decode_outcome
from models.contracts.topics import ASSIGNMENTS, CATALOGUE, EVENTS, OUTCOMES, PROFILES
from streams.admin import apply
from streams.brokers import Tansu
from streams.brokers.records import newest, read, send
from supervisor import keep

PROFILE = Profile(
    merchant="shop",
    customer="ann",
    first=1,
    last=2,
    counters={"queries": Counter(3.0, 1.0, 2.0, 3.0)},
    marks={"events": 41},
    sources={"c_9": 41},
    origins={"edge-1": 17},
)
OUTCOME_KEY = msgspec.json.encode(OutcomeKey("shop", "hero", "segment", "l_1", None, "c_1", 480_000, 3))


def test_compacted_topics_survive_a_new_start(tmp_path: Path) -> None:
    with Tansu(log=tmp_path / "tansu.log") as broker:
        settings = Settings(brokers=broker.address)
        apply(settings)
        key = customer_key("shop", "ann")
        send(PROFILES, settings, {key: encode_profile(PROFILE)})
        send(OUTCOMES, settings, {OUTCOME_KEY: msgspec.json.encode(Outcome(decisions=5, folded=41))})
        send(CATALOGUE, settings, {b"shop/content/c_1": b"old"})
        send(CATALOGUE, settings, {b"shop/content/c_1": b"new"})
        send(EVENTS, settings, {key: b"an event"})
        assert keep.dump(tmp_path / "kept", settings) == 3

        broker.kill()
        broker.start()
        apply(settings)
        assert keep.load(tmp_path / "kept", settings) == 3

        (profile,) = newest(PROFILES, settings)
        assert profile.key == key
        assert decode_profile(profile.value or b"") == msgspec.structs.replace(PROFILE, marks={}, sources={})
        (outcome,) = newest(OUTCOMES, settings)
        assert decode_outcome(outcome.value or b"") == Outcome(decisions=5, folded=-1)
        assert [record.value for record in newest(CATALOGUE, settings)] == [b"new"]
        assert not list(read(EVENTS, settings))
        assert not list(read(ASSIGNMENTS, settings))


def test_every_record_of_a_large_batch_is_read(tmp_path: Path) -> None:
    """Tansu names an end that lies before the last batch's own."""
    with Tansu(log=tmp_path / "tansu.log") as broker:
        settings = Settings(brokers=broker.address, partitions=1)
        apply(settings)
        records = {b"shop/c%d" % number: b"x" * 100 for number in range(20_000)}
        send(ASSIGNMENTS, settings, records)
        assert {record.key for record in newest(ASSIGNMENTS, settings)} == set(records)
