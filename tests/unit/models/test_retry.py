"""A rejected record on its way back."""

import msgspec
import pytest

from models.contracts.errors import ConfigurationError
from models.contracts.events import Origin, encode_event
from models.contracts.rejected import Rejected
from models.contracts.retry import again
from models.contracts.topics import EVENTS, JOINS
from tests.unit.models.making import query

EVENT = encode_event(query(1, origin=Origin("edge-1", 4)))


def rejected(topic: str = "events", **more: object) -> Rejected:
    fields: dict[str, object] = {"key": b"m/c_1", "value": EVENT, **more}
    return msgspec.convert(
        {"topic": topic, "partition": 0, "offset": 1, "reason": "", "reader": "", "at": 0, **fields}, Rejected
    )


def test_an_event_goes_back_without_its_origin() -> None:
    topic, key, value = again(rejected())
    assert (topic, key) == (EVENTS, b"m/c_1")
    assert msgspec.json.decode(value) == {k: v for k, v in msgspec.json.decode(EVENT).items() if k != "origin"}


def test_what_kafka_never_took_gets_the_key_of_its_event() -> None:
    assert again(rejected("spool", key=None))[:2] == (EVENTS, b"m/c_1")


def test_a_mended_event_says_itself_whose_it_is() -> None:
    assert again(rejected(key=b"nonsense", value=b"{"), EVENT)[1] == b"m/c_1"
    assert again(rejected(key=b"nonsense"))[1] == b"nonsense"


def test_other_topics_get_their_bytes_as_they_were() -> None:
    assert again(rejected("joins", value=b"{}")) == (JOINS, b"m/c_1", b"{}")


@pytest.mark.parametrize(
    ("record", "mended"),
    [
        (rejected("assignments"), None),
        (rejected(value=None), None),
        (rejected(cut=9), None),
        (rejected(), b"{"),
        (rejected(key=None, value=b"{"), None),
        (rejected("joins", key=None), None),
    ],
)
def test_what_cannot_be_sent_is_said(record: Rejected, mended: bytes | None) -> None:
    with pytest.raises(ConfigurationError, match="Mend:"):
        again(record, mended)
