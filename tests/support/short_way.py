"""The short way of the hot door, compiled as an edge's image has it: built once for each state of its sources."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOT = ROOT / "api" / "edge" / "hot"
BUILT = ROOT / "build" / "short-way"
NAMES = ("api.edge.hot.memory", "api.edge.hot.shortcut")
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


@contextmanager
def short_way() -> Iterator[None]:
    """While it lasts, `api.edge.hot.hot_protocol` finds the short way."""
    folder = _built()
    try:
        for name in NAMES:
            spec = importlib.util.spec_from_file_location(name, folder / f"{name.replace('.', '/')}{SUFFIX}")
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            spec.loader.exec_module(module)
        yield
    finally:
        for name in NAMES:
            sys.modules.pop(name, None)


def _built() -> Path:
    """Where the extension modules are."""
    sources = sorted([*HOT.glob("*.pyx"), *HOT.glob("*.pxd"), ROOT / "scripts" / "compile.py"])
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sources) + SUFFIX.encode()).hexdigest()[:16]
    folder = BUILT / state
    if folder.exists():
        return folder
    work = BUILT / f".{state}-{os.getpid()}"
    (work / "api" / "edge" / "hot").mkdir(parents=True)
    for package in ("api", "api/edge", "api/edge/hot"):
        (work / package / "__init__.py").touch()
    for path in HOT.glob("*.p[yx][xd]"):
        shutil.copy(path, work / "api" / "edge" / "hot")
    code = "from scripts.compile import build, natives; build(natives('edge'), None)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=work, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, f"the short way needs a C compiler and Python's headers\n{done.stdout}{done.stderr}"
    work.rename(folder)
    return folder
