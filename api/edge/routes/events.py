"""POST /v1/events."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.edge.asking import admit, body_of, cors, merchant_of, personal
from api.edge.context import checked
from api.edge.head import Head, head_of
from api.edge.live import Ready
from api.edge.recording import Sender, events_of
from api.edge.state import Edge
from api.problems import invalid, not_json
from api.tokens import proves
from models.contracts.errors import UNREADABLE
from models.contracts.events import encode_event
from models.contracts.ids import customer_key, is_customer, is_id
from models.contracts.wire import EventsAnswer, EventsRequest

_decode = msgspec.json.Decoder(EventsRequest).decode


def routes(edge: Edge) -> list[Route]:
    """Where the snippet's outbox and merchants' servers send to."""

    async def post(request: Request) -> Response:
        head = head_of(request)
        admit(edge, head)
        batch = decoded(await body_of(edge.settings, request))
        ready = merchant_of(edge, head, batch.merchant)
        answer = await _record(edge, head, ready, batch)
        return Response(msgspec.json.encode(answer), 202, cors(head), "application/json")

    return [Route("/v1/events", post, methods=["POST"])]


def decoded(body: bytes) -> EventsRequest:
    """The batch of a JSON body; raises RequestError 400 or 422."""
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except UNREADABLE as error:
        raise not_json(str(error)) from error


async def _record(edge: Edge, head: Head, ready: Ready, batch: EventsRequest) -> EventsAnswer:
    sender = _sender(edge, head, ready, batch)
    taken, rejected = events_of(batch.events, sender, edge.random)
    edge.metrics.events_taken.inc(len(taken))
    edge.metrics.events_refused.inc(len(rejected))
    # Without a customer, or without leave, there is nobody to keep an event for.
    if batch.bot or not is_customer(batch.customer) or not personal(ready.merchant, batch.consent, head):
        return EventsAnswer(None, len(taken), tuple(rejected))
    if edge.erasures.erased(customer_key(sender.merchant, sender.customer)):
        return EventsAnswer(None, len(taken), tuple(rejected))
    if edge.settings.overlay:
        visit = edge.warm.visit(customer_key(sender.merchant, sender.customer))
        for event in taken:
            visit.add(event)
    kept = await asyncio.gather(*(edge.spool.append(encode_event(event)) for event in taken))
    return EventsAnswer(all(kept), len(taken), tuple(rejected))


def _sender(edge: Edge, head: Head, ready: Ready, batch: EventsRequest) -> Sender:
    merchant, customer = ready.merchant, str(batch.customer)
    secret = edge.settings.shared_secret
    return Sender(
        merchant=merchant.id,
        customer=customer,
        session=batch.session if is_id(batch.session) else None,
        now=edge.clock(),
        sent=batch.sent,
        server=edge.keys.allow(head.authorization, merchant.id),
        context=checked(batch.context, edge.settings.context_keys, edge.settings.context_characters),
        proves=lambda known_id, proof: (
            merchant.identify == "open" or proves(secret, merchant.id, known_id, customer, proof)
        ),
    )
