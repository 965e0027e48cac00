"""As many connections as files may be open, told to a process of its own: the limit cannot be raised again."""

import subprocess
import sys

import pytest

LOOK = """
import resource, sys
from api.edge.descriptors import fitting
from models.contracts.settings import Settings
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(fitting(Settings(connections=int(sys.argv[3])), 2048).connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "fits", "then"),
    [
        (1024, 8000, 2000, 2000, 2000 + 2048 + 128),  # raised as far as it has to be
        (1024, 4000, 20_000, 4000 - 500 - 128, 4000),  # as far as it may be, and fewer connections
        (4000, 4000, 500, 500, 4000),  # never lowered
        (256, 256, 20_000, 256 - 32 - 128, 256),
    ],
)
def test_connections_fit_the_files_that_may_be_open(soft: int, hard: int, wanted: int, fits: int, then: int) -> None:
    command = [sys.executable, "-c", LOOK, str(soft), str(hard), str(wanted)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert said.stdout.split() == [str(fits), str(then)]
    assert ("ulimit" in said.stderr) == (fits < wanted)
