"""`tailorbird keys` against a real broker: shown once, stored as a digest, revoked for good."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.contracts.access import decode_access_key, key_digest
from models.contracts.settings import Settings
from models.contracts.topics import ACCESS
from streams.admin import apply
from streams.brokers import Tansu
from streams.brokers.records import newest, read


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with Tansu(log=tmp_path / "tansu.log") as broker:
        settings = Settings(brokers=broker.address)
        apply(settings)
        yield settings


def keys(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tailorbird", "keys", *arguments, "--brokers", settings.brokers]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_key_is_shown_once_and_stored_as_its_digest(settings: Settings) -> None:
    key = keys(settings, "create", "--role", "server", "--merchant", "shop").stdout.strip()
    (record,) = newest(ACCESS, settings)
    assert record.value is not None
    stored = decode_access_key(record.value)
    assert (stored.role, stored.merchant, stored.revoked) == ("server", "shop", False)
    assert stored.sha256 == key_digest(key)
    secret = key.partition(".")[2]
    assert len(secret) == 43
    assert all(secret.encode() not in (each.value or b"") for each in read(ACCESS, settings))
    listed = keys(settings, "list").stdout
    assert stored.id in listed
    assert secret not in listed


def test_a_revoked_key_stays_revoked_in_the_list(settings: Settings) -> None:
    key = keys(settings, "create", "--role", "owner").stdout.strip()
    assert keys(settings, "revoke", key.partition(".")[0]).returncode == 0
    assert keys(settings, "list").stdout.rstrip().endswith("revoked")


def test_revoking_an_unknown_key_is_a_sentence(settings: Settings) -> None:
    done = keys(settings, "revoke", "k_nobody")
    assert done.returncode == 78
    assert done.stderr == "tailorbird: There is no key k_nobody. Mend: see the ids with: tailorbird keys list\n"
