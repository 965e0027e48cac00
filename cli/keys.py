"""`tailorbird keys`: API keys on the access topic. A key is shown once, when it is made; only its digest is stored."""

import os
import time
from typing import Any, get_args

import click

from cli.flags import broker_flags, resolve
from models.contracts.access import AccessKey, Role, access_key_key, decode_access_key, key_digest
from models.contracts.errors import ConfigurationError
from models.contracts.ids import base64url, new_id
from models.contracts.settings import Settings
from models.contracts.topics import ACCESS

_SECRET_BYTES = 32


@click.group()
def keys() -> None:
    """API keys for the console and for merchants' own servers."""


@keys.command()
@click.option("--role", type=click.Choice(get_args(Role)), required=True, help="owner: console. server: edge.")
@click.option("--merchant", help="Only for this merchant. Default: all (owners only).")
@broker_flags
def create(role: Role, merchant: str | None, **flags: Any) -> None:
    """Make a key and print it, once."""
    from msgspec import json

    from streams.brokers.records import send

    if role == "server" and merchant is None:
        raise click.UsageError("a server key belongs to one merchant: --merchant")
    settings = resolve(flags)
    key_id = new_id(os.urandom, "k_")
    key = f"{key_id}.{base64url(os.urandom(_SECRET_BYTES))}"
    made = AccessKey(
        id=key_id, sha256=key_digest(key), role=role, merchant=merchant, made_at=time.time_ns() // 1_000_000
    )
    send(ACCESS, settings, {access_key_key(key_id): json.encode(made)})
    click.echo(key)


@keys.command(name="list")
@broker_flags
def list_(**flags: Any) -> None:
    """List the keys without their secrets."""
    for key in sorted(_all(resolve(flags)), key=lambda each: each.made_at):
        state = "revoked" if key.revoked else "valid"
        made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(key.made_at / 1000))
        click.echo(f"{key.id}  {key.role:<6}  {key.merchant or '*':<20}  {made} UTC  {state}")


@keys.command()
@click.argument("key_id")
@broker_flags
def revoke(key_id: str, **flags: Any) -> None:
    """Revoke the key with this id (the part before the dot); every process refuses it at once."""
    from msgspec import json, structs

    from streams.brokers.records import send

    settings = resolve(flags)
    key_id = key_id.partition(".")[0]
    for key in _all(settings):
        if key.id == key_id:
            send(ACCESS, settings, {access_key_key(key_id): json.encode(structs.replace(key, revoked=True))})
            click.echo(f"{key_id} is revoked")
            return
    raise ConfigurationError(f"There is no key {key_id}.", "see the ids with: tailorbird keys list")


def _all(settings: Settings) -> list[AccessKey]:
    from streams.brokers.records import newest

    return [decode_access_key(record.value) for record in newest(ACCESS, settings) if record.value is not None]
