"""The secret of one system: made once, kept for its owner alone."""

from pathlib import Path

import pytest

from models.contracts.errors import ConfigurationError
from supervisor.secret import FILE, kept_secret


def test_it_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    made = kept_secret(tmp_path)
    assert len(made) >= 43, "32 bytes in base64"
    assert kept_secret(tmp_path) == made
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_no_two_systems_share_one(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert kept_secret(tmp_path) != kept_secret(tmp_path / "other")


def test_an_empty_file_is_refused_with_what_mends_it(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    with pytest.raises(ConfigurationError, match=r"is empty\. Mend: remove it"):
        kept_secret(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        kept_secret(tmp_path / "nowhere")
