"""One customer: looked up, exported, erased with all devices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.console import customers
from api.console.gate import Gate
from api.console.records import Records
from api.console.refusals import conflict, refusal, unknown
from api.console.replies import reply
from api.console.routes.managing import BASE
from api.console.store import Store
from api.console.world import World
from models.contracts.erasures import EVENTS_GONE_MS, GONE_MS, Erasure
from models.contracts.errors import UnavailableError
from models.contracts.ids import KNOWN, customer_key, is_id, partition_of
from models.contracts.settings import Settings
from models.contracts.topics import ERASURES

LOOK_S: Final = 0.1
WAIT_S: Final = 10.0
"""For the workers' word. Whoever asks again gets what was said since."""


class Customers:
    """`clock` answers Unix milliseconds."""

    def __init__(
        self, gate: Gate, world: World, store: Store, records: Records, settings: Settings, clock: Callable[[], int]
    ) -> None:
        self._gate = gate
        self._erasures = world.erasures
        self._store = store
        self._records = records
        self._erasure_key = settings.erasure_key
        self._partitions = settings.partitions
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        one = f"{BASE}/customers/{{customer}}"
        return [
            Route(one, self.get, methods=["GET"]),
            Route(f"{one}/export", self.export, methods=["GET"]),
            Route(f"{one}/erase", self.erase, methods=["POST"]),
        ]

    async def get(self, request: Request) -> Response:
        merchant, customer = self._asked(request)
        return _private(customers.summary(await self._person(merchant, customer), customer))

    async def export(self, request: Request) -> Response:
        merchant, customer = self._asked(request)
        return _private(customers.export(await self._person(merchant, customer)))

    async def erase(self, request: Request) -> Response:
        """200 with the proof once workers have let go of all ids of the person; 202 with what is proven so far. Asked
        again it answers the same, with what was said since."""
        merchant, customer = self._asked(request)
        if not self._erasure_key:
            raise conflict("There is no erasure key: set TAILORBIRD_ERASURE_KEY, the same for every process.")
        key = customer_key(merchant, customer)
        name = self._erasures.name_of(key)
        if name not in self._erasures.commands:
            command = Erasure(at=self._clock(), partition=partition_of(key, self._partitions))
            await self._store.write(ERASURES, [(name.encode(), msgspec.json.encode(command))])
        try:
            async with asyncio.timeout(WAIT_S):
                while self._erasures.unproven(name):
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return _private(self._proof(name), 202)
        return _private(self._proof(name))

    def _asked(self, request: Request) -> tuple[str, str]:
        """The merchant of the address, and the customer."""
        merchant = self._gate.merchant(request, self._gate.holder(request))
        customer = str(request.path_params["customer"])
        if not is_id(customer.removeprefix(KNOWN)):
            raise unknown("customer")
        return merchant, customer

    async def _person(self, merchant: str, customer: str) -> customers.Person:
        try:
            found = await customers.person(self._records, merchant, customer)
        except UnavailableError as error:
            raise refusal(503, error.what, headers={"Retry-After": "5"}) from error
        if found is None:
            raise unknown("customer")
        return found

    def _proof(self, name: str) -> dict[str, Any]:
        family = {each: self._erasures.commands[each] for each in self._erasures.family(name)}
        last = max(command.at for command in family.values())
        return {
            "erased": [
                {
                    "name": each,
                    "at": command.at,
                    "places": [
                        {"place": place, "at": proof.at, "found": proof.found}
                        for place, proof in sorted(self._erasures.proofs.get(each, {}).items())
                    ],
                }
                for each, command in family.items()
            ],
            "gone_at": last + GONE_MS,
            "events_gone_at": last + EVENTS_GONE_MS,
        }


def _private(value: object, status: int = 200) -> Response:
    """No cache keeps what is somebody's own."""
    answer = reply(value, status)
    answer.headers["Cache-Control"] = "no-store"
    return answer
