"""Requests generated from /openapi.json: the edge answers as its own document says, whatever is asked."""

from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.edge.app import make_app
from tests.unit.api.conftest import Bench

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 20


def test_every_answer_is_one_that_is_described(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(merchant_rate=0, overlay_customers=100)
    schema = schemathesis.openapi.from_asgi("/openapi.json", make_app(bench.edge))
    statuses: set[int] = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @given(operation.as_strategy())
        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        def answers(case: Any) -> None:
            if isinstance(case.body, dict) and case.body.get("merchant"):
                case.body["merchant"] = "shop"  # else nearly all of it would end at a merchant that is not there
            statuses.add(case.call_and_validate(checks=CHECKS).status_code)

        answers()
    assert {200, 202, 404} <= statuses, statuses
