"""When a merchant is trained."""

from msgspec.structs import replace

from models.contracts.segments import FeatureSchema, SegmentModel
from streams.trainer.due import AGAIN_S, QUIET, TABLES_S, Done, tables, training

LIVE = SegmentModel(
    merchant="m", version=1, features=FeatureSchema(version=1, names=()), mean=(), scale=(), centres=(), segments=(),
    trained_at=0, customers=300,
)  # fmt: skip
DONE = Done(trained_at=0.0, trained_with=300)


def test_the_first_model_comes_with_the_least_customers() -> None:
    assert not training(Done(), None, 199, 200, 300.0, 0.0)
    assert training(Done(), None, 200, 200, 300.0, 0.0)


def test_a_refused_first_one_is_tried_again_with_more_customers_and_not_at_once() -> None:
    assert not training(DONE, None, 400, 200, 300.0, AGAIN_S - 1)
    assert not training(DONE, None, 300, 200, 300.0, AGAIN_S + 1)
    assert training(DONE, None, 301, 200, 300.0, AGAIN_S + 1)


def test_a_young_model_is_trained_again_when_its_customers_have_doubled() -> None:
    assert not training(DONE, LIVE, 599, 200, 300.0, 20.0)
    assert training(DONE, LIVE, 600, 200, 300.0, 20.0)
    assert not training(DONE, replace(LIVE, customers=5_000), 20_000, 200, 300.0, 20.0)


def test_every_so_often() -> None:
    assert not training(DONE, LIVE, 300, 200, 300.0, 299.0)
    assert training(DONE, LIVE, 300, 200, 300.0, 300.0)


def test_tables_follow_a_publication_or_a_model_at_once_and_else_the_minute() -> None:
    done = Done(tables_at=0.0, tables_of=(1, 1))
    assert tables(Done(), (1, None), 300.0, 0.0)
    assert tables(done, (2, 1), 300.0, 1.0)
    assert tables(done, (1, 2), 300.0, 1.0)
    assert not tables(done, (1, 1), 300.0, 59.0)
    assert tables(done, (1, 1), 300.0, 60.0)


def test_a_shop_in_which_nobody_moved_keeps_its_model() -> None:
    assert training(DONE, LIVE, 300, 200, 300.0, 300.0)
    assert not training(DONE, LIVE, 300, 200, 300.0, 300.0, moved=False)


def test_content_tables_without_new_evidence_are_made_seldom() -> None:
    made = Done(tables_at=0.0, tables_of=(1, 1))
    assert tables(made, (1, 1), 300.0, TABLES_S)
    assert not tables(made, (1, 1), 300.0, (QUIET - 1) * TABLES_S, heard=False)
    assert tables(made, (1, 1), 300.0, QUIET * TABLES_S, heard=False)
    assert tables(made, (2, 1), 300.0, 1.0, heard=False)
