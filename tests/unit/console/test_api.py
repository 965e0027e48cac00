"""The JSON API through the real application, its store in memory."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from models.contracts.segments import LearnedSegment
from tests.support.console_app import ConsoleApp, taste

M1 = "/api/v1/merchants/m1"
INTEGRITY = "sha384-" + "A" * 64
ASSOCIATION = {"placement": "hero", "content": "c_a", "segments": ["*"]}
SCRIPT = {"kind": "script", "src": "https://one.example/s.js", "integrity": INTEGRITY}
CALLS = [
    ("GET", M1),
    ("PUT", M1),
    ("GET", f"{M1}/placements"),
    ("GET", f"{M1}/placements/hero"),
    ("PUT", f"{M1}/placements/hero"),
    ("DELETE", f"{M1}/placements/hero"),
    ("GET", f"{M1}/contents"),
    ("PUT", f"{M1}/contents/c_a"),
    ("POST", f"{M1}/contents/c_a/approve"),
    ("POST", f"{M1}/contents/c_a/revoke"),
    ("GET", f"{M1}/segments"),
    ("PUT", f"{M1}/segments/s_1"),
    ("GET", f"{M1}/associations"),
    ("PUT", f"{M1}/associations/a_1"),
    ("GET", f"{M1}/drafts"),
    ("POST", f"{M1}/publish"),
    ("GET", f"{M1}/publications"),
    ("POST", f"{M1}/rollback"),
    ("POST", f"{M1}/preview"),
    ("GET", f"{M1}/models"),
    ("POST", f"{M1}/models"),
    ("POST", f"{M1}/models/1/publish"),
    ("GET", f"{M1}/customers/c_1"),
    ("GET", f"{M1}/customers/c_1/export"),
    ("POST", f"{M1}/customers/c_1/erase"),
]
GENERAL = [
    ("GET", "/api/v1/merchants"),
    ("GET", "/api/v1/keys"),
    ("POST", "/api/v1/keys"),
    ("PUT", "/api/v1/keys/k_1"),
    ("DELETE", "/api/v1/keys/k_1"),
]


def everything(console: ConsoleApp) -> Any:
    return [
        (m.id, console.world.catalogue._records.copy(), console.world.publications.versions(m.id))
        for m in console.world.catalogue.merchants()
    ] + [dict(console.world.erasures.commands)]


@pytest.mark.parametrize("who", ["nobody", "server", "wrong", "revoked", "basic"])
def test_without_an_owners_key_nothing_opens(owner: TestClient, console_app: ConsoleApp, who: str) -> None:
    before = everything(console_app)
    headers = {
        "nobody": {},
        "server": {"Authorization": f"Bearer {console_app.key('server', 'm1')}"},
        "wrong": {"Authorization": "Bearer k_x.y"},
        "revoked": {"Authorization": f"Bearer {revoked(owner, console_app)}"},
        "basic": {"Authorization": "Basic b3duZXI6b3duZXI="},
    }[who]
    with TestClient(console_app.app) as client:
        for method, path in [*CALLS, *GENERAL]:
            answer = client.request(method, path, headers=headers, json={} if method != "GET" else None)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
    assert everything(console_app) == before


def revoked(owner: TestClient, console: ConsoleApp) -> str:
    key = console.key()
    assert owner.delete(f"/api/v1/keys/{key.partition('.')[0]}").status_code == 204
    return key


def test_another_merchants_owner_sees_nothing(owner: TestClient, console_app: ConsoleApp) -> None:
    before = everything(console_app)
    with TestClient(console_app.app, headers={"Authorization": f"Bearer {console_app.key('owner', 'm2')}"}) as other:
        absent = other.get("/api/v1/merchants/none/placements").json()
        for method, path in CALLS:
            body = None if method == "GET" else {"name": "x", "origins": []}
            answer = other.request(method, path, headers={"If-Match": "*"}, json=body)
            assert answer.status_code == 404, (method, path)
            assert answer.json() == absent  # there or not: the same
        assert other.get("/api/v1/merchants").json()["merchants"] == []
        assert [key["merchant"] for key in other.get("/api/v1/keys").json()["keys"]] == ["m2"]
    assert everything(console_app) == before


def test_an_owner_of_one_merchant_makes_no_key_for_more(owner: TestClient, console_app: ConsoleApp) -> None:
    with TestClient(console_app.app, headers={"Authorization": f"Bearer {console_app.key('owner', 'm1')}"}) as one:
        assert one.post("/api/v1/keys", json={"role": "owner"}).status_code == 403
        assert one.post("/api/v1/keys", json={"role": "server", "merchant": "m2"}).status_code == 403
        made = one.post("/api/v1/keys", json={"role": "server", "merchant": "m1"})
        assert made.status_code == 201
        assert made.json()["key"].startswith(made.json()["id"] + ".")
        assert "sha256" not in one.get("/api/v1/keys").text
        everyones = console_app.key().partition(".")[0]
        assert one.delete(f"/api/v1/keys/{everyones}").status_code == 404


def test_what_exists_is_only_changed_by_who_has_read_it(owner: TestClient) -> None:
    path = f"{M1}/placements/side"
    made = owner.put(path, json={"name": "Side"})
    assert made.status_code == 201
    assert owner.put(path, json={"name": "Other"}).status_code == 428
    assert owner.put(path, json={"name": "Other"}, headers={"If-Match": '"9-x"'}).status_code == 412
    changed = owner.put(path, json={"name": "Other"}, headers={"If-Match": made.headers["etag"]})
    assert (changed.status_code, changed.json()["name"]) == (200, "Other")
    assert owner.put(path, json={"name": "Late"}, headers={"If-Match": made.headers["etag"]}).status_code == 412
    assert owner.get(path).headers["etag"] == changed.headers["etag"]
    assert owner.delete(path).status_code == 428
    assert owner.delete(path, headers={"If-Match": changed.headers["etag"]}).status_code == 204
    assert owner.put(path, json={"name": "Side"}, headers={"If-Match": made.headers["etag"]}).status_code == 412
    again = owner.put(path, json={"name": "Side"})
    assert again.status_code == 201
    assert again.headers["etag"] != made.headers["etag"]


def test_merchant_settings_have_their_defaults_and_are_live(owner: TestClient) -> None:
    assert owner.get(M1).json() == {
        "id": "m1", "name": "One", "origins": ["https://one.example"], "freshness": "session",
        "consent_default": "denied", "honour_gpc": True, "holdouts": {"uniform": 0.05, "best": 0.1},
        "session": {"idle_minutes": 30, "max_minutes": 720}, "objective": "click", "attribution_hours": 24,
        "timezone": "UTC", "currency": "EUR", "identify": "signed", "script_approval": "owner",
    }  # fmt: skip
    assert owner.get(f"{M1}/drafts").json()["drafts"][0]["kind"] != "merchant"


def test_drafts_go_live_at_once_and_come_back(owner: TestClient) -> None:
    assert owner.put(f"{M1}/associations/a_1", json=ASSOCIATION).status_code == 201
    drafts = owner.get(f"{M1}/drafts")
    assert [(d["kind"], d["id"], d["change"]) for d in drafts.json()["drafts"]] == [
        ("placement", "hero", "added"),
        ("content", "c_a", "added"),
        ("content", "c_b", "added"),
        ("association", "a_1", "added"),
    ]
    assert owner.post(f"{M1}/publish", headers={"If-Match": '"other"'}).status_code == 412
    assert owner.post(f"{M1}/publish", headers={"If-Match": drafts.headers["etag"]}).json() == {"table_version": 1}
    assert owner.get(f"{M1}/drafts").json()["drafts"] == []
    assert owner.post(f"{M1}/publish").json() == {"table_version": 1}

    tag = owner.get(f"{M1}/associations/a_1").headers["etag"]
    owner.put(f"{M1}/associations/a_1", json=ASSOCIATION | {"content": "c_b"}, headers={"If-Match": tag})
    assert owner.post(f"{M1}/publish").json() == {"table_version": 2}
    assert owner.post(f"{M1}/rollback", json={"table_version": 1}).json() == {"table_version": 3, "restored": 1}
    changed = owner.get(f"{M1}/drafts").json()["drafts"]
    assert [(d["id"], d["before"]["content"], d["after"]["content"]) for d in changed] == [("a_1", "c_a", "c_b")]
    versions = owner.get(f"{M1}/publications").json()["publications"]
    assert [(v["table_version"], v["live"]) for v in versions] == [(3, True), (2, False), (1, False)]
    assert owner.post(f"{M1}/rollback", json={"table_version": 9}).status_code == 404


def test_a_changed_content_is_a_new_version_and_the_console_alone_says_which(owner: TestClient) -> None:
    path, body = f"{M1}/contents/c_a", {"kind": "image", "src": "https://one.example/a.png"}

    def put(**more: Any) -> dict[str, Any]:
        tag = owner.get(path).headers["etag"]
        answer = owner.put(path, json=body | more, headers={"If-Match": tag})
        return dict(answer.json())

    assert put(version=99, revoked=True, id="other")["version"] == 1
    assert put(alt="Summer")["version"] == 2
    assert put(alt="Summer")["version"] == 2
    assert owner.get(path).json()["revoked"] is False


def test_a_script_waits_for_approval_and_an_altered_one_waits_again(owner: TestClient) -> None:
    path = f"{M1}/contents/c_s"
    assert owner.put(path, json=SCRIPT | {"approved_by": "me"}).json()["approved_by"] is None
    owner.put(f"{M1}/placements/any", json={"name": "Any", "kinds": ["image", "script"]})
    owner.put(f"{M1}/associations/a_s", json=ASSOCIATION | {"placement": "any", "content": "c_s"})
    assert owner.get(f"{M1}/drafts").json()["hindrances"][0]["id"] == "c_s"
    assert owner.post(f"{M1}/publish").status_code == 409
    approved = owner.post(f"{path}/approve")
    assert approved.json()["approved_by"]
    assert owner.post(f"{M1}/publish").status_code == 200
    other = SCRIPT | {"integrity": "sha384-" + "B" * 64}
    altered = owner.put(path, json=other, headers={"If-Match": approved.headers["etag"]}).json()
    assert (altered["version"], altered["approved_by"]) == (2, None)
    assert owner.post(f"{M1}/publish").status_code == 409


def test_where_a_second_person_has_to_approve_the_author_cannot(owner: TestClient, console_app: ConsoleApp) -> None:
    tag = owner.get(M1).headers["etag"]
    body = {"name": "One", "origins": [], "script_approval": "second_person"}
    owner.put(M1, json=body, headers={"If-Match": tag})
    owner.put(f"{M1}/contents/c_s", json=SCRIPT)
    assert owner.post(f"{M1}/contents/c_s/approve").status_code == 403
    second = {"Authorization": f"Bearer {console_app.key('owner', 'm1')}"}
    assert owner.post(f"{M1}/contents/c_s/approve", headers=second).status_code == 200


def test_what_is_revoked_goes_at_once_and_no_rollback_brings_it_back(
    owner: TestClient, console_app: ConsoleApp
) -> None:
    owner.put(f"{M1}/associations/a_1", json=ASSOCIATION)
    owner.post(f"{M1}/publish")
    assert owner.post(f"{M1}/contents/c_a/revoke").json()["revoked"] is True
    live = console_app.world.publications.live("m1")
    assert live is not None
    assert {c.id: c.revoked for c in live.contents} == {"c_a": True, "c_b": False}
    owner.post(f"{M1}/rollback", json={"table_version": 1})
    live = console_app.world.publications.live("m1")
    assert live is not None
    assert live.table_version == 3
    assert {c.id: c.revoked for c in live.contents} == {"c_a": True, "c_b": False}
    owner.delete(f"{M1}/associations/a_1", headers={"If-Match": "*"})
    assert owner.delete(f"{M1}/contents/c_a", headers={"If-Match": "*"}).status_code == 409


def test_segments_are_what_was_learned_under_the_merchants_names(owner: TestClient, console_app: ConsoleApp) -> None:
    learned = LearnedSegment(id="l_1", name="looks at trousers", size=30, share=0.3, distinct=(taste("trousers", 1.5),))
    console_app.learned("m1", learned, LearnedSegment(id="l_2", name="rest", size=70, share=0.7))
    path = f"{M1}/segments"
    assert owner.put(f"{path}/l_1", json={"name": "Trouser people"}).status_code == 201
    rule = {"all": [{"field": "category.trousers.share", "op": ">=", "value": 0.5}]}
    assert owner.put(f"{path}/s_1", json={"name": "Half trousers", "rule": rule}).status_code == 201
    assert owner.put(f"{path}/l_2", json={"name": "x", "rule": rule}).status_code == 409
    assert owner.put(f"{path}/l_9", json={"name": "x"}).status_code == 404
    assert owner.put(f"{path}/s_2", json={"name": "x"}).status_code == 422
    found = owner.get(path).json()
    assert found["next"] is None
    assert [(s["id"], s["kind"], s["name"], s["size"]) for s in found["segments"]] == [
        ("l_2", "learned", "rest", 70),
        ("l_1", "learned", "Trouser people", 30),
        ("s_1", "defined", "Half trousers", 0),
    ]
    assert found["segments"][1]["distinct"] == [
        {"field": "category.trousers.share@14d", "effect": 1.5, "direction": "above"}
    ]
    assert found["segments"][2]["rule"] == rule
    assert owner.get(f"{M1}/models").json()["models"][0]["live"] is True


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("placements/p", {"name": ""}, "name"),
        ("placements/p", {"name": "a\u202eb"}, "name"),
        ("placements/p", {"name": "x", "kinds": ["html"]}, "kinds[0]"),
        ("placements/p", {"name": "x", "width": 0}, "width"),
        ("placements/p", {"name": ["x"]}, "name"),
        ("placements/p", {}, "name"),
        ("contents/c", {"kind": "image", "src": "javascript:alert(1)"}, "src"),
        ("contents/c", {"kind": "image", "src": "https://a.example/", "href": "data:text/html,x"}, "href"),
        ("contents/c", {"kind": "image", "src": "https://a.example/", "sources": [{"src": "http://b.example/"}]}, "sources[0].src"),
        ("contents/c", {"kind": "html", "body": "<b>"}, "kind"),
        ("contents/c", {"kind": "script", "src": "https://a.example/"}, "integrity"),
        ("contents/c", {"kind": "script", "src": "https://a.example/", "integrity": "sha256-x"}, "integrity"),
        ("segments/s", {"name": "x", "rule": {"field": "nonsense", "op": "==", "value": 1}}, "rule.field"),
        ("segments/s", {"name": "x", "rule": {"all": []}}, "rule.all"),
        ("associations/a", ASSOCIATION | {"placement": "none"}, "placement"),
        ("associations/a", ASSOCIATION | {"content": "none"}, "content"),
        ("associations/a", ASSOCIATION | {"segments": ["s_none"]}, "segments"),
        ("associations/a", ASSOCIATION | {"segments": []}, "segments"),
        ("associations/a", ASSOCIATION | {"strength": "forced"}, "strength"),
        ("associations/a", ASSOCIATION | {"from": 5, "until": 5}, "until"),
        ("associations/a", ASSOCIATION | {"per_session_cap": 0}, "per_session_cap"),
        ("associations/a", ASSOCIATION | {"when": [{"field": "queries", "op": "==", "value": 1}]}, "when[0].field"),
        ("associations/bad id", ASSOCIATION, "id"),
        (f"associations/{'a' * 65}", ASSOCIATION, "id"),
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_named(owner: TestClient, path: str, body: dict[str, Any], field: str) -> None:
    answer = owner.put(f"{M1}/{path}", json=body)
    assert (answer.status_code, answer.json().get("field")) == (422, field), answer.text
    assert owner.get(f"{M1}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"origins": ["https://shop.example/"]}, "origins[0]"),
        ({"holdouts": {"uniform": 0.6, "best": 0.6}}, "holdouts"),
        ({"holdouts": {"uniform": 2}}, "holdouts.uniform"),
        ({"session": {"idle_minutes": 60, "max_minutes": 30}}, "session.max_minutes"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"currency": "euro"}, "currency"),
        ({"consent_default": "maybe"}, "consent_default"),
    ],
)
def test_merchant_settings_are_judged(owner: TestClient, settings: dict[str, Any], field: str) -> None:
    answer = owner.put("/api/v1/merchants/m9", json={"name": "Nine", "origins": []} | settings)
    assert (answer.status_code, answer.json().get("field")) == (422, field), answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[1]", 400),
        (b"nonsense", 400),
        (b'{"name":NaN}', 400),
        (b"\xff\xfe", 400),
        (b'{"name":"\xff"}', 400),
        (b"[" * 30_000, 400),
        (b'{"name":"' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_what_is_no_json_object_is_refused(owner: TestClient, body: bytes, status: int) -> None:
    assert owner.put(f"{M1}/placements/p", content=body).status_code == status
    assert owner.put("/api/v1/merchants/m9", content=body).status_code == status


def test_a_placement_or_content_in_use_stays(owner: TestClient) -> None:
    owner.put(f"{M1}/associations/a_1", json=ASSOCIATION)
    for path in ("placements/hero", "contents/c_a"):
        assert owner.delete(f"{M1}/{path}", headers={"If-Match": "*"}).status_code == 409
    owner.put(f"{M1}/contents/c_s", json=SCRIPT)
    refused = owner.put(f"{M1}/associations/a_2", json=ASSOCIATION | {"content": "c_s"})
    assert (refused.status_code, refused.json()["field"]) == (422, "content")


def test_a_preview_token_is_what_the_edge_reads(owner: TestClient, console_app: ConsoleApp) -> None:
    from api.tokens import allows

    answer = owner.post(f"{M1}/preview").json()
    assert allows("test", answer["token"], "debug", "m1", console_app.now)
    assert not allows("test", answer["token"], "debug", "m2", console_app.now)
    assert not allows("test", answer["token"], "debug", "m1", answer["until"])


def test_the_description_names_every_address(owner: TestClient, console_app: ConsoleApp) -> None:
    described = owner.get("/openapi.json").json()
    routes = {
        (route.path.replace("{item}", "{id}").replace("{key}", "{id}").replace(":int", ""), method.lower())  # type: ignore[attr-defined]  # all under /api are Routes
        for route in console_app.app.routes
        if getattr(route, "path", "").startswith("/api/") and not getattr(route, "path", "").endswith("/")
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    }
    assert {(path, method) for path, methods in described["paths"].items() for method in methods} == routes
    assert described["openapi"].startswith("3.1")


def test_health_and_metrics(owner: TestClient) -> None:
    assert owner.get("/livez").status_code == owner.get("/readyz").status_code == 200
    assert 'tailorbird_console_requests_total{method="PUT",status="201"}' in owner.get("/metrics").text
