"""The console on a real broker: what is answered is on the topics, and a second console or a restart sees it."""

import hashlib
import re
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import pytest

from models.contracts.contents import (
    CatalogueRecord,
    Merchant,
    decode_catalogue,
    decode_live_publication,
    decode_publication,
)
from models.contracts.ids import customer_key
from models.contracts.profile import Assignment, Membership
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS, CATALOGUE, PUBLICATIONS
from streams.brokers import free_port
from streams.brokers.records import newest, send
from tests.support.console import ConsoleClient
from tests.support.http import plain
from tests.support.process import Process
from tests.support.system import System
from tests.support.waiting import eventually

SHOP = "https://shop.example"


class Consoles:
    """Topics of their own, and as many consoles on them as a test asks for."""

    def __init__(self, brokers: str, folder: Path, prefix: str) -> None:
        self.system = System(brokers, folder, prefix)
        self.system.chore("topics", "apply")
        self.settings = Settings(brokers=brokers, topic_prefix=prefix, partitions=8)
        self.folder = folder
        self._running: list[Process] = []

    def start(self, name: str = "console") -> str:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        own = {"console_port": port, "console_url": url, "data_dir": self.folder / name}
        process = Process("console", self.system.settings(**own), self.folder / name / "log", url)
        process.start()
        self._running.append(process)
        process.await_ready()
        return url

    def stop(self) -> None:
        while self._running:
            self._running.pop().kill()


@pytest.fixture(scope="module")
def consoles(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consoles]:
    several = Consoles(kafka, tmp_path_factory.mktemp("consoles"), "consoles-")
    yield several
    several.stop()


@pytest.fixture(scope="module")
def url(consoles: Consoles) -> str:
    return consoles.start()


@pytest.fixture
def client(consoles: Consoles, url: str, merchant: str) -> Iterator[ConsoleClient]:
    one = ConsoleClient(url, consoles.system.owner_key, merchant)
    eventually(lambda: one.http.get("").status_code == 404, what="the console knows the key")
    one.settle(SHOP)
    one.placement("hero")
    one.image("c_a", f"{SHOP}/a.png")
    yield one
    one.close()


def records(consoles: Consoles) -> dict[bytes, CatalogueRecord]:
    return {
        record.key: decode_catalogue(record.value)
        for record in newest(CATALOGUE, consoles.settings)
        if record.value is not None
    }


def test_what_was_answered_is_on_the_topics(consoles: Consoles, client: ConsoleClient) -> None:
    merchant = client.merchant
    client.associate("c_a", "l_1", strength="pinned")
    version = client.publish()
    found = records(consoles)
    settings = found[f"{merchant}/merchant/{merchant}".encode()]
    assert isinstance(settings.item, Merchant)
    assert settings.item.origins == (SHOP,)
    assert settings.version == 1
    assert {key.decode() for key in found if key.startswith(f"{merchant}/".encode())} == {
        f"{merchant}/merchant/{merchant}",
        f"{merchant}/placement/hero",
        f"{merchant}/content/c_a",
        f"{merchant}/association/a_hero_c_a",
    }

    published = {record.key: record.value for record in newest(PUBLICATIONS, consoles.settings)}
    pointer = decode_live_publication(published[f"{merchant}/live".encode()] or b"")
    assert (pointer.version, pointer.parts) == (version, 1)
    whole = published[f"{merchant}/{version}/0".encode()] or b""
    assert hashlib.sha256(whole).hexdigest() == pointer.sha256
    live = decode_publication(whole)
    assert [(a.content, a.segments, a.strength) for a in live.associations] == [("c_a", ("l_1",), "pinned")]


def test_of_two_writers_with_the_same_etag_one_writes(client: ConsoleClient) -> None:
    tag = client.http.get("placements/hero").headers["ETag"]
    with ThreadPoolExecutor(8) as many:
        answers = list(
            many.map(
                lambda n: client.http.put("placements/hero", json={"name": f"n{n}"}, headers={"If-Match": tag}),
                range(8),
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    (won,) = [answer for answer in answers if answer.status_code == 200]
    assert client.get("placements/hero")["name"] == won.json()["name"]


def test_another_merchants_key_sees_and_changes_nothing(consoles: Consoles, client: ConsoleClient, url: str) -> None:
    key = consoles.system.key("owner", "someone-else")
    before = records(consoles)
    with httpx.Client(base_url=f"{url}/api/v1/", headers={"Authorization": f"Bearer {key}"}) as other:
        eventually(lambda: other.get("merchants").status_code == 200, what="the console knows the key")
        assert other.get("merchants").json()["merchants"] == []
        own = f"merchants/{client.merchant}"
        for answer in (
            other.get(own),
            other.get(f"{own}/drafts"),
            other.put(f"{own}/placements/hero", json={"name": "x"}, headers={"If-Match": "*"}),
            other.delete(f"{own}/contents/c_a", headers={"If-Match": "*"}),
            other.post(f"{own}/publish"),
        ):
            assert answer.status_code == 404
    assert records(consoles) == before


def test_a_defined_segment_says_how_many_are_in_it_now(consoles: Consoles, client: ConsoleClient) -> None:
    client.segment("s_1", "queries", ">=", 3)

    def assign(customer: str, *defined: str) -> None:
        membership = Membership(defined=defined)
        one = Assignment(merchant=client.merchant, customer=customer, membership=membership, at=1)
        send(ASSIGNMENTS, consoles.settings, {customer_key(client.merchant, customer): msgspec.json.encode(one)})

    for customer in "abc":
        assign(customer, "s_1")
    assign("d")
    assign("a")

    def counted() -> bool:
        segment = client.get("segments/s_1")
        return (segment["size"], segment["share"]) == (2, 0.5)

    eventually(counted, what="two of four customers are counted")


def test_a_large_publication_goes_in_parts_and_another_console_has_it(
    consoles: Consoles, client: ConsoleClient
) -> None:
    # 64 associations of some 20 KB each: more than one part of 512 KB.
    values = [f"{n:02}" + "v" * 300 for n in range(64)]
    for n in range(32):
        client.associate("c_a", f"l_{n}", when=[{"field": "context.category", "op": "in", "value": values}])
        name = f"associations/c_{n}"
        body = {"placement": "hero", "content": "c_a", "when": [{"field": "context.page", "op": "in", "value": values}]}
        client.put(name, body)
    version = client.publish()
    published = {record.key: record.value for record in newest(PUBLICATIONS, consoles.settings)}
    pointer = decode_live_publication(published[f"{client.merchant}/live".encode()] or b"")
    assert pointer.parts >= 2
    second = ConsoleClient(consoles.start("second"), consoles.system.owner_key, client.merchant)
    assert second.get("drafts") == {"drafts": [], "next": None, "table_version": version, "hindrances": []}
    second.close()


def test_the_first_start_prints_a_link_that_makes_the_first_owner(kafka: str, tmp_path: Path) -> None:
    fresh = Consoles(kafka, tmp_path, "fresh-console-")
    try:
        url = fresh.start()
        file = tmp_path / "console" / "setup-link"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        link = file.read_text().strip()
        assert link in (tmp_path / "console" / "log").read_text()
        assert plain().get(link).status_code == 200
        made = plain().post(link, headers={"Sec-Fetch-Site": "same-origin"})
        found = re.search(r"<code>(k_[^<]+)</code>", made.text)
        assert found
        assert not file.exists()
        assert plain().post(link, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 404
        answer = plain().get(f"{url}/api/v1/merchants", headers={"Authorization": f"Bearer {found[1]}"})
        assert answer.json() == {"merchants": [], "next": None}
    finally:
        fresh.stop()
