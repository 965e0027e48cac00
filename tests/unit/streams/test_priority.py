"""A trainer goes behind everybody else on its machine, and takes nobody with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams.trainer.priority import NICE

LOWERED = """
import os
from pathlib import Path
from streams.trainer import priority
priority.lower()
group = Path("/proc/self/autogroup")
print(os.nice(0), group.read_text().split()[-1] if group.exists() else "none")
"""


def _group() -> str:
    group = Path("/proc/self/autogroup")
    return group.read_text().split()[-1] if group.exists() else "none"


@pytest.mark.parametrize("own", [True, False])
def test_only_a_session_of_its_own_is_lowered_with_it(*, own: bool) -> None:
    before, group_before = os.nice(0), _group()
    ran = subprocess.run(
        [sys.executable, "-c", LOWERED], start_new_session=own, capture_output=True, text=True, check=True
    )
    nice, group = ran.stdout.split()
    assert int(nice) == min(19, before + NICE)
    assert group in ({str(NICE), "none"} if own else {group_before})
    assert os.nice(0) == before
