"""`tailorbird erase`: forget a customer everywhere, and print the proof."""

import time
from typing import Any

import click

from cli.flags import broker_flags, resolve
from models.contracts.erasures import Erasure, Erasures, erasure_name
from models.contracts.errors import ConfigurationError, UnavailableError
from models.contracts.ids import customer_key, is_id, partition_of
from models.contracts.settings import Settings
from models.contracts.topics import DAY_MS, ERASURES, EVENTS

_LOOK_S = 0.3
WORKER = "worker"


@click.command()
@click.argument("merchant")
@click.argument("customer")
@click.option("--wait", "wait_s", type=float, default=30.0, show_default=True, help="Seconds to wait for the proofs.")
@broker_flags
def erase(merchant: str, customer: str, wait_s: float, **flags: Any) -> None:
    """Forget CUSTOMER of MERCHANT (k:ID: a known customer with all devices) and print each place's proof.

    The id is refused from now on. What the compacted topics, tables and spools held is gone within a day, what the topics of
    events, joins and rejected records hold when their retention ends.
    """
    from msgspec import json

    from streams.brokers.records import send_to

    settings = resolve(flags)
    if not settings.erasure_key:
        raise ConfigurationError("There is no erasure key.", "set TAILORBIRD_ERASURE_KEY, the same for every process")
    if not is_id(merchant) or not is_id(customer.removeprefix("k:")):
        raise ConfigurationError("That is no merchant's or customer's id.", "name both as the events do")
    key = customer_key(merchant, customer)
    name, at = erasure_name(settings.erasure_key, key), time.time_ns() // 1_000_000
    known = _read(settings)
    if name not in known.commands:
        command = Erasure(at=at, partition=partition_of(key, settings.partitions))
        send_to(ERASURES, settings, [(0, name.encode(), json.encode(command))])
    known = _await(settings, name, wait_s)
    _print(known, name)
    waiting = [each for each in _family(known, name) if WORKER not in known.proofs.get(each, {})]
    if waiting:
        raise UnavailableError(
            f"No worker has let go of {len(waiting)} of them yet.",
            "see that workers run with the erasure key; run this again",
        )


def _read(settings: Settings) -> Erasures:
    from streams.brokers.records import read

    known = Erasures(settings.erasure_key)
    for record in read(ERASURES, settings):
        known.take(record.key, record.value)
    return known


def _family(known: Erasures, name: str) -> list[str]:
    """The erasure and all that it led to."""
    found = [name]
    for each in found:
        found += [other for other, command in known.commands.items() if command.of == each and other not in found]
    return found


def _await(settings: Settings, name: str, wait_s: float) -> Erasures:
    deadline = time.monotonic() + wait_s
    while True:
        known = _read(settings)
        if name in known.commands and all(WORKER in known.proofs.get(each, {}) for each in _family(known, name)):
            return known
        if time.monotonic() > deadline:
            return known
        time.sleep(_LOOK_S)


def _print(known: Erasures, name: str) -> None:
    for each in _family(known, name):
        command = known.commands[each]
        click.echo(f"erased    {each}  {_time(command.at)}")
        for place, proof in sorted(known.proofs.get(each, {}).items()):
            click.echo(f"  {place:<20}  {_time(proof.at)}  {'let go' if proof.found else 'had nothing'}")
    first = max(known.commands[each].at for each in _family(known, name))
    click.echo(f"profiles, assignments, tables and spools hold nothing of it by  {_time(first + DAY_MS)}")
    click.echo(
        f"events, joins and rejected hold nothing of it by                              {_time(first + (EVENTS.retention_ms or 0) + DAY_MS)}"
    )


def _time(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at / 1000))
