"""From a request's body to an item: decoded, stamped with what only the console sets, checked."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from api.console import checks
from api.console.kinds import ASSOCIATION, CONTENT, Kind
from api.console.refusals import unsuitable
from api.problems import invalid, not_json
from models.contracts.contents import Association, CatalogueItem, Content, DefinedSegment, Script
from models.contracts.errors import UNREADABLE
from models.segmentation.rules import RuleError, context_conditions, profile_rule

LEARNED = "l_"
"""Ids of learned segments begin so."""


def read(kind: Kind, body: bytes, item: str, current: CatalogueItem | None, published: int, now: int) -> CatalogueItem:
    """The item `item` as `body` (JSON) words it.

    A body may be what a GET answered: fields that only the console sets are replaced by their right values, whatever
    they say. `published` is the highest version of this content that was ever live (0: none), `now` in ms.

    Raises:
        RequestError: 400 where it is no JSON object, 422 that names the field at fault.
    """
    given = _object(body)
    for field in kind.owned:
        given.pop(field, None)
    if kind is not CONTENT:
        given.pop("kind", None)
    try:
        decoded: CatalogueItem = msgspec.convert(given, type=kind.type)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    named: CatalogueItem = structs.replace(decoded, id=item)
    checks.check(named)
    _check_rules(named)
    if isinstance(named, Content):
        return _stamped_content(named, current if isinstance(current, Content) else None, published)
    if kind is ASSOCIATION and isinstance(named, Association):
        made_at = current.made_at if isinstance(current, Association) else now
        return structs.replace(named, made_at=made_at)
    return named


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(body)
    except RecursionError as error:
        raise not_json("It is nested too deeply.") from error
    except UNREADABLE as error:
        raise not_json(str(error)) from error
    if not isinstance(given, dict):
        raise not_json("The body is a JSON object.")
    return given


def _check_rules(item: CatalogueItem) -> None:
    try:
        if isinstance(item, Association):
            context_conditions(item.when)
        elif isinstance(item, DefinedSegment):
            if item.rule is not None:
                profile_rule(item.rule)
            elif not item.id.startswith(LEARNED):
                raise unsuitable("rule", "A defined segment has a rule; only learned ones have none.")
    except RuleError as error:
        raise unsuitable(error.field, str(error).removeprefix(f"{error.field}: ")) from error


def _stamped_content(content: Content, current: Content | None, published: int) -> Content:
    """A changed content is a new version, and a changed script waits for approval again."""
    version = published if current is None else max(current.version, published)
    if current is not None and substance(content) == substance(current):
        same = structs.replace(content, version=current.version, revoked=current.revoked)
        if isinstance(same, Script) and isinstance(current, Script):
            return structs.replace(same, approved_by=current.approved_by)
        return same
    # Revoked is for good: an altered content under the same id stays gone until its owner deletes and makes it anew.
    return structs.replace(content, version=version + 1, revoked=current is not None and current.revoked)


def substance(content: Content) -> Content:
    """What a visitor gets, without what the console notes about it."""
    if isinstance(content, Script):
        return structs.replace(content, version=0, revoked=False, approved_by=None)
    return structs.replace(content, version=0, revoked=False)
