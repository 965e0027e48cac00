"""Keys, cookies, tokens, the set-up link and the limit on attempts."""

import os
import random
import stat
from pathlib import Path

import pytest

from api.console import keys
from api.console.attempts import FAILURES, WINDOW_MS, Attempts
from api.console.same_origin import is_same_origin
from api.console.sessions import LIFETIME_MS, Sessions
from api.console.setup_link import FILE, SetupLink


def test_a_cookie_is_read_by_who_made_it_until_it_runs_out() -> None:
    sessions = Sessions(b"secret", os.urandom)
    sign_in, cookie = sessions.begin("k_1", 1000)
    assert sessions.read(cookie, 1000) == sign_in
    assert sessions.read(cookie, 1000 + LIFETIME_MS) is None
    assert Sessions(b"other", os.urandom).read(cookie, 1000) is None


def test_no_altered_cookie_is_read(seeded: random.Random) -> None:
    sessions = Sessions(b"secret", os.urandom)
    _, cookie = sessions.begin("k_1", 1000)
    for _ in range(300):
        at = seeded.randrange(len(cookie))
        other = seeded.choice([c for c in "abcXYZ019._-é" if c != cookie[at]])
        assert sessions.read(cookie[:at] + other + cookie[at + 1 :], 1000) is None
    assert sessions.read("", 0) is None
    assert sessions.read(".", 0) is None


def test_a_form_token_belongs_to_one_sign_in() -> None:
    sessions = Sessions(b"secret", os.urandom)
    (one, cookie), (two, _) = sessions.begin("k_1", 0), sessions.begin("k_1", 0)
    assert sessions.right_token(one, sessions.form_token(one))
    assert not sessions.right_token(two, sessions.form_token(one))
    assert not sessions.right_token(one, cookie.partition(".")[2])


def test_ten_failures_and_the_address_waits() -> None:
    attempts = Attempts()
    for _ in range(FAILURES):
        assert attempts.wait_ms("a", 0) == 0
        attempts.failed("a", 0)
    assert attempts.wait_ms("a", 1) == WINDOW_MS - 1
    assert attempts.wait_ms("b", 1) == 0
    assert attempts.wait_ms("a", WINDOW_MS) == 0


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:1"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "http://127.0.0.1:1"}, True),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_same_origin(headers: dict[str, str], *, same: bool) -> None:
    assert is_same_origin(headers, "http://127.0.0.1:1") is same


def test_the_set_up_link_is_the_owners_alone_and_survives_a_restart(tmp_path: Path) -> None:
    first = SetupLink(tmp_path, "http://c").prepare(False, os.urandom)
    link = SetupLink(tmp_path, "http://c")
    assert link.prepare(False, os.urandom) == first
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert first is not None
    assert link.fits(first.rpartition("/")[2])
    assert not link.fits("")
    link.consume()
    assert not link.fits(first.rpartition("/")[2])


def test_an_owned_console_has_no_set_up_link(tmp_path: Path) -> None:
    link = SetupLink(tmp_path, "http://c")
    link.prepare(False, os.urandom)
    assert link.prepare(True, os.urandom) is None
    assert list(tmp_path.iterdir()) == []


def test_only_the_right_secret_of_a_valid_owners_key_opens() -> None:
    import msgspec

    known = keys.Keys()
    made, key = keys.make("owner", None, 0, os.urandom)
    known.apply(f"key/{made.id}".encode(), msgspec.json.encode(made))
    assert known.owner(key) == keys.Holder(made.id, None)
    for wrong in ("", made.id, f"{made.id}.", f"{made.id}.x", key + "x", key[:-1]):
        assert known.owner(wrong) is None
    known.apply(f"key/{made.id}".encode(), msgspec.json.encode(msgspec.structs.replace(made, revoked=True)))
    assert known.owner(key) is None
    assert not known.has_owner
