"""The worker refuses to start on libraries whose private parts it was not written against."""

import pytest

from models.contracts.errors import ConfigurationError
from streams.transport import privates


def test_the_locked_versions_are_those_that_were_read() -> None:
    privates.check()


def test_another_version_is_refused_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(privates.CHECKED, "aiokafka", "0.13.0")
    with pytest.raises(ConfigurationError, match=r"private parts of 0\.13\.0\. Mend: pip install aiokafka==0\.13\.0"):
        privates.check()


def test_a_missing_part_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(privates.USED, "faust.tables.recovery:Recovery", ("gone",))
    with pytest.raises(ConfigurationError, match="has no gone, which the worker overrides"):
        privates.check()
