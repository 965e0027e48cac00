"""Context of a request: checked, and cut down to what may be kept."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from models.contracts.context import MAX_CHARACTERS, MAX_KEYS, Context, ContextValue
from models.contracts.errors import RequestError

MAX_NAME: Final = 64
EXACT: Final = 2**53
"""Up to here a float holds every whole number."""
LARGEST: Final = int(sys.float_info.max)


def checked(given: dict[str, Any], keys: int = MAX_KEYS, characters: int = MAX_CHARACTERS) -> Context:
    """The context as it counts, of at most `keys` names and texts of at most `characters`.

    Raises:
        RequestError: 422 naming ``context`` or ``context.<name>``.
    """
    if len(given) > keys:
        raise _unfit(f"more than {keys} keys", "context")
    context: Context = given.copy()
    for name, value in given.items():
        if type(value) is str and len(value) <= characters and 1 <= len(name) <= MAX_NAME:  # nearly all there is
            continue
        if not 1 <= len(name) <= MAX_NAME:
            raise _unfit(f"a name of 1 to {MAX_NAME} characters is needed", "context")
        if value is None:
            del context[name]
        else:
            context[name] = _value(name, value, keys, characters)
    page, referrer = context.get("page"), context.get("referrer")
    if isinstance(page, str):
        context["page"] = path(page)
    if isinstance(referrer, str):
        context["referrer"] = origin(referrer)
    return context


def _value(name: str, value: object, keys: int, characters: int) -> ContextValue:
    if isinstance(value, str):
        if len(value) > characters:
            raise _unfit(f"longer than {characters} characters", f"context.{name}")
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise _unfit("a number out of range", f"context.{name}")
        return float(value) if abs(value) > EXACT else value
    if isinstance(value, list) and len(value) <= keys:
        texts = [item for item in value if isinstance(item, str) and len(item) <= characters]
        if len(texts) == len(value):
            return texts
    raise _unfit("a string, a number, a bool or a list of strings is needed", f"context.{name}")


def path(page: str) -> str:
    """Without query and fragment, which may name a person."""
    return page if "?" not in page and "#" not in page else page.partition("?")[0].partition("#")[0]


@lru_cache(maxsize=4096)
def origin(referrer: str) -> str:
    """scheme://host[:port] of an address; empty where it is none."""
    try:
        parts = urlsplit(referrer)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if not parts.scheme or not host:
        return ""
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + (f":{port}" if port else "")


def _unfit(detail: str, field: str) -> RequestError:
    return RequestError(422, "Field does not fit", detail, field)
