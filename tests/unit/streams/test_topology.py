"""What is wrong with a topic, judged without a broker."""

import pytest

from models.contracts.errors import ConfigurationError
from models.contracts.topics import ACCESS, EVENTS, PROFILES
from streams.topology import judge, require


def test_as_declared_is_right() -> None:
    found = judge(PROFILES, "profiles", 16, dict(PROFILES.config()), 16)
    assert found.state == "right"
    require([found])


def test_settings_that_the_broker_does_not_name_are_not_judged() -> None:
    assert judge(PROFILES, "profiles", 16, {}, 16).state == "right"


def test_another_retention_is_no_reason_to_refuse() -> None:
    found = judge(EVENTS, "events", 16, {"cleanup.policy": "delete", "retention.ms": "1"}, 16)
    assert found.state == "config"
    require([found])


def test_a_missing_topic_is_refused_with_the_command_that_mends_it() -> None:
    with pytest.raises(ConfigurationError, match=r"Topic t-events is missing\. Mend: tailorbird topics apply"):
        require([judge(EVENTS, "t-events", None, {}, 16)])


def test_a_table_topic_that_deletes_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="profiles has cleanup policy delete, needed is compact"):
        require([judge(PROFILES, "profiles", 16, {"cleanup.policy": "delete"}, 16)])


def test_another_number_of_partitions_is_refused_because_keys_would_move() -> None:
    with pytest.raises(ConfigurationError, match="8 partitions, declared are 16; another number moves keys"):
        require([judge(PROFILES, "profiles", 8, {}, 16)])


def test_a_topic_with_its_own_number_keeps_it() -> None:
    assert judge(ACCESS, "access", 1, {}, 16).state == "right"
