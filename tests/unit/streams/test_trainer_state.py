"""What the trainer reads of one merchant, and what it leaves out."""

import msgspec
import pytest

from models.contracts.tables import Outcome, OutcomeKey
from models.contracts.topics import OUTCOMES
from streams.trainer.state import outcomes_of


def _key(merchant: str, content: str) -> bytes:
    return msgspec.json.encode(OutcomeKey(merchant, "hero", "chosen", None, None, content, 490_000, 0))


@pytest.mark.parametrize("unreadable", [b"", b"{broken", b'{"value":null,"folded":3}', b'{"origins":{"\xff":1}}'])
def test_a_counter_that_nobody_can_read_is_left_out_and_said(
    unreadable: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    counters = {
        _key("m", "c_1"): unreadable,
        _key("m", "c_2"): msgspec.json.encode(Outcome(decisions=2, folded=3)),
        _key("other", "c_1"): msgspec.json.encode(Outcome(decisions=5, folded=4)),
    }
    ((key, outcome),) = outcomes_of({OUTCOMES.name: counters}, "m")
    assert (key.content, outcome.decisions) == ("c_2", 2)
    assert "an outcome counter of m cannot be read" in caplog.text
