"""M15: everything runs as server software on an ordinary machine, and one command installs it."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streams.brokers import leash
from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.pages import ids, visit
from tests.support.ports import free_base
from tests.support.process import environment
from tests.support.shop import Shop, embed
from tests.support.tap import Tap
from tests.support.tastes import two_tastes
from tests.support.waiting import eventually

#: What an ordinary machine has: the whole system with its own Apache Kafka fits well inside.
MEMORY_MB = 2048


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is under version control, installed by the one command; answers its `bin`."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repository / name, folder / name)
    done = subprocess.run(["scripts/setup", "demo"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / ".venv" / "bin"


@contextmanager
def up(tailorbird: Path, folder: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """`tailorbird up` until the block ends, then Ctrl-C; yields its line and its process id."""
    python = tailorbird.with_name("python")
    leashed = (python, "-S", leash.__file__, str(os.getpid()), str(int(signal.SIGTERM)))
    asked = (tailorbird, "up", "--json", "--port-base", str(free_base()), "--data", folder / "data")
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            (*leashed, *asked), stdout=subprocess.PIPE, stderr=log, cwd=folder, env=environment({})
        ) as child,
    ):
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line, (folder / "log").read_text()[-3000:]
        try:
            yield json.loads(line), child.pid
        finally:  # else a failure would wait for it for ever
            child.send_signal(signal.SIGINT)
            code = child.wait(60)
        assert code == 0, (folder / "log").read_text()[-3000:]


def resident_mb(pid: int) -> float:
    """Of a process and everything that it started."""
    status = Path(f"/proc/{pid}/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(resident_mb(int(child)) for child in children)


def test_m15_server_software_on_an_ordinary_machine(
    installed: Path, tmp_path: Path, merchant: str, shop: Shop, visitors: Visitors
) -> None:
    tailorbird = installed / "tailorbird"
    with up(tailorbird, tmp_path) as (addresses, pid):
        key = subprocess.run(
            [tailorbird, "keys", "create", "--role", "owner", "--brokers", addresses["broker"]],
            capture_output=True, text=True, check=True, env=environment({}),
        ).stdout.split()[-1]  # fmt: skip
        console = ConsoleClient(addresses["console"], key, merchant)
        console.settle(shop.url)
        console.placement()
        edge = EdgeClient(addresses["edge"], merchant)
        eventually(lambda: edge.http.get(f"/v1/embed/{merchant}").is_success, what="the edge knows the merchant")
        two_tastes(console, shop, edge)

        # Network interface: a page of another origin, in a browser, from query to profile and back.
        page = visitors().new_page()
        code = embed(addresses["edge"], merchant, consent="granted", page="category", category="skirts")
        url = shop.page("/skirts", code)
        eventually(lambda: visit(page, url) == "skirts", what="the visitor sees what fits")
        customer = str(ids(page)["customer"])
        tap = Tap(addresses["broker"])
        eventually(lambda: tap.profile(merchant, customer), what="the profile is stored")
        tap.close()

        # User interface: the console, in a browser.
        desk = visitors().new_page()
        answer = desk.goto(addresses["setup"] or addresses["console"])
        assert answer is not None
        assert answer.ok
        assert "Tailorbird" in desk.content()

        # Processor and memory.
        used = resident_mb(pid)
        assert used < MEMORY_MB, f"{used:.0f} MB"
        console.close()
        edge.close()
