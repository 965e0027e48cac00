"""The AsyncAPI document is what the command prints, is valid, names every topic, and fits records as they were written."""

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from models.contracts.asyncapi import RECORDS, document
from models.contracts.settings import Settings
from models.contracts.topics import TOPICS

HERE = Path(__file__).parent
COMMITTED = HERE.parents[1] / "docs" / "asyncapi.json"
GOLDEN = {
    "event_query.json": "Query",
    "event_conversion.json": "Conversion",
    "assignment.json": "Assignment",
    "catalogue_merchant.json": "CatalogueRecord",
    "content_table.json": "ContentTable",
    "erasure_proof.json": "ErasureProof",
    "join_passed.json": "Passed",
    "join_replaced.json": "Replaced",
    "segment_model.json": "SegmentModel",
    "rejected.json": "Rejected",
}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return json.loads(json.dumps(document("0.1.0", Settings().partitions)))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def official() -> Any:
    return jsonschema.Draft7Validator(json.loads(gzip.decompress((HERE / "asyncapi" / "3.0.0.json.gz").read_bytes())))


def test_the_committed_copy_is_the_declared_one(made: dict[str, Any]) -> None:
    assert json.loads(COMMITTED.read_text()) == made, "tailorbird asyncapi > docs/asyncapi.json"


def test_it_is_valid_asyncapi(made: dict[str, Any], official: Any) -> None:
    assert [f"{list(error.path)}: {error.message}" for error in official.iter_errors(made)] == []


def test_what_is_not_valid_would_be_seen(made: dict[str, Any], official: Any) -> None:
    channel = {**made["channels"]["events"], "messages": {"Query": {"$reff": "x"}}}
    assert list(official.iter_errors({**made, "channels": {"events": channel}}))
    assert list(official.iter_errors({name: value for name, value in made.items() if name != "info"}))


def test_every_topic_and_every_reference_is_there(made: dict[str, Any]) -> None:
    assert list(made["channels"]) == [topic.name for topic in TOPICS] == list(RECORDS)

    def follow(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                found: Any = made
                for step in node["$ref"].removeprefix("#/").split("/"):
                    found = found[step]
            for each in node.values():
                follow(each)
        elif isinstance(node, list):
            for each in node:
                follow(each)

    follow(made)


@pytest.mark.parametrize("file", GOLDEN)
def test_a_record_as_it_was_written_fits_its_schema(made: dict[str, Any], file: str) -> None:
    record = json.loads((HERE / "golden" / file).read_text())
    schema = {"$ref": f"#/components/schemas/{GOLDEN[file]}/schema", "components": made["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(record)] == []
    assert list(validator.iter_errors({**record, "v": "one", "type": 3})), "another would not fit"
