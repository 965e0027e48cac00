"""Errors of aiokafka's background tasks, which nobody asks for where Faust is the user: the coordinator is the real one, its
client and its broker are not there."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError, KafkaError

from streams.transport.background import CALM_S, PATIENCE_S, Background


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Fetcher:
    def __init__(self) -> None:
        self.error_future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Consumer:
    def __init__(self) -> None:
        client = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
        subscription = SubscriptionState()
        subscription.register_fetch_waiters(set())
        self._coordinator: Any = GroupCoordinator(client, subscription)
        self._fetcher: Any = Fetcher()

    async def goes_wrong(self, error: KafkaError) -> None:
        """As the coordination routine does: it goes on when somebody has taken the error."""
        self.waiting = asyncio.ensure_future(self._coordinator._push_error_to_user(error))
        await asyncio.sleep(0)


@pytest.fixture
async def consumer() -> AsyncIterator[Consumer]:
    one = Consumer()
    yield one
    await one._coordinator.close()


async def test_an_error_that_passes_lets_the_group_be_joined_anew(consumer: Consumer) -> None:
    background = Background(Clock())
    background.look(consumer)
    assert not consumer._coordinator._rejoin_needed_fut.done()
    await consumer.goes_wrong(KafkaError("Unexpected error from SyncGroup"))
    assert not consumer.waiting.done(), "and it would wait for ever"
    background.look(consumer)
    await asyncio.wait_for(consumer.waiting, 5)
    assert consumer._coordinator._rejoin_needed_fut.done()


async def test_what_is_final_ends_the_worker(consumer: Consumer) -> None:
    await consumer.goes_wrong(GroupAuthorizationFailedError("worker"))
    with pytest.raises(GroupAuthorizationFailedError):
        Background(Clock()).look(consumer)


async def test_errors_that_do_not_end_end_the_worker(consumer: Consumer) -> None:
    clock = Clock()
    background = Background(clock)
    for _ in range(int(PATIENCE_S) + 1):
        await consumer.goes_wrong(GroupCoordinatorNotAvailableError())
        background.look(consumer)
        clock.now += 1
    await consumer.goes_wrong(GroupCoordinatorNotAvailableError())
    with pytest.raises(GroupCoordinatorNotAvailableError):
        background.look(consumer)


async def test_errors_with_calm_between_them_are_borne(consumer: Consumer) -> None:
    clock = Clock()
    background = Background(clock)
    for _ in range(20):
        await consumer.goes_wrong(GroupCoordinatorNotAvailableError())
        background.look(consumer)
        clock.now += CALM_S + 1


async def test_a_fetcher_that_ended_ends_the_worker(consumer: Consumer) -> None:
    consumer._fetcher.error_future.set_exception(KafkaError("Unexpected error during data retrieval"))
    with pytest.raises(KafkaError, match="data retrieval"):
        Background(Clock()).look(consumer)
