"""What clients are told when a request does not fit."""

import msgspec
import pytest

from api.problems import invalid
from models.contracts.wire import QueryRequest


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"placements":["hero"]}', "merchant"),
        (b'{"merchant":"../x","placements":["hero"]}', "merchant"),
        (b'{"merchant":"shop","placements":"hero"}', "placements"),
        (b'{"merchant":"shop","placements":["hero", 5]}', "placements[1]"),
        (b'{"merchant":"shop","placements":[]}', "placements"),
        (b'{"merchant":"shop","placements":["hero"],"sent":"now"}', "sent"),
        (b'{"merchant":"shop","placements":["hero"],"consent":"maybe"}', "consent"),
    ],
)
def test_invalid_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.json.decode(body, type=QueryRequest)
    error = invalid(raised.value)
    assert (error.status, error.field) == (422, field)
    assert "$" not in error.detail.split("matching")[0]
