"""Flags made of the declared settings: ``spool_sync`` is ``--spool-sync``, with its type, range, default and help."""

import os
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import click
from msgspec import UNSET, Meta, structs

from models.contracts.settings import Settings, read, variable


class Declared(NamedTuple):
    """One setting as declared, ready to be a flag or a line of documentation."""

    name: str
    kind: type[Any]
    choices: tuple[str, ...]
    default: Any
    least: float | None
    most: float | None
    help: str
    processes: tuple[str, ...]
    secret: bool


def declared() -> Iterator[Declared]:
    """Every setting in the order of its declaration."""
    hints = get_type_hints(Settings, include_extras=True)
    for field in structs.fields(Settings):
        hint = hints[field.name]
        base, metas = _unwrap(hint)
        literal = get_args(base) if get_origin(base) is Literal else ()
        extra: dict[str, Any] = {}
        for meta in metas:
            extra |= meta.extra or {}
        yield Declared(
            name=field.name,
            kind=str if literal else base,
            choices=literal,
            default=None if field.default is UNSET else field.default,
            least=next((meta.ge for meta in metas if meta.ge is not None), None),
            most=next((meta.le for meta in metas if meta.le is not None), None),
            help=next((meta.description for meta in metas if meta.description), ""),
            processes=tuple(extra.get("processes", ())),
            secret=bool(extra.get("secret", False)),
        )


def _unwrap(hint: Any) -> tuple[Any, list[Meta]]:
    if get_origin(hint) is Annotated:
        base, *metas = get_args(hint)
        return base, [meta for meta in metas if isinstance(meta, Meta)]
    return hint, []


def _option(setting: Declared) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    flag = "--" + setting.name.replace("_", "-")
    text = f"{setting.help}.  [{variable(setting.name)}; default: {setting.default}]"
    if setting.kind is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", setting.name, default=None, help=text)
    kind: Any = setting.kind
    if setting.choices:
        kind = click.Choice(setting.choices)
    elif setting.kind is int and (setting.least is not None or setting.most is not None):
        low, high = setting.least, setting.most
        kind = click.IntRange(None if low is None else int(low), None if high is None else int(high))
    return click.option(flag, setting.name, type=kind, default=None, help=text)


def settings_flags(process: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds a flag for each setting that `process` reads. A secret has none: a command line can be read by others."""
    return _flags([each for each in declared() if process in each.processes and not each.secret])


def broker_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags that say which broker and which topics, for chores."""
    return _flags(
        [each for each in declared() if each.name in ("brokers", "topic_prefix", "partitions", "replication")]
    )(function)


def _flags(settings: list[Declared]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for setting in reversed(settings):
            function = _option(setting)(function)
        return function

    return decorate


def resolve(flags: dict[str, Any]) -> Settings:
    """The settings of this process: defaults, then environment, then flags. Raises ConfigurationError."""
    return read(os.environ, flags)
