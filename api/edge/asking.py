"""What query and events have in common: is the edge ready, who asks, from where, how often, may this page ask."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from api.edge.head import Head
from api.edge.live import Ready
from api.edge.state import Edge
from models.contracts.contents import Merchant
from models.contracts.errors import RequestError

HEADER_BYTES: Final = 16 * 1024
LINE_BYTES: Final = 8 * 1024


def admit(edge: Edge, head: Head) -> None:
    """What is known before the body is read.

    Raises:
        RequestError: 503, 413 for headers, 414 for the query string, 429 for the network.
    """
    if not edge.phase.answers:
        raise RequestError(503, "Not ready", "This edge is still reading its tables.", headers={"Retry-After": "1"})
    if head.size > HEADER_BYTES:
        raise RequestError(413, "Too large", f"Headers have at most {HEADER_BYTES} bytes.")
    if head.parameters > LINE_BYTES:
        raise RequestError(414, "Too long", f"A query string has at most {LINE_BYTES} characters.")
    network = edge.network.of(head.peer, head.forwarded)
    if network is not None:
        edge.networks.take(network, time.monotonic())


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
    edge.merchants.take(merchant, time.monotonic())
    return ready


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
