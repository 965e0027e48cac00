"""What query and events have in common: is the edge ready, who asks, from where, how often, may this page ask."""

from __future__ import annotations

import time
from collections.abc import Mapping

from starlette.requests import Request

from api.bodies import read_object
from api.edge.head import Head
from api.edge.limits import Buckets
from api.edge.live import Ready
from api.edge.metrics.counting import Counter
from api.edge.state import Edge
from models.contracts.contents import Merchant
from models.contracts.errors import RequestError
from models.contracts.settings import Settings


def admit(edge: Edge, head: Head) -> None:
    """What is known before the body is read.

    Raises:
        RequestError: 503, 413 for headers, 414 for the query string, 429 for the network.
    """
    if not edge.phase.answers:
        raise RequestError(503, "Not ready", "This edge is still reading its tables.", headers={"Retry-After": "1"})
    settings = edge.settings
    if head.size > settings.header_bytes:
        raise RequestError(413, "Too large", f"Headers have at most {settings.header_bytes} bytes.")
    if head.parameters > settings.line_bytes:
        raise RequestError(414, "Too long", f"A query string has at most {settings.line_bytes} characters.")
    network = edge.network.of(head.peer, head.forwarded)
    if network is not None:
        _take(edge.networks, network, edge.metrics.limited_network)


def merchant_of(edge: Edge, head: Head, merchant: str) -> Ready:
    """The merchant, where this page may ask for it.

    Raises:
        RequestError: 404, 403 for the origin, 429 for the merchant.
    """
    ready = edge.live.merchants.get(merchant)
    if ready is None:
        raise RequestError(404, "Unknown merchant", "There is no such merchant.", "merchant")
    origins = head.origins
    if origins and (len(origins) > 1 or origins[0] not in ready.merchant.origins):
        raise RequestError(403, "Origin not listed", "The merchant does not list this origin.")
    _take(edge.merchants, merchant, edge.metrics.limited_merchant)
    return ready


def _take(buckets: Buckets, name: str, refused: Counter) -> None:
    if wait := buckets.take(name, time.monotonic()):
        refused.inc()
        says = f"Over the limit of this {buckets.what}."
        raise RequestError(429, "Too many requests", says, headers={"Retry-After": str(wait)})


async def body_of(settings: Settings, request: Request) -> bytes:
    """The body of a request, within the limits that are set; raises RequestError 400, 408, 413 or 415."""
    return await read_object(request, settings.body_bytes, settings.json_depth, settings.send_s)


def personal(merchant: Merchant, consent: str, head: Head) -> bool:
    """Whether anything personal may be read and stored."""
    if merchant.honour_gpc and head.gpc.strip() == "1":
        return False
    return (merchant.consent_default if consent == "unknown" else consent) == "granted"


def cors(head: Head) -> Mapping[str, str]:
    """Headers that let the asking page, already found listed, read the answer. No credentials."""
    if not head.origins:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": head.origins[0]}
