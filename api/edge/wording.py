"""Wording: an answer and its event as bytes, put together from parts that are encoded once.

What is spliced needs no escaping: ids of every kind match `models.contracts.ids.ID_PATTERN`, verdicts and reasons are ours.
The test compares with what `models.contracts.wire.QueryAnswer` and `models.contracts.events.Query` encode to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import structs

from api.edge.live import Ready
from models.contracts.contents import Content, Image
from models.contracts.context import Context
from models.contracts.decisions import Decision, decision_id
from models.contracts.wire import ContentAnswer
from models.decisions.shelf import Going
from models.sessions import Judged

_encode = msgspec.json.Encoder().encode
_RECORDED: Final[Mapping[bool | None, bytes]] = {True: b"true", False: b"false", None: b"null"}


FOR_NOBODY: Final = '"customer":null,"route":null,"session":null'


class Written:
    """An answer but for what it says of recording."""

    __slots__ = ("_after", "_before")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._after = after

    def whole(self, recorded: bool | None) -> bytes:
        return b"%b%b%b" % (self._before, _RECORDED[recorded], self._after)


def written(ready: Ready, query: str, decisions: Sequence[Decision], whose: str, *, debug: bool) -> Written:
    """The answer to `query`; `whose` as `worded_for` has it, or FOR_NOBODY."""
    return _around(query, whose, b",".join([_shown(ready, query, decision, debug=debug) for decision in decisions]))


def written_again(ready: Ready, query: str, going: Sequence[Going], whose: str) -> Written:
    """The same for what a session goes on with."""
    if len(going) == 1:
        return _around(query, whose, _shown_again(ready, query, going[0]))
    return _around(query, whose, b",".join([_shown_again(ready, query, one) for one in going]))


def event_of(
    query: str,
    merchant: str,
    customer: str,
    session: Judged,
    at: int,
    received: int,
    client_at: int | None,
    context: Context,
    placements: Sequence[str],
    decisions: bytes,
) -> bytes:
    """The event of a query that is somebody's, as `models.contracts.events.Query` encodes; `decisions` encoded, with commas
    between them."""
    moment = str(received)
    sent = "" if client_at is None else f',"client_at":{client_at}'
    begins = (
        f'{{"type":"query","id":"{query}","merchant":"{merchant}","customer":"{customer}","session":"{session.id}",'
        f'"at":{moment if at == received else at},"received":{moment}{sent}'
    )
    asked = placements[0] if len(placements) == 1 else '","'.join(placements)
    said = "" if session.verdict == "kept" else f',"verdict":"{session.verdict}"'
    if session.reason is not None:
        said += f',"verdict_reason":"{session.reason}"'
    there = b',"context":%b' % _encode(context) if context else b""
    return b'%b%b,"placements":["%b"],"decisions":[%b]%b}' % (
        begins.encode(), there, asked.encode(), decisions, said.encode(),
    )  # fmt: skip


def _around(query: str, whose: str, contents: bytes) -> Written:
    return Written(f'{{"v":1,"id":"{query}",{whose},"recorded":'.encode(), b',"contents":{%b}}' % contents)


def worded_for(customer: str, route: int, session: Judged) -> str:
    """Whose answer it is."""
    reason = "null" if session.reason is None else f'"{session.reason}"'
    return (
        f'"customer":"{customer}","route":{route},'
        f'"session":{{"id":"{session.id}","verdict":"{session.verdict}","reason":{reason}}}'
    )


def _shown(ready: Ready, query: str, decision: Decision, *, debug: bool) -> bytes:
    """One placement of `contents`."""
    content, placement = decision.content, decision.placement
    found = None if content is None else ready.shelf.contents.get(content)
    if found is None:
        return f'"{placement}":null'.encode()
    name = decision_id(query, placement)
    if debug:
        return f'"{placement}":'.encode() + _encode(_explained(content_answer(found, name), decision))
    return b'%b%b"}' % (_prepared(ready, placement, found), name.encode())


def _shown_again(ready: Ready, query: str, going: Going) -> bytes:
    """As `_shown`."""
    if not going.answer and not is_worded(ready, going):
        return f'"{going.decision.placement}":null'.encode()
    return going.answer + (query + going.name).encode()


def is_worded(ready: Ready, going: Going) -> bool:
    """Puts into words what is shown again; False where that is nothing."""
    content, placement = going.decision.content, going.decision.placement
    found = None if content is None else ready.shelf.contents.get(content)
    if found is None:
        return False
    going.answer = _prepared(ready, placement, found)
    going.name = f'/{placement}"}}'
    return True


def _prepared(ready: Ready, placement: str, found: Content) -> bytes:
    """All of it but the name of the decision, which is its last field."""
    prepared = ready.wordings.get((placement, found.id))
    if prepared is None:
        prepared = b'"%b":%b' % (placement.encode(), _encode(content_answer(found, "")).removesuffix(b'"}'))
        ready.wordings[placement, found.id] = prepared
    return prepared


def content_answer(found: Content, name: str) -> ContentAnswer:
    """A content as answers have it; `name` is its decision's."""
    if isinstance(found, Image):
        return ContentAnswer(
            content=found.id, version=found.version, kind="image", src=found.src, sources=found.sources, alt=found.alt,
            width=found.width, height=found.height, href=found.href, decision=name,
        )  # fmt: skip
    return ContentAnswer(
        content=found.id, version=found.version, kind="script", src=found.src, integrity=found.integrity, decision=name
    )


def _explained(answer: ContentAnswer, decision: Decision) -> ContentAnswer:
    return structs.replace(
        answer,
        reason=decision.reason,
        segment=decision.segment,
        model_version=decision.model_version,
        table_version=decision.table_version,
        choice_version=decision.choice_version,
        propensity=decision.propensity,
        arm=decision.arm,
        fresh=decision.fresh,
    )
