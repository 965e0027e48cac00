"""The API as OpenAPI 3.1: schemas out of the contracts, paths out of the kinds."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from api.console.drafts import Change
from api.console.kinds import DRAFTED, MERCHANT
from api.console.segments import SegmentView
from models.contracts.segments import SegmentModel
from models.contracts.wire import Problem

_BASE = "/api/v1/merchants/{merchant}"
_CREATED = {
    "201": "made",
    "200": "changed",
    "412": "changed since",
    "422": "a field does not fit",
    "428": "no If-Match",
}


@cache
def description() -> dict[str, Any]:
    """The whole document."""
    types: list[Any] = [MERCHANT.type, *(kind.type for kind in DRAFTED), SegmentModel, Change, SegmentView, Problem]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    by_type = dict(zip([MERCHANT.name, *(kind.name for kind in DRAFTED)], schemas, strict=False))
    model = schemas[types.index(SegmentModel)]
    paths: dict[str, Any] = {
        "/api/v1/merchants": {"get": _says("The merchants of this key.")},
        _BASE: {
            "get": _says("A merchant's settings."),
            "put": _takes("Makes or changes a merchant; live when answered.", by_type[MERCHANT.name]),
        },
        f"{_BASE}/contents/{{id}}/approve": {"post": _says("Lets a script run once it is published.")},
        f"{_BASE}/contents/{{id}}/revoke": {"post": _says("Takes a content away at once, everywhere.")},
        f"{_BASE}/drafts": {"get": _says("What publish would change, and what hinders it.")},
        f"{_BASE}/publish": {"post": _says("All drafts live at once.", {"200": "table_version", "409": "hindered"})},
        f"{_BASE}/publications": {"get": _says("What a rollback can bring back.")},
        f"{_BASE}/rollback": {"post": _says("An earlier publication live again, as a new version.")},
        f"{_BASE}/preview": {"post": _says("A token with which an edge answers with its reasons.")},
        f"{_BASE}/models": {
            "get": _says("Model versions with their gates."),
            "post": _takes("A model from a notebook as the next version, not yet live.", model),
        },
        f"{_BASE}/models/{{version}}/publish": {"post": _says("A model version live.")},
        f"{_BASE}/customers/{{customer}}": {"get": _says("One customer, with the last decisions and their reasons.")},
        f"{_BASE}/customers/{{customer}}/export": {"get": _says("Everything kept of one person, under all ids.")},
        f"{_BASE}/customers/{{customer}}/erase": {
            "post": _says("Forgets a person with all ids, for good.", {"200": "proven", "202": "not proven yet"})
        },
        "/api/v1/keys": {"get": _says("Keys, without their secrets."), "post": _says("A new key, shown once.")},
        "/api/v1/keys/{id}": {
            "get": _says("A key without its secret."),
            "put": _says("A new key under this id."),
            "delete": _says("Revokes it."),
        },
    }
    for kind in DRAFTED:
        paths[f"{_BASE}/{kind.plural}"] = {"get": _says(f"All {kind.plural}.")}
        paths[f"{_BASE}/{kind.plural}/{{id}}"] = {
            "get": _says(f"One {kind.name}, with its ETag."),
            "put": _takes(f"Writes one {kind.name}: a draft.", by_type[kind.name]),
            "delete": _says(f"Deletes the draft of one {kind.name}.", {"204": "deleted", "428": "no If-Match"}),
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tailorbird console", "version": "1"},
        "security": [{"key": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _says(summary: str, answers: dict[str, str] | None = None) -> dict[str, Any]:
    every = {**(answers or {"200": "as asked"}), "401": "no valid key", "404": "not there, or not yours"}
    return {"summary": summary, "responses": {status: {"description": text} for status, text in every.items()}}


def _takes(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {**_says(summary, _CREATED), "requestBody": body}
