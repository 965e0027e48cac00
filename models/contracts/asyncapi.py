"""The AsyncAPI 3.0 document of the topics: made of what is declared, so that other teams read and write them in any language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from models.contracts import access, contents, erasures, events, joins, profile, rejected, segments, tables, topics
from models.contracts.settings import Settings
from models.contracts.topics import TOPICS, Topic

JSON: Final = "application/json"
MSGPACK: Final = "application/x-msgpack"
BYTES: Final = "application/octet-stream"
DIALECT: Final = "application/schema+json;version=draft-2020-12"
KAFKA_BINDING: Final = "0.5.0"
KAFKA_SETTINGS: Final = frozenset(("cleanup.policy", "retention.ms", "delete.retention.ms"))
"""What that binding knows by name; the rest is said under x-."""

RECORDS: Final[dict[str, tuple[type[Any], ...]]] = {
    topics.EVENTS.name: (
        events.Query, events.Impression, events.Click, events.View, events.Conversion, events.Identify, events.Custom,
    ),
    topics.PROFILES.name: (profile.Profile,),
    topics.ASSIGNMENTS.name: (profile.Assignment,),
    topics.JOINS.name: (joins.Joined, joins.Passed, joins.Left, joins.Replaced),
    topics.SEGMENT_MODELS.name: (segments.SegmentModel, segments.LiveModel),
    topics.OUTCOMES.name: (tables.Outcome,),
    topics.CONTENT_TABLES.name: (tables.ContentTable,),
    topics.CATALOGUE.name: (contents.CatalogueRecord,),
    topics.PUBLICATIONS.name: (contents.LivePublication,),
    topics.ACCESS.name: (access.AccessKey,),
    topics.ERASURES.name: (erasures.Erasure, erasures.ErasureProof),
    topics.REJECTED.name: (rejected.Rejected,),
    topics.AUDIT.name: (),
}  # fmt: skip
"""What lies on each topic. One without a contract yet has none."""
PARTS: Final = "PublicationPart"
"""A part of a publication is a piece of the bytes of one `Publication` in JSON."""
IN_MSGPACK: Final = (profile.Profile,)


def document(version: str, partitions: int) -> dict[str, Any]:
    """The whole. `partitions`: of topics that share their number."""
    kinds = list(dict.fromkeys(kind for records in RECORDS.values() for kind in records))
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}/schema")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tailorbird",
            "version": version,
            "description": "The topics of Tailorbird. Every name may have a prefix; every key is partitioned with murmur2.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": JSON,
        "servers": {"kafka": {"host": "{brokers}", "protocol": "kafka", "variables": {"brokers": _variable()}}},
        "channels": {topic.name: _channel(topic, partitions) for topic in TOPICS},
        "operations": {f"write-{topic.name}": _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {name: message for topic in TOPICS for name, message in _messages(topic)},
            "schemas": {name: {"schemaFormat": DIALECT, "schema": schema} for name, schema in sorted(schemas.items())},
        },
    }


def _variable() -> dict[str, str]:
    return {"default": Settings().brokers, "description": "Kafka bootstrap servers."}


def _channel(topic: Topic, partitions: int) -> dict[str, Any]:
    config = topic.config()
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. Value: {topic.value}. Written by: {topic.writer}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name, _ in _messages(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partition_count(partitions),
                "topicConfiguration": {name: _typed(name, config[name]) for name in config if name in KAFKA_SETTINGS},
                "bindingVersion": KAFKA_BINDING,
            }
        },
        "x-topic-configuration": config,
    }


def _typed(name: str, value: str) -> Any:
    return [value] if name == "cleanup.policy" else int(value)


def _operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"{topic.writer}: {topic.value}.",
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name, _ in _messages(topic)],
    }


def _messages(topic: Topic) -> Iterator[tuple[str, dict[str, Any]]]:
    key = {"kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": KAFKA_BINDING}}
    for kind in RECORDS[topic.name]:
        yield (
            kind.__name__,
            {
                "name": kind.__name__,
                "summary": _first_line(kind.__doc__ or ""),
                "contentType": MSGPACK if kind in IN_MSGPACK else JSON,
                "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
                "bindings": key,
            },
        )
    if topic is topics.PUBLICATIONS:
        yield (
            PARTS,
            {"name": PARTS, "summary": "A piece of a publication's bytes.", "contentType": BYTES, "bindings": key},
        )
    if topic is topics.AUDIT:
        yield "AuditAction", {"name": "AuditAction", "summary": "An action, chained by hash.", "bindings": key}


def _first_line(doc: str) -> str:
    return " ".join(doc.split("\n\n")[0].split())
