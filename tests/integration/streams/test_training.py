"""Profiles in, models and content tables out; the worker assigns by them, and assigns everybody anew when they change."""

import subprocess
from random import Random

import msgspec

from models.contracts.contents import Association, DefinedSegment, Image, Placement, Publication
from models.contracts.events import Event, Query
from models.contracts.segments import Rule, SegmentModel, decode_live_model, decode_model, live_model_key, model_key
from models.contracts.tables import content_table_key, decode_content_table
from models.contracts.topics import CONTENT_TABLES, SEGMENT_MODELS
from tests.support.process import TAILORBIRD, environment
from tests.support.streams import MERCHANT, START_MS, Room, metric
from tests.support.waiting import eventually

CUSTOMERS = 160
TASTES = ("trousers", "skirts", "sale", "blouses")
LIVE = live_model_key(MERCHANT)


def tastes(random: Random) -> list[Event]:
    """Each customer looks at one category, mostly."""
    made: list[Event] = []
    for number in range(CUSTOMERS * 6):
        own = TASTES[number % CUSTOMERS % 4]
        category = own if random.random() < 0.9 else random.choice(TASTES)
        made.append(
            Query(
                id=f"q{number}", merchant=MERCHANT, customer=f"c{number % CUSTOMERS}", session="s", placements=("hero",),
                at=START_MS + number, received=START_MS + number, context={"category": category},
            )
        )  # fmt: skip
    return made


def publication(version: int) -> Publication:
    rule = msgspec.convert({"field": "category.trousers.share", "op": ">=", "value": 0.5}, Rule)
    return Publication(
        merchant=MERCHANT,
        table_version=version,
        published_at=START_MS,
        placements=(Placement(id="hero", name="Hero"),),
        contents=(
            Image(id="c_1", version=1, src="https://shop.example/1.svg"),
            Image(id="c_2", version=1, src="https://shop.example/2.svg"),
        ),
        associations=(
            Association(id="a_1", placement="hero", content="c_1", strength="preferred"),
            Association(id="a_2", placement="hero", content="c_2"),
        ),
        segments=(DefinedSegment(id="s_trousers", name="Trousers", rule=rule),),
    )


def live_model(room: Room) -> SegmentModel | None:
    raw = room.read(SEGMENT_MODELS, lambda value: value)
    return decode_model(raw[model_key(MERCHANT, decode_live_model(raw[LIVE]).version)]) if LIVE in raw else None


def test_the_first_model_is_learned_and_everybody_is_assigned_by_it(kafka_room: Room, seeded: Random) -> None:
    with kafka_room.worker("a") as worker, kafka_room.trainer(train_min_customers=CUSTOMERS) as trainer:
        kafka_room.send(tastes(seeded))
        kafka_room.flush()
        model = eventually(lambda: live_model(kafka_room), 30, "a model is live")
        assert model is not None
        assert model.refused is None
        names = {segment.id for segment in model.segments}

        def everybody() -> bool:
            found = kafka_room.assignments()
            return len(found) == CUSTOMERS and all(each.membership.learned in names for each in found.values())

        eventually(everybody, 30, "everybody has a learned segment")
        assert metric(worker, "tailorbird_worker_assignments_total", cause="model") > 0

        kafka_room.publish(publication(1))
        table = eventually(
            lambda: kafka_room.read(CONTENT_TABLES, decode_content_table).get(content_table_key(MERCHANT, "hero")),
            30,
            "a content table is there",
        )
        assert table is not None
        assert table.table_version == 1
        assert table.rows["*"] == {"c_1": 0.75, "c_2": 0.25}
        in_trousers = eventually(
            lambda: {n for n, each in kafka_room.assignments().items() if "s_trousers" in each.membership.defined},
            30,
            "the published rule has assigned its customers",
        )

        def all_of_them() -> bool:
            profiles = kafka_room.profiles().values()
            wanted = {p.customer for p in profiles if p.families["category"].get("trousers")}
            found = {p.customer for p in profiles if "s_trousers" in p.membership.defined}
            return CUSTOMERS / 8 < len(found) <= len(wanted)

        assert in_trousers
        eventually(all_of_them, 30, "the profiles say so too")
        kafka_room.publish(publication(2))
        eventually(
            lambda: kafka_room.read(CONTENT_TABLES, decode_content_table)[
                content_table_key(MERCHANT, "hero")
            ].table_version == 2,
            30,
            "a new publication has its table",
        )  # fmt: skip
        assert trainer.stop() == 0
        assert worker.stop() == 0


def once(room: Room, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {
        "brokers": room.settings.brokers,
        "topic_prefix": room.settings.topic_prefix,
        "partitions": room.settings.partitions,
    }
    return subprocess.run(
        [*TAILORBIRD, "trainer", "--once", *arguments], env=environment(own), capture_output=True, text=True, timeout=90,
        check=False,
    )  # fmt: skip


def test_training_once_says_what_became_of_it(kafka_room: Room, seeded: Random) -> None:
    with kafka_room.worker("a"):
        kafka_room.send(tastes(seeded))
        kafka_room.flush()
        eventually(
            lambda: sum(p.counters["queries"].total for p in kafka_room.profiles().values()) == CUSTOMERS * 6,
            30,
            "folded",
        )
    ended = once(kafka_room)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[:2] == [MERCHANT, "1"]
    assert ended.stdout.strip().endswith("live")
    model = live_model(kafka_room)
    assert model is not None
    assert model.customers == CUSTOMERS


def test_training_once_for_nobody_is_said(kafka_room: Room) -> None:
    ended = once(kafka_room, "--merchant", "nobody")
    assert ended.returncode == 78
    assert "Merchant 'nobody' has no profiles." in ended.stderr
