"""Every notebook runs from top to bottom against a running system, and does what it says."""

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from models.contracts.segments import decode_live_model, decode_model, live_model_key, model_key
from models.contracts.topics import SEGMENT_MODELS
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.shop import Shop
from tests.support.system import System
from tests.support.waiting import eventually

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CUSTOMERS = 120
KINDS = ("trousers", "skirts", "blouses", "sale")
CHART = "image/svg+xml"
LATER = "post(f\"models/{post('models', msgspec.json.encode(candidate))['version']}/publish\")"


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat annotates half of itself


def run(name: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The executed notebook; a cell that raises fails the test with its traceback.

    A further version goes live before its last cell, as the trainer's next one does when it falls just there.
    """
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    notebook = read(NOTEBOOKS / name)
    notebook.cells.insert(-1, nbformat.v4.new_code_cell(LATER))  # type: ignore[no-untyped-call]
    return NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(NOTEBOOKS.parent)}}).execute()


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_every_notebook_is_committed_without_output() -> None:
    for path in NOTEBOOKS.glob("*.ipynb"):
        assert not outputs(read(path)), path.name


def test_tune_segments(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.image("c_welcome", shop.picture("welcome"))
    console.associate("c_welcome")
    console.publish()
    for number in range(CUSTOMERS):
        edge.visit(f"c_{number}", KINDS[number % len(KINDS)], times=3)

    def live() -> int:
        value = system.tap.latest(SEGMENT_MODELS).get(live_model_key(edge.merchant))
        return 0 if value is None else decode_live_model(value).version

    eventually(live, 60, "a first model is live")
    before = live()
    executed = run(
        "tune_segments.ipynb",
        {
            "BROKERS": system.brokers,
            "TOPIC_PREFIX": system.prefix,
            "CONSOLE": system.console_url,
            "CONSOLE_KEY": system.owner_key,
            "MERCHANT": edge.merchant,
            "PYTHONPATH": os.pathsep.join([str(NOTEBOOKS.parent), os.environ.get("PYTHONPATH", "")]),
        },
        monkeypatch,
    )

    said = "".join(output.get("text", "") for output in outputs(executed))
    assert f"{CUSTOMERS:,} customers" in said
    charts = [output for output in outputs(executed) if CHART in output.get("data", {})]
    assert len(charts) == 3, "each question has its picture"
    published = int(said.rsplit("taken as version ", 1)[1].split()[0])
    assert published > before
    model = decode_model(system.tap.latest(SEGMENT_MODELS)[model_key(edge.merchant, published)])
    assert model.refused is None
    assert {segment["id"] for segment in console.get("segments")["segments"]} >= {each.id for each in model.segments}
