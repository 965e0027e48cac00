"""One customer through the console's API: looked up and exported with all devices, erased by who may."""

import threading
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from api.console.routes import customers as routes
from models.contracts.erasures import EVENTS_GONE_MS, GONE_MS, Erasure, ErasureProof, erasure_name
from models.contracts.events import encode_event
from models.contracts.ids import customer_key, known_customer, partition_of
from models.contracts.profile import Assignment, Change, Membership, Profile, encode_assignment, encode_profile, pack
from models.contracts.topics import ASSIGNMENTS, ERASURES, EVENTS, PROFILES
from tests.support.console_app import ERASURE_KEY, NOW, ConsoleApp
from tests.support.waiting import eventually
from tests.unit.console.conftest import M1
from tests.unit.models.making import START, looked_at
from tests.unit.models.test_outcomes import shown

ANN = known_customer("ann")


def keep(console: ConsoleApp, profile: Profile) -> None:
    profile.merchant = "m1"
    console.records.put(PROFILES, customer_key("m1", profile.customer), encode_profile(profile))


def two_devices(console: ConsoleApp) -> None:
    """Ann's phone and laptop, and somebody else."""
    for device in ("phone", "laptop"):
        keep(console, looked_at("sale", customer=device))  # before it was joined
        keep(console, Profile(merchant="m1", customer=device, first=START, last=START, known_id="ann", joined=ANN))
        assignment = Assignment(merchant="m1", customer=device, membership=Membership("l_1_0"), at=START, known=ANN)
        console.records.put(ASSIGNMENTS, customer_key("m1", device), encode_assignment(assignment))
    ann = looked_at("sale", "sale", customer=ANN)
    ann.known_id, ann.members, ann.membership = "ann", ["phone", "laptop"], Membership("l_1_0")
    ann.moves = [msgspec.Raw(pack(Change(START, Membership(), ann.membership)))]
    keep(console, ann)
    keep(console, looked_at("trousers", customer="other"))
    for number in range(10):
        event = msgspec.structs.replace(shown(number, START + number, customer="phone"), merchant="m1")
        console.records.put(EVENTS, customer_key("m1", "phone"), encode_event(event))
    console.records.put(EVENTS, customer_key("m1", "laptop"), b"{poison")


@pytest.mark.parametrize("asked", ["phone", "laptop", ANN])
def test_a_person_is_found_under_each_id(owner: TestClient, console_app: ConsoleApp, asked: str) -> None:
    two_devices(console_app)
    answer = owner.get(f"{M1}/customers/{asked}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    assert (found["customer"], found["known"], found["members"]) == (asked, "ann", ["phone", "laptop"])
    assert found["membership"]["learned"] == "l_1_0"
    assert [change["new"]["learned"] for change in found["changes"]] == ["l_1_0"]
    assert [each["query"] for each in found["decisions"]] == [f"q_{number}" for number in range(9, 1, -1)]
    assert all(each["reason"] for each in found["decisions"])
    assert found["profile"]["counters"]["queries"]["total"] == 2


@pytest.mark.parametrize("asked", ["phone", "laptop", ANN])
def test_an_export_has_everything_of_the_person_and_of_nobody_else(
    owner: TestClient, console_app: ConsoleApp, asked: str
) -> None:
    two_devices(console_app)
    found: dict[str, Any] = owner.get(f"{M1}/customers/{asked}/export").json()
    assert {each["customer"] for each in found["profiles"]} == {ANN, "phone", "laptop"}
    assert {each["customer"] for each in found["assignments"]} == {"phone", "laptop"}
    assert [each["id"] for each in found["events"]] == [f"q_{number}" for number in range(10)]
    assert "other" not in owner.get(f"{M1}/customers/{asked}/export").text


@pytest.mark.parametrize("asked", ["nobody", "a%20b", "k:"])
def test_who_is_not_there_is_not_found(owner: TestClient, console_app: ConsoleApp, asked: str) -> None:
    two_devices(console_app)
    assert owner.get(f"{M1}/customers/{asked}").status_code == 404
    assert owner.get(f"{M1}/customers/{asked}/export").status_code == 404


def say(console: ConsoleApp, name: str, record: Erasure | ErasureProof, place: str = "") -> None:
    console.world.take(ERASURES, f"{name}{place}".encode(), msgspec.json.encode(record))


def test_an_erasure_is_answered_with_the_proof_of_all_devices(owner: TestClient, console_app: ConsoleApp) -> None:
    name, other = (erasure_name(ERASURE_KEY, customer_key("m1", each)) for each in ("phone", ANN))

    def work() -> None:
        """As a worker does, once it has the command."""
        eventually(lambda: name in console_app.world.erasures.commands)
        say(console_app, other, Erasure(at=NOW + 5, partition=1, of=name))
        for each in (name, other):
            say(console_app, each, ErasureProof(at=NOW + 9, place="worker"), "/worker")
        say(console_app, name, ErasureProof(at=NOW + 10, place="edge e-1"), "/edge e-1")

    worker = threading.Thread(target=work)
    worker.start()
    answer = owner.post(f"{M1}/customers/phone/erase")
    worker.join()
    assert answer.status_code == 200, answer.text
    proof: dict[str, Any] = answer.json()
    assert [each["name"] for each in proof["erased"]] == [name, other]
    assert {"place": "worker", "at": NOW + 9, "found": True} in proof["erased"][0]["places"]
    assert (proof["gone_at"], proof["events_gone_at"]) == (NOW + 5 + GONE_MS, NOW + 5 + EVENTS_GONE_MS)
    assert "phone" not in answer.text
    command = console_app.world.erasures.commands[name]
    assert command.partition == partition_of(customer_key("m1", "phone"), 16)
    console_app.now += 1_000
    again = owner.post(f"{M1}/customers/phone/erase").json()
    assert [each["place"] for each in again["erased"][0]["places"]] == ["edge e-1", "worker"]
    assert again["erased"][0]["at"] == command.at, "it was erased once"


def test_without_a_workers_word_it_is_only_accepted(
    owner: TestClient, console_app: ConsoleApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "WAIT_S", 0.05)
    answer = owner.post(f"{M1}/customers/c_1/erase")
    assert answer.status_code == 202
    assert answer.json()["erased"][0]["places"] == []


def test_a_signed_in_browser_needs_its_token(owner: TestClient, console_app: ConsoleApp) -> None:
    key = console_app.key()
    with TestClient(console_app.app) as browser:
        browser.post("/sign-in", data={"key": key}, headers={"Sec-Fetch-Site": "same-origin"}, follow_redirects=False)
        headers = {"Sec-Fetch-Site": "same-origin"}
        assert browser.get(f"{M1}/customers/nobody", headers=headers).status_code == 404, "signed in"
        assert browser.post(f"{M1}/customers/c_1/erase", headers=headers).status_code == 403
        assert browser.post(f"{M1}/customers/c_1/erase", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert not console_app.world.erasures.commands


def test_a_console_without_the_key_says_so(owner: TestClient, console_app: ConsoleApp) -> None:
    bare = ConsoleApp(console_app.folder / "bare", erasure_key="")
    with TestClient(bare.app, headers={"Authorization": f"Bearer {bare.key()}"}) as client:
        client.put(M1, json={"name": "One", "origins": []})
        answer = client.post(f"{M1}/customers/c_1/erase")
    assert answer.status_code == 409
    assert "TAILORBIRD_ERASURE_KEY" in answer.json()["detail"]
