"""An answer put together from prepared parts is what the wire's type encodes to."""

from typing import Any

import msgspec
import pytest

from api.edge.live import Ready
from api.edge.wording import NOBODY, content_answer, worded_for, written
from models.contracts.contents import Image, Script, Source
from models.contracts.decisions import Decision, decision_id
from models.contracts.ids import route_of
from models.contracts.wire import QueryAnswer, SessionAnswer
from models.decisions import Shelf
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
        whose = NOBODY if session is None else worded_for("c:1", route_of("shop", "c:1"), session)
        found = written(shop, "q_1", decisions, whose, debug=False).whole(recorded)
        contents = {
            place: None if content not in shop.shelf.contents else content_answer(shop.shelf.contents[content], decision_id("q_1", place))
            for place, content in shown.items()
        }  # fmt: skip
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
