"""A model of somebody else's making is looked at before anybody is assigned by it."""

from typing import Any

import pytest
from msgspec.structs import replace

from models.contracts.segments import FeatureSchema, LearnedSegment, SegmentModel, misshapen

RIGHT = SegmentModel(
    merchant="m",
    version=1,
    features=FeatureSchema(version=1, names=("a", "b")),
    mean=(0.0, 0.0),
    scale=(1.0, 1.0),
    centres=((0.0, 1.0), (1.0, 0.0)),
    segments=tuple(LearnedSegment(id=name, name=name, size=5, share=0.5) for name in ("l_1", "l_2")),
    trained_at=0,
    customers=10,
)


def test_a_right_one_passes() -> None:
    assert misshapen(RIGHT) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mean": (0.0,)}, "must have 2 numbers"),
        ({"scale": (1.0, 1.0, 1.0)}, "must have 2 numbers"),
        ({"centres": ((0.0, 1.0), (1.0,))}, "must have 2 numbers"),
        ({"segments": RIGHT.segments[:1]}, "one centre"),
        ({"centres": (), "segments": ()}, "one centre"),
        ({"segments": (RIGHT.segments[0], RIGHT.segments[0])}, "an id of its own"),
        ({"scale": (1.0, 0.0)}, "above 0"),
    ],
)
def test_a_wrong_one_is_described(change: dict[str, Any], said: str) -> None:
    assert said in (misshapen(replace(RIGHT, **change)) or "")
