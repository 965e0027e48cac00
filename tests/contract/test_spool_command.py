"""`tailorbird spool` tells what an edge wrote down and what Kafka has, and mends what is damaged."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import tailorbird
from api.edge.spool.ledger import Ledger
from api.edge.spool.log import SpoolLog
from models.contracts.errors import ConfigurationError


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Five events, two of them shipped, in the folder of an edge that was stopped."""
    folder = tmp_path / "edge-1" / "0"
    log = SpoolLog(folder, "g", segment_bytes=1 << 20, max_bytes=1 << 30)
    log.append([b"event %d" % number for number in range(5)])
    log.close()
    ledger = Ledger(folder)
    ledger.advance(2)
    ledger.close()
    return folder


def inspect(folder: Path, *more: str) -> Result:
    return run("inspect", str(folder), *more)


def run(*words: str) -> Result:
    return CliRunner().invoke(tailorbird.command_line, ["spool", *words])


def test_what_waits_is_counted(spool: Path) -> None:
    before = {path: path.read_bytes() for path in spool.iterdir()}
    answer = inspect(spool)
    assert answer.exit_code == 0, answer.output
    assert "1..5  5 events" in answer.output
    assert answer.output.endswith("Kafka has everything up to 2; 3 events wait.\n")
    assert {path: path.read_bytes() for path in spool.iterdir()} == before


def test_damage_is_told_and_the_rest_counted(spool: Path) -> None:
    (file,) = spool.glob("*.log")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    answer = inspect(spool)
    assert isinstance(answer.exception, ConfigurationError)
    assert "4 events" in answer.output
    assert "bytes damaged" in answer.output


def test_another_folder_is_refused(tmp_path: Path) -> None:
    answer = inspect(tmp_path)
    assert isinstance(answer.exception, ConfigurationError)
    assert "is no spool" in str(answer.exception)


def test_the_folder_of_an_edge_is_every_workers(spool: Path) -> None:
    other = SpoolLog(spool.parent / "1", "h", segment_bytes=1 << 20, max_bytes=1 << 30)
    other.append([b"{}"])
    found = json.loads(inspect(spool.parent, "--json").output)
    assert [(each["generation"], each["shipped"], each["pending"]) for each in found] == [("g", 2, 3), ("h", 0, 1)]
    assert found[0]["segments"][0] | {"bytes": 0} == {
        "file": "00000000000000000001.log", "first": 1, "last": 5, "events": 5, "bytes": 0, "damaged": 0, "torn": 0
    }  # fmt: skip
    other.close()


def test_a_torn_tail_is_no_damage(spool: Path) -> None:
    (file,) = spool.glob("*.log")
    with file.open("ab") as torn:
        torn.write(b"\x09\x00")
    answer = inspect(spool)
    assert answer.exit_code == 0
    assert "2 bytes torn" in answer.output


def test_repair_puts_damage_aside(spool: Path) -> None:
    assert run("repair", str(spool)).output == "Every frame is whole.\n"
    (file,) = spool.glob("*.log")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    (mended,) = json.loads(run("repair", str(spool), "--json").output)
    assert (mended["kept"], mended["cut"], mended["aside"]) == (4, 0, "00000000000000000001.damaged")
    assert inspect(spool).exit_code == 0


def test_a_running_edges_spool_is_neither_repaired_nor_replayed(spool: Path) -> None:
    log = SpoolLog(spool, "g", segment_bytes=1 << 20, max_bytes=1 << 30)
    for command in ("repair", "replay"):
        answer = run(command, str(spool))
        assert isinstance(answer.exception, ConfigurationError)
        assert "end the edge first" in str(answer.exception)
    log.close()
