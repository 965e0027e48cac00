"""A customer through the console, on a real broker: read from the topics when asked for, erased by a worker."""

from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import httpx
import pytest

from models.contracts.ids import customer_key, known_customer
from models.contracts.topics import EVENTS
from streams.brokers import free_port
from tests.integration.streams.test_erasure import KEY
from tests.integration.streams.test_joins import is_joined, of
from tests.support.console import ConsoleClient
from tests.support.process import Process
from tests.support.streams import MERCHANT, Room, room
from tests.support.system import System
from tests.support.waiting import eventually

GONE, STAYS = 70_001, 70_002


@pytest.fixture
def stand(kafka: str, tmp_path: Path) -> Iterator[tuple[Room, ConsoleClient]]:
    """A worker with two people, and a console for their merchant."""
    prefix = f"t{SystemRandom().randrange(10**8)}-"
    with room(kafka, prefix, tmp_path / "room") as streams, streams.worker("a", erasure_key=KEY):
        for person in (GONE, STAYS):
            for device in "ab":
                streams.send(of(person, device))
        streams.flush()
        system, port = System(kafka, tmp_path / "system", prefix), free_port()
        url = f"http://127.0.0.1:{port}"
        own = {"console_port": port, "console_url": url, "data_dir": tmp_path / "console", "erasure_key": KEY}
        with Process("console", system.settings(**own), tmp_path / "console" / "log", url):
            client = ConsoleClient(url, system.owner_key, MERCHANT)
            eventually(lambda: client.http.get("").status_code == httpx.codes.NOT_FOUND, what="it knows the key")
            client.settle("https://shop.example")
            eventually(lambda: is_joined(streams, GONE) and is_joined(streams, STAYS), 60, "both people are joined")
            yield streams, client
            client.close()


def test_a_person_is_exported_and_erased_with_all_devices(stand: tuple[Room, ConsoleClient]) -> None:
    streams, client = stand
    found = client.get(f"customers/a{GONE}")
    assert (found["known"], sorted(found["members"])) == (f"u{GONE}", [f"a{GONE}", f"b{GONE}"])
    whole = client.get(f"customers/b{GONE}/export")
    names = {known_customer(f"u{GONE}"), f"a{GONE}", f"b{GONE}"}
    assert {each["customer"] for each in whole["profiles"]} == names
    assert {each["id"] for each in whole["events"]} == {f"{d}{GONE}_{n}" for d in "ab" for n in range(4)}
    answer = client.http.post(f"customers/a{GONE}/erase", timeout=30)
    assert answer.status_code == httpx.codes.OK, answer.text
    proof = answer.json()
    assert len(proof["erased"]) == 3
    assert all({"worker"} <= {each["place"] for each in one["places"]} for one in proof["erased"])
    assert streams.profiles().keys() == {f"a{STAYS}", f"b{STAYS}", known_customer(f"u{STAYS}")}
    left = client.get(f"customers/a{GONE}/export")
    assert (left["profiles"], left["assignments"]) == ([], [])
    assert len(left["events"]) == 4, "the events themselves stay for their week"
    assert client.http.post(f"customers/a{GONE}/erase", timeout=30).json()["erased"] == proof["erased"]
    assert client.http.get(f"customers/b{STAYS}").status_code == httpx.codes.OK
    keys = {record.key for record in streams.records(EVENTS)}
    assert customer_key(MERCHANT, f"a{GONE}") in keys
