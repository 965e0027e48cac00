"""Chores on a real broker: models, rejected records, topics, doctor."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from msgspec import json, structs

from models.contracts.ids import customer_key
from models.contracts.profile import Counter, Profile, encode_profile
from models.contracts.rejected import Rejected, rejected_key
from models.contracts.segments import FeatureSchema, LearnedSegment, SegmentModel
from models.contracts.settings import Settings
from models.contracts.topics import PROFILES, REJECTED
from streams.admin import apply
from streams.brokers import Tansu
from streams.brokers.records import send

MODEL = SegmentModel(
    merchant="shop",
    version=9,
    features=FeatureSchema(version=1, names=("queries", "sessions")),
    mean=(0.0, 0.0),
    scale=(1.0, 1.0),
    centres=((0.0, 1.0), (1.0, 0.0)),
    segments=(
        LearnedSegment(id="l_1", name="one", size=1, share=0.5),
        LearnedSegment(id="l_2", name="two", size=1, share=0.5),
    ),
    trained_at=1_700_000_000_000,
    customers=2,
)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Settings]:
    """A broker without topics."""
    with Tansu(log=tmp_path / "tansu.log") as broker:
        yield Settings(brokers=broker.address)


@pytest.fixture
def settings(empty: Settings) -> Settings:
    apply(empty)
    return empty


def chore(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tailorbird", *arguments, "--brokers", settings.brokers]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_models_are_published_listed_and_rolled_back(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_bytes(json.encode(MODEL))
    assert chore(settings, "models", "publish", str(file)).stdout == "version 1 of shop is live\n"
    assert chore(settings, "models", "publish", str(file)).stdout == "version 2 of shop is live\n"
    assert chore(settings, "models", "rollback", "1", "--merchant", "shop").stdout == "version 1 of shop is live\n"
    first, second = chore(settings, "models", "list").stdout.splitlines()
    assert first.endswith("2 segments  2 customers  2023-11-14 22:13 UTC  live")
    assert second.endswith("UTC")
    refused = chore(settings, "models", "rollback", "3", "--merchant", "shop")
    assert (refused.returncode, refused.stdout) == (78, "")
    assert "Version 3 of shop does not exist." in refused.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "is no segment model"),
        (json.encode(structs.replace(MODEL, mean=(0.0,))), "must have 2 numbers"),
        (json.encode(structs.replace(MODEL, refused="stability 0.4 < 0.7")), "did not pass the gates: stability"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(settings: Settings, tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "model.json"
    file.write_bytes(content)
    refused = chore(settings, "models", "publish", str(file))
    assert refused.returncode == 78
    assert says in refused.stderr
    assert chore(settings, "models", "list").stdout == ""


def test_profiles_are_exported_as_parquet(settings: Settings, tmp_path: Path) -> None:
    profile = Profile(merchant="shop", customer="ann", first=1_000, last=2_000, counters={"queries": Counter(3.0)})
    send(PROFILES, settings, {customer_key("shop", "ann"): encode_profile(profile)})
    file = tmp_path / "profiles.parquet"
    done = chore(settings, "profiles", "export", "--merchant", "shop", "--to", str(file))
    assert done.stdout == f"1 profiles of shop in {file}\n", done.stderr
    frame = pd.read_parquet(file)
    assert list(frame.index) == ["ann"]
    assert frame.loc["ann", "queries"] == 3.0


def test_rejected_records_are_listed_and_shown_without_steering_the_terminal(settings: Settings) -> None:
    record = Rejected(
        topic="events",
        partition=3,
        offset=7,
        reason="not JSON \x1b[2J",
        reader="worker",
        at=0,
        key=b"k",
        value=b"\x00{",
    )
    send(REJECTED, settings, {rejected_key("events", 3, 7): json.encode(record)})
    assert chore(settings, "rejected", "list").stdout == (
        "events/3/7  1970-01-01 00:00:00 UTC  worker  not JSON \N{REPLACEMENT CHARACTER}[2J\n"
    )
    shown = chore(settings, "rejected", "show", "events/3/7").stdout
    assert "\x1b" not in shown
    assert "value   b'\\x00{'" in shown
    assert chore(settings, "rejected", "show", "events/3/8").returncode == 78


def test_topics_are_shown_mended_and_never_cut_anew(empty: Settings) -> None:
    missing = chore(empty, "topics", "show")
    assert missing.returncode == 78
    assert "tailorbird topics apply" in missing.stderr
    assert chore(empty, "topics", "apply").returncode == 0
    assert chore(empty, "topics", "show").returncode == 0
    other = chore(empty, "topics", "apply", "--partitions", "8")
    assert other.returncode == 78
    assert "16 partitions, declared are 8" in other.stderr
    assert PROFILES.name in chore(empty, "topics", "show").stdout


def test_the_doctor_names_what_is_missing_and_what_mends_it(empty: Settings) -> None:
    ill = chore(empty, "doctor")
    assert ill.returncode == 78
    assert "wrong  Topic events: missing. Mend: tailorbird topics apply" in ill.stdout
    apply(empty)
    well = chore(empty, "doctor")
    assert well.returncode == 0, well.stdout
    assert "13 topics are as declared" in well.stdout


def test_the_doctor_without_a_broker_says_so() -> None:
    ill = chore(Settings(brokers="127.0.0.1:1"), "doctor")
    assert ill.returncode == 78
    assert "wrong  No Kafka broker answers at 127.0.0.1:1. Mend: start one" in ill.stdout
