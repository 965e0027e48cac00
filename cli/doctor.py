"""`tailorbird doctor`: what is wrong here, and what mends it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click

from cli.flags import resolve, settings_flags
from models.contracts.errors import ConfigurationError, TailorbirdError
from models.contracts.settings import Settings

_LEAST_FREE = 1 << 30  # bytes: a day of a small shop's spool


class Finding(NamedTuple):
    """`wrong` stops a process; `note` is only needed by what it names."""

    state: Literal["right", "note", "wrong"]
    says: str
    mend: str = ""


def _broker(settings: Settings) -> Iterator[Finding]:
    from streams import admin

    try:
        found = admin.show(settings)
    except TailorbirdError as error:
        yield Finding("wrong", *str(error).split(" Mend: ", 1))
        return
    yield Finding("right", f"Kafka answers at {settings.brokers}.")
    wrong = [each for each in found if each.state != "right"]
    for each in wrong:
        yield Finding("wrong", f"Topic {each.name}: {each.state}.", "tailorbird topics apply")
    if not wrong:
        yield Finding("right", f"{len(found)} topics are as declared.")


def _disk(folder: Path) -> Iterator[Finding]:
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not os.access(there, os.W_OK):
        yield Finding("wrong", f"{there} cannot be written.", "choose another folder with --data-dir")
    elif (free := shutil.disk_usage(there).free) < _LEAST_FREE:
        yield Finding("wrong", f"{there} has {free >> 20} MB left.", "make room, or choose another with --data-dir")
    else:
        yield Finding("right", f"{there} can be written, {free >> 30} GB free.")


def _programs() -> Iterator[Finding]:
    for program, package, purpose in (
        ("java", "default-jre-headless", "Apache Kafka on this machine"),
        ("mvn", "maven", "Apache Kafka's jars"),
        ("haproxy", "haproxy", "several edges on this machine"),
    ):
        if shutil.which(program):
            yield Finding("right", f"{program} is here.")
        else:
            yield Finding("note", f"{program} is not here; only {purpose} needs it.", f"apt-get install {package}")


def _processes(settings: Settings) -> Iterator[Finding]:
    from supervisor.part import answers_ok

    for name in ("edge", "console", "worker", "trainer"):
        address = f"http://{settings.host}:{getattr(settings, f'{name}_port')}"
        if answers_ok(address + "/readyz"):
            yield Finding("right", f"{name} is ready at {address}.")
        else:
            yield Finding("note", f"No {name} is ready at {address}.", f"tailorbird {name}, or tailorbird up")


@click.command()
@settings_flags("console")
def doctor(**flags: Any) -> None:
    """Say what is wrong here and what mends it. Exit code 78 when a process could not start."""
    settings = resolve(flags)
    findings = [*_broker(settings), *_disk(Path(settings.data_dir)), *_programs(), *_processes(settings)]
    for finding in findings:
        click.echo(f"{finding.state:<5}  {finding.says}" + (f" Mend: {finding.mend}" if finding.mend else ""))
    wrong = sum(finding.state == "wrong" for finding in findings)
    if wrong:
        raise ConfigurationError(f"{wrong} of {len(findings)} findings are wrong.", "the lines above say how")
