"""If-Match and If-None-Match (RFC 9110, section 13), so that two people cannot overwrite each other."""

from __future__ import annotations

from api.console.refusals import refusal

ANY = "*"


def check(tag: str | None, if_match: str | None, if_none_match: str | None = None) -> None:
    """Whether a write may go on where the thing's entity tag is `tag` (None: there is no such thing).

    Raises:
        RequestError: 428 where the thing exists and If-Match is missing, 412 where it has changed or gone.
    """
    if if_none_match is not None and tag is not None and _names(if_none_match, tag):
        raise refusal(412, "It exists already.")
    if tag is None:
        if if_match is not None:
            raise refusal(412, "It does not exist (any more).")
    elif if_match is None:
        raise refusal(428, "It exists: say with If-Match which state (ETag) you mean to change.", headers={"ETag": tag})
    elif not _names(if_match, tag):
        raise refusal(412, "It has changed since you read it: read it again.", headers={"ETag": tag})


def _names(header: str, tag: str) -> bool:
    return header.strip() == ANY or tag in (each.strip() for each in header.split(","))
