"""How fresh an edge is: measured on what events caused, not on profiles that a new model moved to another segment."""

from pathlib import Path

from api.edge.metrics import Metrics
from api.edge.replication import SMALL, Replication
from api.edge.shared.board import Board, BoardWriter
from api.edge.shared.profiles import DictProfiles
from api.edge.shared.status import Status
from api.edge.table import DictTable
from api.replica import Record
from models.contracts.profile import Membership, Profile, encode_profile
from models.contracts.topics import PROFILES


def measured(metrics: Metrics) -> float:
    text = metrics.exposition().decode()
    found = [
        line for line in text.splitlines() if line.startswith('tailorbird_freshness_seconds_count{topic="profiles"}')
    ]
    return float(found[0].split()[-1])


def test_a_profile_that_no_event_changed_says_nothing_of_freshness(tmp_path: Path) -> None:
    metrics, board = Metrics(), BoardWriter(Board(tmp_path, SMALL))
    replication = Replication(DictTable(), DictProfiles(10), board, Status(tmp_path / "status", 1), metrics)
    replication.measuring = True
    profile = Profile(merchant="m", customer="c", first=1, last=1, received=1_000)

    def comes(offset: int) -> None:
        replication.profile(Record(PROFILES, 0, offset, b"m/c", encode_profile(profile), 0))

    comes(0)
    assert measured(metrics) == 1
    profile.membership = Membership("l_2_1", (), 2)
    comes(1)
    assert measured(metrics) == 1, "assigned anew"
    profile.received = 2_000
    comes(2)
    assert measured(metrics) == 2, "an event was folded"
    board.close()
