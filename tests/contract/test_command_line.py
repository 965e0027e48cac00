"""Every command explains itself, and what goes wrong is a sentence with its exit code."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import tailorbird
from cli.flags import declared
from models.contracts.settings import variable


def every_command(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from every_command(inner, (*path, name))


@pytest.mark.parametrize("path", list(every_command(tailorbird.command_line)), ids=" ".join)
def test_help_of_every_command(path: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(tailorbird.command_line, [*path, "--help"])
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("Usage:")
    assert len(answer.output.splitlines()) > 4


def test_help_imports_no_room() -> None:
    script = (
        "import sys, tailorbird\n"
        "from click.testing import CliRunner\n"
        "assert CliRunner().invoke(tailorbird.command_line, ['--help']).exit_code == 0\n"
        "rooms = ('api', 'streams', 'supervisor', 'demo', 'starlette', 'faust', 'kafka', 'confluent_kafka', 'numpy')\n"
        "print([room for room in rooms if room in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def tailorbird_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tailorbird", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_an_unknown_variable_is_named() -> None:
    done = tailorbird_process("settings", TAILORBIRD_SPOOL_SINK="disk")
    assert done.returncode == 78
    assert (
        done.stderr
        == "tailorbird: Unknown variable TAILORBIRD_SPOOL_SINK. Mend: see the names with: tailorbird settings\n"
    )


def test_a_broker_that_is_not_there_is_a_sentence() -> None:
    done = tailorbird_process("topics", "apply", "--brokers", "127.0.0.1:1")
    assert done.returncode == 69
    assert done.stderr.startswith("tailorbird: No Kafka broker answers at 127.0.0.1:1. Mend: start one with")
    assert "Traceback" not in done.stderr


def test_settings_names_every_setting_and_hides_secrets() -> None:
    done = tailorbird_process("settings", TAILORBIRD_SESSION_SECRET="a secret")
    assert done.returncode == 0
    for setting in declared():
        assert f"{variable(setting.name)}=" in done.stdout
    assert "a secret" not in done.stdout


def test_each_process_has_the_flags_of_its_settings_and_no_secret() -> None:
    for setting in declared():
        for process in setting.processes:
            text = CliRunner().invoke(tailorbird.command_line, [*process.split(), "--help"]).output
            flag = "--" + setting.name.replace("_", "-")
            assert (flag in text) is not setting.secret, (process, flag)


def test_the_front_door_is_this_checkout_and_no_copy() -> None:
    """An installed copy would shut every later command out."""
    assert Path(tailorbird.__file__) == Path(__file__).parents[2] / "tailorbird.py"
