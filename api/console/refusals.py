"""The refusals that the console knows, each in one place."""

from __future__ import annotations

from http import HTTPStatus

from models.contracts.errors import RequestError


def refusal(status: int, detail: str, field: str | None = None, headers: dict[str, str] | None = None) -> RequestError:
    """A problem titled as HTTP calls its status."""
    return RequestError(status, HTTPStatus(status).phrase, detail, field, headers)


def malformed(detail: str) -> RequestError:
    """400: it cannot be read at all."""
    return refusal(400, detail)


def unsuitable(field: str | None, detail: str) -> RequestError:
    """422: one field does not fit."""
    return refusal(422, detail, field)


def unknown(what: str) -> RequestError:
    """404. The same for what is not there and for what is another merchant's: nobody learns which."""
    return refusal(404, f"There is no such {what}.")


def conflict(detail: str, field: str | None = None) -> RequestError:
    """409: it fits by itself, but not with what is there."""
    return refusal(409, detail, field)
