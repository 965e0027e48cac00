"""The console's application in memory, asked through Starlette's own client."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.support.console_app import ConsoleApp


@pytest.fixture
def console_app(tmp_path: Path) -> ConsoleApp:
    return ConsoleApp(tmp_path)


@pytest.fixture
def owner(console_app: ConsoleApp) -> Iterator[TestClient]:
    """Asks with an owner's key for everything; the merchant `m1` is there with a placement and two contents."""
    with TestClient(console_app.app, headers={"Authorization": f"Bearer {console_app.key()}"}) as client:
        client.put("/api/v1/merchants/m1", json={"name": "One", "origins": ["https://one.example"]})
        client.put(f"{M1}/placements/hero", json={"name": "Hero"})
        client.put(f"{M1}/contents/c_a", json={"kind": "image", "src": "https://one.example/a.png"})
        client.put(f"{M1}/contents/c_b", json={"kind": "image", "src": "https://one.example/b.png"})
        yield client


M1 = "/api/v1/merchants/m1"
