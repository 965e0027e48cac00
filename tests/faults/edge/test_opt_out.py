"""An opt-out is honoured before anything is stored: not one identifier of theirs in any file, log or metric."""

import asyncio
import json
import random
from typing import Any

from tests.support.files import holding
from tests.support.hostile import post
from tests.support.rawhttp import Raw
from tests.support.wire_edge import WireEdge

REQUESTS = 10_000
CONNECTIONS = 8
MARK = "sEcReT"


def _who(number: int) -> dict[str, Any]:
    """Identifiers wherever one may stand."""
    return {
        "customer": f"{MARK}-c{number}", "session": f"{MARK}-s{number}", "id": f"{MARK}-q{number}",
        "context": {"page": f"/p?email={MARK}{number}#{MARK}", "referrer": f"https://search.example/{MARK}?q={MARK}"},
    }  # fmt: skip


def _events(number: int) -> list[dict[str, Any]]:
    name = f"{MARK}-{number}"
    return [
        {"type": "identify", "id": name, "properties": {"known_id": name, "proof": name}},
        {"type": "conversion", "id": name, "properties": {"transaction_id": name, "value": 1, "items": [{"item_id": name}]}},
        {"type": "click", "id": name, "placement": "hero", "content": name, "decision": f"{name}/hero"},
        {"type": "custom", "id": name, "name": name, "properties": {name: name}},
    ]  # fmt: skip


def _request(number: int, draw: random.Random) -> bytes:
    body: dict[str, Any] = {"merchant": "shop", "placements": ["hero"], "consent": "granted", **_who(number)}
    headers: list[bytes] = [b"Cookie: who=" + MARK.encode(), b"X-Forwarded-For: 203.0.113.%d" % (number % 250)]
    match draw.randrange(4):
        case 0:
            headers.append(b"Sec-GPC: 1")
        case 1:
            body["consent"] = "denied"
        case 2:
            body |= {"merchant": "strict", "consent": draw.choice(("unknown", "denied"))}
        case 3:
            body["bot"] = True
    if draw.random() < 0.3:
        body["events"] = _events(number)
        return post(json.dumps(body).encode(), *headers, path=b"/v1/events")
    return post(json.dumps(body).encode(), *headers)


async def test_nothing_of_who_opted_out_is_kept_anywhere(edge: WireEdge) -> None:
    seed = 20_261_127
    print(f"seed {seed}")
    numbers = iter(range(REQUESTS))
    answered = 0

    async def one(draw: random.Random) -> None:
        nonlocal answered
        wire = await Raw.open(edge.port)
        for number in numbers:
            wire.send(_request(number, draw))
            answer = await wire.answer(within=5)
            assert answer is not None
            assert answer.status in (200, 202), answer
            assert json.loads(answer.body)["recorded"] is None
            assert MARK.encode() not in answer.body
            answered += 1
        wire.close()

    await asyncio.gather(*(one(random.Random(seed + number)) for number in range(CONNECTIONS)))
    assert answered == REQUESTS
    assert MARK not in edge.http.get("/metrics").text
    assert holding([MARK.encode()], edge.folder) == []
    assert holding([b"203.0.113."], edge.folder) == []
    # The same with leave is found, so the search would have found the others.
    kept = edge.http.post(
        "/v1/query", json={"merchant": "shop", "placements": ["hero"], "consent": "granted", **_who(1)}
    )
    assert kept.json()["recorded"] is True
    assert holding([MARK.encode()], edge.folder) != []
