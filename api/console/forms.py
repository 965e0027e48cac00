"""A page's forms as the JSON that the API takes, so that both are judged by the same rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from api.console.refusals import unsuitable
from models.contracts.ids import is_id

Form = Mapping[str, Sequence[str]]


def one(form: Form, field: str) -> str:
    """The first value of a field, without the spaces around it; empty where it is missing."""
    return next(iter(form.get(field, ())), "").strip()


def named(form: Form) -> str:
    """The id that a form gives its thing."""
    item = one(form, "id")
    if not is_id(item):
        raise unsuitable("id", "An id has 1 to 64 letters, digits or _ . : - and no spaces.")
    return item


def merchant(form: Form) -> bytes:
    """A shop: name and origins, one a line."""
    return msgspec.json.encode({"name": one(form, "name"), "origins": one(form, "origins").split()})


def placement(form: Form) -> bytes:
    return _json(form, ("name",), numbers=("width", "height"), kinds=list(form.get("kinds", ())))


def image(form: Form) -> bytes:
    return _json(form, ("src", "alt", "href"), numbers=("width", "height"), kind="image")


def association(form: Form) -> bytes:
    return _json(form, ("placement", "content", "strength"), segments=list(form.get("segments", ())))


def segment(form: Form) -> bytes:
    """The name of a learned segment."""
    return _json(form, ("name",))


def _json(form: Form, texts: Sequence[str], numbers: Sequence[str] = (), **more: Any) -> bytes:
    body: dict[str, Any] = {field: text for field in texts if (text := one(form, field))}
    for field in numbers:
        if text := one(form, field):
            if not (text.isascii() and text.isdecimal()):
                raise unsuitable(field, "This is a whole number of pixels.")
            body[field] = int(text)
    return msgspec.json.encode({**body, **more})
