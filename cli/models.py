"""`tailorbird models`: versions of segment models, which one is live, publish and roll back."""

import time
from pathlib import Path
from typing import Any

import click
from msgspec import DecodeError, json

from cli.flags import broker_flags, resolve
from models.contracts.errors import ConfigurationError
from models.contracts.segments import (
    LiveModel,
    SegmentModel,
    decode_live_model,
    decode_model,
    live_model_key,
    misshapen,
    model_key,
)
from models.contracts.settings import Settings
from models.contracts.topics import SEGMENT_MODELS


@click.group()
def models() -> None:
    """Versions of segment models."""


@models.command(name="list")
@click.option("--merchant", help="Only this merchant's.")
@broker_flags
def list_(merchant: str | None, **flags: Any) -> None:
    """List the versions; the live one is marked."""
    versions, live = _all(resolve(flags))
    for model in sorted(versions.values(), key=lambda each: (each.merchant, each.version)):
        if merchant in (None, model.merchant):
            mark = "live" if live.get(model.merchant) == model.version else model.refused or ""
            made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(model.trained_at / 1000))
            click.echo(
                f"{model.merchant}  {model.version:>4}  {len(model.segments)} segments  {model.customers} customers"
                f"  {made} UTC  {mark}".rstrip()
            )


@models.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@broker_flags
def publish(file: Path, **flags: Any) -> None:
    """Publish the SegmentModel in FILE (JSON) as its merchant's next version and make it live."""
    from msgspec import structs

    from streams.brokers.records import send

    settings = resolve(flags)
    try:
        model = decode_model(file.read_bytes())
    except DecodeError as error:
        raise ConfigurationError(
            f"{file} is no segment model: {error}.", "write it with msgspec from a SegmentModel"
        ) from error
    _refuse_misshapen(model, file)
    versions, _live = _all(settings)
    taken = [each.version for each in versions.values() if each.merchant == model.merchant]
    model = structs.replace(model, version=max(taken, default=0) + 1)
    send(SEGMENT_MODELS, settings, {model_key(model.merchant, model.version): json.encode(model)})
    _make_live(settings, model.merchant, model.version)


@models.command()
@click.argument("version", type=click.IntRange(1))
@click.option("--merchant", required=True)
@broker_flags
def rollback(version: int, merchant: str, **flags: Any) -> None:
    """Make an earlier VERSION live again."""
    settings = resolve(flags)
    versions, _live = _all(settings)
    model = versions.get((merchant, version))
    if model is None or model.refused:
        why = f"was refused ({model.refused})" if model else "does not exist"
        raise ConfigurationError(
            f"Version {version} of {merchant} {why}.", "see the versions with: tailorbird models list"
        )
    _make_live(settings, merchant, version)


def _make_live(settings: Settings, merchant: str, version: int) -> None:
    from streams.brokers.records import send

    send(SEGMENT_MODELS, settings, {live_model_key(merchant): json.encode(LiveModel(merchant, version))})
    click.echo(f"version {version} of {merchant} is live")


def _refuse_misshapen(model: SegmentModel, file: Path) -> None:
    if fault := misshapen(model):
        raise ConfigurationError(f"{file}: {fault}.", "train it again")
    if model.refused:
        raise ConfigurationError(f"{file} did not pass the gates: {model.refused}.", "train it again")


def _all(settings: Settings) -> tuple[dict[tuple[str, int], SegmentModel], dict[str, int]]:
    """Every version by merchant and number, and the live number of each merchant."""
    from streams.brokers.records import newest

    versions: dict[tuple[str, int], SegmentModel] = {}
    live: dict[str, int] = {}
    for record in newest(SEGMENT_MODELS, settings):
        if record.value is None:
            continue
        if record.key.endswith(b"/live"):
            pointer = decode_live_model(record.value)
            live[pointer.merchant] = pointer.version
        else:
            model = decode_model(record.value)
            versions[model.merchant, model.version] = model
    return versions, live
