"""An assignment of a model that this edge has never read: its customer is answered all the same, and it is counted."""

from collections.abc import Callable

import httpx
from msgspec import json

from api.replica import Record
from models.contracts.events import Query
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership, encode_assignment
from models.contracts.segments import model_key
from models.contracts.topics import ASSIGNMENTS, SEGMENT_MODELS
from tests.unit.api.conftest import NOW, Bench
from tests.unit.models.making import model

COUNTED = "tailorbird_unknown_models_total"


async def counted(client: httpx.AsyncClient) -> float:
    (line,) = [line for line in (await client.get("/metrics")).text.splitlines() if line.startswith(f"{COUNTED} ")]
    return float(line.split()[1])


def assign(bench: Bench, customer: str, version: int | None) -> None:
    membership = Membership("l_9_4", (), version)
    assignment = Assignment(merchant="shop", customer=customer, membership=membership, at=NOW)
    key = customer_key("shop", customer)
    bench.replication.assignment(Record(ASSIGNMENTS, 0, 0, key, encode_assignment(assignment), 0))


async def test_it_is_answered_recorded_and_counted(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    assign(bench, "before", 9)  # while all is read for the first time, models may come after what names them
    bench.replication.measuring = True
    async with bench.client() as client:
        assert await counted(client) == 0
        assign(bench, "c", 9)
        assert await counted(client) == 1
        body = {"merchant": "shop", "customer": "c", "session": "s", "placements": ["hero"], "consent": "granted"}
        answer = (await client.post("/v1/query", json=body)).json()
        assert (answer["recorded"], answer["contents"]["hero"]["content"]) == (True, "c_all")
        [event] = bench.spooled()
        assert isinstance(event, Query)
        assert (event.decisions[0].segment, event.decisions[0].model_version) == ("l_9_4", 9), "as it was assigned"
        record = Record(SEGMENT_MODELS, 0, 0, model_key("shop", 9), json.encode(model((1.0,), (0.0,))), 0)
        bench.replication.small(record)
        assign(bench, "c", 9)
        assign(bench, "d", None)  # in no learned segment
        assert await counted(client) == 1
