"""Wording: an answer as bytes, put together from parts that are encoded once.

What is spliced needs no escaping: ids of every kind match `models.contracts.ids.ID_PATTERN`, verdicts and reasons are ours.
The test compares with what `models.contracts.wire.QueryAnswer` encodes to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import structs

from api.edge.live import Ready
from models.contracts.contents import Content, Image
from models.contracts.decisions import Decision, decision_id
from models.contracts.wire import ContentAnswer
from models.sessions import Judged

_encode = msgspec.json.Encoder().encode
_RECORDED: Final[Mapping[bool | None, bytes]] = {True: b"true", False: b"false", None: b"null"}


NOBODY: Final = '"customer":null,"route":null,"session":null'


class Written:
    """An answer but for what it says of recording."""

    __slots__ = ("_after", "_before")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._after = after

    def whole(self, recorded: bool | None) -> bytes:
        return b"%b%b%b" % (self._before, _RECORDED[recorded], self._after)


def written(ready: Ready, query: str, decisions: Sequence[Decision], whose: str, *, debug: bool) -> Written:
    """The answer to `query`; `whose` as `worded_for` has it, or NOBODY."""
    if len(decisions) == 1:
        contents = _shown(ready, query, decisions[0], debug=debug)
    else:
        contents = b",".join([_shown(ready, query, decision, debug=debug) for decision in decisions])
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
    prepared = ready.wordings.get((placement, found.id))
    if prepared is None:  # all of it but the name of the decision, which is its last field
        prepared = b'"%b":%b' % (placement.encode(), _encode(content_answer(found, "")).removesuffix(b'"}'))
        ready.wordings[placement, found.id] = prepared
    return b'%b%b"}' % (prepared, name.encode())


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
