"""Tools and peers of the edge's measurements: installed from package registries by their ordinary clients, once, into a cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tailorbird" / "bench"
CARGO = CACHE / "cargo"
NPM = CACHE / "npm"
UNLEASH = ("unleash-edge", "20.1.0", "--no-default-features")
OHA = ("oha", "1.16.0")
GROWTHBOOK = "@growthbook/proxy-eval@1.1.2"


class AbsentError(Exception):
    """A tool or a peer is not here; the message says why."""


def debian(command: str, package: str) -> str:
    """A command of a Debian package; installed where we may."""
    if (found := _which(command)) is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise AbsentError(f"{command} is not installed: apt-get install {package}")
    _run("apt-get", "update", "-qq")
    _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)
    return _which(command) or _raise(f"{package} has no {command}")


def cargo(name: str, version: str, *flags: str, build: bool) -> str:
    """A program built by cargo. Unless `build`, only what the cache has: some take ten minutes."""
    program = CARGO / "bin" / name
    if not program.exists():
        if not build:
            raise AbsentError(f"{name} is not built yet: run once without --quick")
        if shutil.which("cargo") is None:
            raise AbsentError(f"{name} needs cargo")
        _run("cargo", "install", name, "--version", version, "--locked", "--root", str(CARGO), *flags)
    return str(program)


def npm(package: str) -> Path:
    """The folder whose node_modules has `package`."""
    name = package.rpartition("@")[0]
    if not (NPM / "node_modules" / name).exists():
        if shutil.which("npm") is None:
            raise AbsentError(f"{name} needs npm")
        NPM.mkdir(parents=True, exist_ok=True)
        _run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(NPM), package)
    return NPM


def _which(command: str) -> str | None:
    return shutil.which(command) or shutil.which(command, path="/usr/sbin:/usr/local/sbin")


def _raise(why: str) -> str:
    raise AbsentError(why)


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        last = (error.stderr or b"").decode(errors="replace").strip().splitlines()[-1:]
        raise AbsentError(f"{' '.join(command[:3])} failed: {''.join(last)}") from error
