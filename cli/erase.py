"""`tailorbird erase`: forget a customer everywhere, and print the proof."""

import time
from typing import Any

import click

from cli.flags import broker_flags, resolve
from models.contracts.erasures import EVENTS_GONE_MS, GONE_MS, Erasure, Erasures, erasure_name
from models.contracts.errors import ConfigurationError, UnavailableError
from models.contracts.ids import customer_key, is_id, partition_of
from models.contracts.settings import Settings
from models.contracts.topics import ERASURES

_LOOK_S = 0.3
_SETTLE_S = 2.0
"""Edges say their word within seconds of the worker's, and nobody knows how many there are."""


@click.command()
@click.argument("merchant")
@click.argument("customer")
@click.option("--wait", "wait_s", type=float, default=30.0, show_default=True, help="Seconds to wait for the proofs.")
@broker_flags
def erase(merchant: str, customer: str, wait_s: float, **flags: Any) -> None:
    """Forget CUSTOMER of MERCHANT (k:ID: a known customer with all devices) and print each place's proof.

    The id is refused from now on. What the compacted topics, joins, tables and spools held is gone within a day, what the
    topics of events and rejected records hold when their retention ends.
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
    if waiting := known.unproven(name):
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


def _await(settings: Settings, name: str, wait_s: float) -> Erasures:
    deadline, words, since = time.monotonic() + wait_s, -1, time.monotonic()
    while True:
        known = _read(settings)
        now, said = time.monotonic(), sum(len(known.proofs.get(each, {})) for each in known.family(name))
        if said != words:
            words, since = said, now
        settled = name in known.commands and not known.unproven(name) and now - since > _SETTLE_S
        if settled or now > deadline:
            return known
        time.sleep(_LOOK_S)


def _print(known: Erasures, name: str) -> None:
    for each in known.family(name):
        command = known.commands[each]
        click.echo(f"erased    {each}  {_time(command.at)}")
        for place, proof in sorted(known.proofs.get(each, {}).items()):
            click.echo(f"  {place:<20}  {_time(proof.at)}  {'let go' if proof.found else 'had nothing'}")
    last = max(known.commands[each].at for each in known.family(name))
    click.echo(
        f"{'profiles, assignments, joins, tables and spools hold nothing of it by':<70}  {_time(last + GONE_MS)}"
    )
    click.echo(f"{'events and rejected hold nothing of it by':<70}  {_time(last + EVENTS_GONE_MS)}")


def _time(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at / 1000))
