"""The console as a Starlette application, out of parts that are given to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from api.console.desk import Desk
from api.console.gate import Gate
from api.console.headers import SecurityHeaders
from api.console.metrics import Measured, Metrics
from api.console.pages import FOLDER, PAGE_HANDLERS
from api.console.records import Records
from api.console.routes.customers import Customers
from api.console.routes.health import Health
from api.console.routes.items import Items
from api.console.routes.keys import ApiKeys
from api.console.routes.merchants import Merchants
from api.console.routes.models import Models
from api.console.routes.pages import Pages
from api.console.routes.preview import Preview
from api.console.routes.publishing import Publishing
from api.console.routes.signing import Signing
from api.console.sessions import Sessions
from api.console.setup_link import SetupLink
from api.console.store import Store
from api.console.world import World
from models.contracts.ids import RandomBytes
from models.contracts.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """What a console is made of. `clock` answers Unix milliseconds, `stopwatch` seconds that never go back."""

    settings: Settings
    world: World
    store: Store
    records: Records
    sessions: Sessions
    setup: SetupLink
    ready: Callable[[], bool]
    metrics: Metrics
    clock: Callable[[], int]
    stopwatch: Callable[[], float]
    random: RandomBytes


def make_app(parts: Parts) -> Starlette:
    """Every endpoint of the console."""
    world, store, limit = parts.world, parts.store, parts.settings.body_bytes
    desk = Desk(world, store, parts.clock)
    gate = Gate(world, parts.sessions, parts.settings, parts.clock)
    return Starlette(
        routes=[
            *Health(parts.ready, parts.metrics).routes(),
            *Merchants(desk, gate, world, limit).routes(),
            *Items(desk, gate, world, limit).routes(),
            *Publishing(desk, gate, world, limit).routes(),
            *Models(gate, world, store, limit).routes(),
            *Customers(gate, world, store, parts.records, parts.settings, parts.clock).routes(),
            *Preview(gate, parts.settings, parts.clock).routes(),
            *ApiKeys(gate, world, store, parts.clock, parts.random, limit).routes(),
            *Signing(gate, world, store, parts.setup, parts.clock, parts.random, limit).routes(),
            *Pages(desk, gate, world, parts.random, limit).routes(),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ],
        middleware=[
            Middleware(Measured, metrics=parts.metrics, clock=parts.stopwatch),
            Middleware(SecurityHeaders),
        ],
        exception_handlers=PAGE_HANDLERS,
    )
