"""`tailorbird spool inspect` tells what an edge wrote down and what Kafka has, and changes nothing."""

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
    log = SpoolLog(tmp_path, "g", segment_bytes=1 << 20, max_bytes=1 << 30)
    log.append([b"event %d" % number for number in range(5)])
    log.close()
    ledger = Ledger(tmp_path)
    ledger.advance(2)
    ledger.close()
    return tmp_path


def inspect(folder: Path) -> Result:
    return CliRunner().invoke(tailorbird.command_line, ["spool", "inspect", str(folder)])


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
