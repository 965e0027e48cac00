"""A batch of events as clients send it, judged one by one, so that a bad one never spoils its batch. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Struct

from api.edge.context import checked
from api.problems import invalid
from models.contracts.context import Context
from models.contracts.errors import UNREADABLE, RequestError
from models.contracts.events import MOST_VALUE, Click, Conversion, Custom, Event, Identify, Impression, View
from models.contracts.ids import Id, RandomBytes, new_id
from models.contracts.topics import DAY_MS
from models.contracts.wire import ClientEvent, RejectedEvent

AHEAD_MS: Final = 60_000
"""A corrected time may lie this far after receipt (a clock that ran between `at` and `sent`); it counts as receipt."""
MAX_PROPERTIES: Final = 64

T = TypeVar("T")
_decode = msgspec.json.Decoder(ClientEvent).decode


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a batch, when, and how far its times are trusted. `proves(known_id, proof)`: identify's proof holds."""

    merchant: str
    customer: str
    session: str | None
    now: int
    sent: int | None
    server: bool
    context: Context
    proves: Callable[[str, object], bool]


class _Purchase(Struct, frozen=True):
    """Conversion properties, GA4's e-commerce words."""

    transaction_id: Id | None = None
    value: Annotated[float, msgspec.Meta(ge=-MOST_VALUE, le=MOST_VALUE)] = 0.0
    currency: str | None = None
    items: tuple[dict[str, Any], ...] = ()


class _Identity(Struct, frozen=True):
    known_id: Id
    proof: object = None


def events_of(
    raws: Sequence[msgspec.Raw], sender: Sender, random: RandomBytes
) -> tuple[list[Event], list[RejectedEvent]]:
    """The events that are taken and, by index, why others are not."""
    taken: list[Event] = []
    rejected: list[RejectedEvent] = []
    for index, raw in enumerate(raws):
        try:
            taken.append(_event(_decode(raw), sender, random))
        except msgspec.ValidationError as error:
            said = invalid(error)
            rejected.append(RejectedEvent(index, said.field, said.detail))
        except UNREADABLE as error:  # a string of an event is looked at only when that event is read
            rejected.append(RejectedEvent(index, None, f"not JSON: {error}"))
        except RequestError as error:
            rejected.append(RejectedEvent(index, error.field, error.detail))
    return taken, rejected


def event_time(at: int | None, sender: Sender) -> int:
    """When it happened, on the server's clock.

    Raises:
        RequestError: more than a day before receipt, or after it.
    """
    if at is None:
        return sender.now
    if sender.server:
        if at > sender.now + AHEAD_MS:
            raise _unfit("at", "after receipt")
        return at
    moment = at if sender.sent is None else sender.now - (sender.sent - at)
    if moment < sender.now - DAY_MS:
        raise _unfit("at", "more than 24 h before receipt")
    if moment > sender.now + AHEAD_MS:
        raise _unfit("at", "after receipt")
    return min(moment, sender.now)


def _event(given: ClientEvent, sender: Sender, random: RandomBytes) -> Event:
    base: dict[str, Any] = {
        "id": given.id or new_id(random, "e_"),
        "merchant": sender.merchant,
        "customer": sender.customer,
        "session": sender.session,
        "at": event_time(given.at, sender),
        "received": sender.now,
        "client_at": given.at,
        "context": sender.context,
    }
    match given.type:
        case "impression" | "click":
            kind = Impression if given.type == "impression" else Click
            placement, content = _needed(given.placement, "placement"), _needed(given.content, "content")
            return kind(**base, placement=placement, content=content, decision=given.decision)
        case "view":
            return View(**{**base, "context": {**sender.context, **checked(given.properties)}})
        case "conversion":
            bought = _converted(given.properties, _Purchase)
            return Conversion(**base, **msgspec.structs.asdict(bought))
        case "identify":
            who = _converted(given.properties, _Identity)
            return Identify(**base, known_id=who.known_id, proven=sender.proves(who.known_id, who.proof))
        case "custom":
            if len(given.properties) > MAX_PROPERTIES:
                raise _unfit("properties", f"more than {MAX_PROPERTIES} keys")
            return Custom(**base, name=_needed(given.name, "name"), properties=given.properties)


def _converted(properties: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(properties, kind)
    except msgspec.ValidationError as error:
        said = invalid(error)
        raise _unfit(f"properties.{said.field}" if said.field else "properties", said.detail) from error


def _needed(value: str | None, field: str) -> str:
    if value is None:
        raise _unfit(field, "missing")
    return value


def _unfit(field: str, detail: str) -> RequestError:
    return RequestError(422, "Field does not fit", detail, field)
