"""Signing in, forms and what the pages say, through the real application."""

import os
import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.console.attempts import FAILURES
from models.contracts.segments import LearnedSegment
from tests.support.console_app import ConsoleApp, taste
from tests.unit.console.conftest import M1

FORM = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def signed_in(owner: TestClient, console_app: ConsoleApp) -> Iterator[TestClient]:
    """Signed in, as a browser."""
    with TestClient(console_app.app, headers=FORM) as client:
        answer = client.post("/sign-in", data={"key": console_app.key()}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        yield client


def token(client: TestClient) -> str:
    found = re.search(r'name="token" value="([^"]+)"', client.get("/").text)
    assert found
    return found[1]


def test_the_cookie_is_closed_to_scripts_and_other_sites(owner: TestClient, console_app: ConsoleApp) -> None:
    with TestClient(console_app.app, headers=FORM) as client:
        cookie = client.post("/sign-in", data={"key": console_app.key()}, follow_redirects=False).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_behind_tls_the_cookie_is_bound_to_the_host(tmp_path: object) -> None:
    from pathlib import Path

    console = ConsoleApp(Path(str(tmp_path)), "https://console.example")
    with TestClient(console.app, headers=FORM, base_url="https://console.example") as client:
        cookie = client.post("/sign-in", data={"key": console.key()}, follow_redirects=False).headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert "Secure" in cookie
    assert "Path=/" in cookie


def test_wrong_keys_are_refused_and_then_told_to_wait(console_app: ConsoleApp) -> None:
    with TestClient(console_app.app, headers=FORM) as client:
        for _ in range(FAILURES):
            assert client.post("/sign-in", data={"key": "k_x.y"}).status_code == 401
        limited = client.post("/sign-in", data={"key": console_app.key()})
        assert limited.status_code == 429
        assert int(limited.headers["retry-after"]) > 200
        console_app.now += 5 * 60_000
        assert client.post("/sign-in", data={"key": console_app.key()}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/merchants/m1"])
def test_who_is_not_signed_in_is_asked_to(owner: TestClient, console_app: ConsoleApp, path: str) -> None:
    with TestClient(console_app.app) as client:
        assert client.get(path, follow_redirects=False).headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    "path",
    [
        "/merchants",
        "/merchants/m1/associations",
        "/merchants/m1/associations/a_1/remove",
        "/merchants/m1/contents",
        "/merchants/m1/contents/c_a/approve",
        "/merchants/m1/contents/c_a/revoke",
        "/merchants/m1/placements",
        "/merchants/m1/segments/l_1",
        "/merchants/m1/publish",
        "/merchants/m1/rollback",
        "/sign-out",
    ],
)
def test_no_other_page_can_send_a_form(signed_in: TestClient, console_app: ConsoleApp, path: str) -> None:
    right = token(signed_in)
    for headers, form in [
        ({"Sec-Fetch-Site": "same-site"}, {"token": right}),
        ({"Sec-Fetch-Site": "cross-site"}, {"token": right}),
        (FORM, {"token": "wrong"}),
        (FORM, {}),
    ]:
        assert signed_in.post(path, data=form, headers=headers).status_code == 403
    assert console_app.world.publications.live("m1") is None


def test_a_browser_writes_through_the_api_only_with_its_token(signed_in: TestClient) -> None:
    body = {"name": "Side"}
    assert signed_in.put(f"{M1}/placements/side", json=body).status_code == 403
    assert (
        signed_in.put(f"{M1}/placements/side", json=body, headers={"X-CSRF-Token": token(signed_in)}).status_code == 201
    )
    assert signed_in.get(f"{M1}/placements").status_code == 200


def test_signing_out_and_revoking_the_key_end_it(signed_in: TestClient, owner: TestClient) -> None:
    saved = dict(signed_in.cookies)
    signed_in.post("/sign-out", data={"token": token(signed_in)})
    assert not signed_in.cookies
    signed_in.cookies.update(saved)
    assert signed_in.get("/", follow_redirects=False).status_code == 200
    mine = owner.headers["Authorization"].removeprefix("Bearer ").partition(".")[0]
    for key in owner.get("/api/v1/keys").json()["keys"]:
        if key["id"] != mine:
            owner.delete(f"/api/v1/keys/{key['id']}")
    assert signed_in.get("/", follow_redirects=False).headers["location"] == "/sign-in"


def test_the_set_up_link_makes_one_owner_and_signs_in(console_app: ConsoleApp) -> None:
    link = console_app.setup.prepare(False, os.urandom)
    assert link is not None
    with TestClient(console_app.app, headers=FORM) as client:
        assert client.get("/setup/guess").status_code == 404
        assert client.get(link).status_code == client.get(link).status_code == 200
        assert client.post(link, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        made = client.post(link)
        assert made.status_code == 201
        key = re.search(r"<code>(k_[^<]+)</code>", made.text)
        assert key
        assert client.get("/", follow_redirects=False).status_code == 200
        assert client.post(link).status_code == 404
    assert console_app.world.keys.owner(key[1]) is not None


def test_a_merchant_associates_and_publishes(signed_in: TestClient, console_app: ConsoleApp) -> None:
    console_app.learned(
        "m1", LearnedSegment(id="l_1", name="trousers", size=9, share=0.9, distinct=(taste("trousers", 1.5),))
    )
    form = {"token": token(signed_in), "segments": ["l_1"], "content": "c_a", "placement": "hero", "strength": "pinned"}
    said = signed_in.post("/merchants/m1/associations", data=form)
    assert "Associated" in said.text
    tag = re.search(r'name="etag" value="([^"]+)"', said.text)
    assert tag
    etag = tag[1].replace("&#34;", '"')
    assert "Published" in signed_in.post("/merchants/m1/publish", data={"token": form["token"], "etag": etag}).text
    live = console_app.world.publications.live("m1")
    assert live is not None
    assert [(a.segments, a.content, a.strength) for a in live.associations] == [(("l_1",), "c_a", "pinned")]


def test_what_changed_since_the_page_was_loaded_is_not_published(signed_in: TestClient) -> None:
    answer = signed_in.post("/merchants/m1/publish", data={"token": token(signed_in), "etag": '"old"'})
    assert answer.status_code == 412
    assert "changed since" in answer.text


def test_a_wrong_form_says_what_is_wrong_on_the_page(signed_in: TestClient) -> None:
    form = {"token": token(signed_in), "id": "c_x", "src": "javascript:alert(1)", "alt": "x"}
    answer = signed_in.post("/merchants/m1/contents", data=form)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "https://" in answer.text


def test_everything_that_is_echoed_is_escaped(signed_in: TestClient, owner: TestClient) -> None:
    evil = "<script>alert(1)</script>\"'{{7*7}}"
    owner.put("/api/v1/merchants/m2", json={"name": evil, "origins": []})
    owner.put("/api/v1/merchants/m2/placements/p", json={"name": evil})
    owner.put("/api/v1/merchants/m2/contents/c", json={"kind": "image", "src": "https://a.example/?\"'<", "alt": evil})
    for page in (
        signed_in.get("/").text,
        signed_in.get("/merchants/m2").text,
        signed_in.get(f"/merchants/m2?done={evil}&segment={evil}").text,
        signed_in.get("/merchants/<script>alert(1)").text,
        signed_in.post("/merchants", data={"token": token(signed_in), "id": evil, "name": evil, "origins": evil}).text,
    ):
        assert "<script" not in page
        assert "49" not in page
        assert '/?"' not in page


@pytest.mark.parametrize(
    "path", ["/sign-in", "/merchants/m1", "/livez", "/api/v1/keys", "/static/console.css", "/none"]
)
def test_every_answer_is_closed_to_scripts_frames_and_caches(signed_in: TestClient, path: str) -> None:
    headers = signed_in.get(path, follow_redirects=False).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == ("private, max-age=300" if path.startswith("/static") else "no-store")


def test_no_page_has_inline_style_or_script(signed_in: TestClient) -> None:
    for path in ("/", "/merchants/m1", "/sign-in"):
        page = signed_in.get(path).text
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page)
