"""What a type cannot say about a merchant's things: lengths, ranges that depend on each other, addresses."""

from __future__ import annotations

import re
import unicodedata
import zoneinfo
from collections.abc import Callable
from typing import Any, Final

from api.console.addresses import content_address, origin
from api.console.refusals import unsuitable
from models.contracts.contents import (
    EVERYBODY,
    Association,
    CatalogueItem,
    DefinedSegment,
    Image,
    Merchant,
    Placement,
    Script,
)
from models.contracts.ids import is_id

LONGEST_NAME: Final = 120
LONGEST_ALT: Final = 500
LARGEST_PIXELS: Final = 16_384  # the largest side that browsers decode on every device
MOST_ORIGINS: Final = 64
MOST_SOURCES: Final = 16
MOST_SEGMENTS: Final = 64
LARGEST_PRIORITY: Final = 1_000_000


def check(item: CatalogueItem) -> None:
    """Raises RequestError (422) that names the first field at fault."""
    _CHECKS[type(item)](item)


def name(text: str, field: str = "name", most: int = LONGEST_NAME) -> None:
    """A line of text that somebody reads: not blank, no control characters, at most `most` characters."""
    if not text.strip():
        raise unsuitable(field, "It must not be empty.")
    line(text, field, most)


def line(text: str, field: str, most: int) -> None:
    """As `name`, but it may be empty."""
    if len(text) > most:
        raise unsuitable(field, f"It has at most {most} characters.")
    # Format characters too: they can turn the reading direction of everything around a name.
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in text):
        raise unsuitable(field, "It must not contain control characters.")


def _merchant(merchant: Merchant) -> None:
    name(merchant.name)
    if len(merchant.origins) > MOST_ORIGINS:
        raise unsuitable("origins", f"At most {MOST_ORIGINS} origins.")
    for index, one in enumerate(merchant.origins):
        origin(one, f"origins[{index}]")
    if merchant.holdouts.uniform + merchant.holdouts.best > 1:
        raise unsuitable("holdouts", "Both holdouts together are at most 1.")
    if merchant.session.max_minutes < merchant.session.idle_minutes:
        raise unsuitable("session.max_minutes", "A session lasts at least as long as it may be idle.")
    if not re.match(r"^[A-Z]{3}\Z", merchant.currency):
        raise unsuitable("currency", "A currency is its ISO 4217 code, such as EUR.")
    if merchant.timezone not in zoneinfo.available_timezones():
        raise unsuitable("timezone", "A time zone is its name in the tz database, such as Europe/Berlin.")


def _placement(placement: Placement) -> None:
    name(placement.name)
    if not placement.kinds:
        raise unsuitable("kinds", "A placement takes at least one kind of content.")
    _pixels(placement.width, "width")
    _pixels(placement.height, "height")


def _image(image: Image) -> None:
    content_address(image.src, "src")
    line(image.alt, "alt", LONGEST_ALT)
    _pixels(image.width, "width")
    _pixels(image.height, "height")
    if image.href is not None:
        content_address(image.href, "href")
    if len(image.sources) > MOST_SOURCES:
        raise unsuitable("sources", f"At most {MOST_SOURCES} sources.")
    for index, source in enumerate(image.sources):
        content_address(source.src, f"sources[{index}].src")
        _pixels(source.width, f"sources[{index}].width")
        for field, text in (("media", source.media), ("type", source.type)):
            if text is not None:
                line(text, f"sources[{index}].{field}", LONGEST_NAME)


def _script(script: Script) -> None:
    content_address(script.src, "src")


def _association(association: Association) -> None:
    if len(association.segments) > MOST_SEGMENTS:
        raise unsuitable("segments", f"At most {MOST_SEGMENTS} segments.")
    for index, segment in enumerate(association.segments):
        if segment != EVERYBODY and not is_id(segment):
            raise unsuitable(f"segments[{index}]", "A segment is named by its id, or * for everybody.")
    if len(set(association.segments)) != len(association.segments):
        raise unsuitable("segments", "Each segment at most once.")
    if abs(association.priority) > LARGEST_PRIORITY:
        raise unsuitable("priority", f"A priority lies within -{LARGEST_PRIORITY} and {LARGEST_PRIORITY}.")
    for field, time in (("from", association.from_), ("until", association.until)):
        if time is not None and not 0 <= time < 2**42:
            raise unsuitable(field, "Times are Unix milliseconds.")
    if association.from_ is not None and association.until is not None and association.until <= association.from_:
        raise unsuitable("until", "It must end after it begins.")


def _segment(segment: DefinedSegment) -> None:
    name(segment.name)


def _pixels(value: int | None, field: str) -> None:
    if value is not None and not 1 <= value <= LARGEST_PIXELS:
        raise unsuitable(field, f"Pixels are from 1 to {LARGEST_PIXELS}.")


_CHECKS: Final[dict[type, Callable[[Any], None]]] = {
    Merchant: _merchant,
    Placement: _placement,
    Image: _image,
    Script: _script,
    Association: _association,
    DefinedSegment: _segment,
}
