"""An answer put together from prepared parts is what the wire's type encodes to."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.edge.live import Ready
from api.edge.wording import FOR_NOBODY, content_answer, event_of, worded_for, written, written_again
from models.contracts.contents import Image, Script, Source
from models.contracts.decisions import Decision, decision_id
from models.contracts.events import Query, encode_event
from models.contracts.ids import route_of
from models.contracts.wire import QueryAnswer, SessionAnswer
from models.decisions import Shelf
from models.decisions.shelf import Going
from models.segmentation.assign import Segmenter
from models.sessions import Judged
from tests.support.live_merchant import EVERYBODY, image, merchant_of, publication_of

QUOTED = Image(
    id="c_quoted", version=2, src='https://x/"a"\\b.png', alt='Say "hi"\u2028 ö \\ </script>', href="https://x/?a=1&b"
)
SCRIPT = Script(id="c_script", version=9, src="https://x/s.js", integrity="sha384-" + "A" * 64)
WIDE = Image(
    id="c_wide", version=1, src="https://x/w.png", sources=(Source("https://x/w2.png", 2400, "(min-width: 1px)"),)
)


def ready() -> Ready:
    contents: tuple[Any, ...] = (image("c_all"), QUOTED, SCRIPT, WIDE)
    publication = msgspec.structs.replace(publication_of("shop", (EVERYBODY,)), contents=contents)
    return Ready(merchant_of(), Shelf(merchant_of(), publication, {}), Segmenter(None, ()))


@pytest.mark.parametrize("recorded", [True, False, None])
@pytest.mark.parametrize("session", [Judged("s1", "kept", None, 0), Judged("s:2", "expired", "idle", 0), None])
def test_answers_are_what_their_type_encodes_to(recorded: bool | None, session: Judged | None) -> None:
    shop = ready()
    shown = {"hero": "c_all", "a.b": "c_quoted", "x": "c_script", "y": "c_wide", "z": None, "w": "c_withdrawn"}
    decisions = [Decision(placement=place, content=content, reason="prior") for place, content in shown.items()]
    customer = None if session is None else "c:1"
    for _ in range(2):  # the second time from what the first prepared
        whose = FOR_NOBODY if session is None else worded_for("c:1", route_of("shop", "c:1"), session)
        found = written(shop, "q_1", decisions, whose, debug=False).whole(recorded)
        contents = {
            place: None if content not in shop.shelf.contents else content_answer(shop.shelf.contents[content], decision_id("q_1", place))
            for place, content in shown.items()
        }  # fmt: skip
        going = [Going(decision) for decision in decisions]
        for _ in range(2):
            assert written_again(shop, "q_1", going, whose).whole(recorded) == found
        assert found == msgspec.json.encode(
            QueryAnswer(
                id="q_1",
                customer=customer,
                route=None if customer is None else route_of("shop", customer),
                session=None if session is None else SessionAnswer(session.id, session.verdict, session.reason),
                recorded=recorded,
                contents=contents,
            )
        )


IDS = st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True)
TIMES = st.integers(0, 4_398_046_511_103)
VALUES = st.text() | st.floats(allow_nan=False) | st.booleans() | st.integers(-(2**53), 2**53) | st.lists(st.text())
DECISION = Decision(
    placement="hero", content="c", version=2, reason="kept", defined=("s_a",), eligible=("c", "d"), u=0.25
)


@given(
    ids=st.tuples(IDS, IDS, IDS, IDS),
    judged=st.sampled_from([("kept", None), ("new", None), ("new", "campaign"), ("expired", "idle")]),
    times=st.tuples(TIMES, TIMES, st.none() | TIMES),
    same=st.booleans(),
    context=st.dictionaries(st.text(), VALUES, max_size=4),
    placements=st.lists(IDS, min_size=1, max_size=3),
)
def test_events_are_what_their_type_encodes_to(
    ids: tuple[str, str, str, str],
    judged: tuple[Any, str | None],
    times: tuple[int, int, int | None],
    same: bool,
    context: dict[str, Any],
    placements: list[str],
) -> None:
    query, merchant, customer, session = ids
    at, received, client_at = times
    at = received if same else at
    verdict, reason = judged
    decisions = (DECISION,) * len(placements)
    found = event_of(
        query, merchant, customer, Judged(session, verdict, reason, 0), at, received, client_at, context,
        tuple(placements), b",".join([Going(decision).event for decision in decisions]),
    )  # fmt: skip
    assert found == encode_event(
        Query(
            id=query, merchant=merchant, customer=customer, session=session, at=at, received=received,
            client_at=client_at, context=context, placements=tuple(placements), decisions=decisions, verdict=verdict,
            verdict_reason=reason, consent="granted",
        )
    )  # fmt: skip
