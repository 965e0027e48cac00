"""The worker refuses to start on libraries whose private parts it was not written against."""

import inspect
from importlib import import_module
from pkgutil import iter_modules

import pytest

from models.contracts.errors import ConfigurationError
from streams import transport
from streams.transport import privates

THEIRS = ("faust", "aiokafka", "mode")


def overriding() -> list[tuple[type, str]]:
    """Class of the transport, and what of Faust, mode or aiokafka it replaces."""
    modules = [import_module(f"{transport.__name__}.{each.name}") for each in iter_modules(transport.__path__)]
    ours = {each for module in modules for _, each in inspect.getmembers(module, inspect.isclass)}
    return [
        (each, name)
        for each in ours
        if each.__module__.startswith(transport.__name__)
        for name, value in vars(each).items()
        if not name.startswith("__") and (callable(value) or isinstance(value, property))
        if any(base.__module__.split(".")[0] in THEIRS and hasattr(base, name) for base in each.__mro__[1:])
    ]


def test_the_locked_versions_are_those_that_were_read() -> None:
    privates.check()


def test_another_version_is_refused_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(privates.CHECKED, "aiokafka", "0.13.0")
    with pytest.raises(ConfigurationError, match=r"private parts of 0\.13\.0\. Mend: pip install aiokafka==0\.13\.0"):
        privates.check()


def test_a_missing_part_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(privates.USED, "faust.tables.recovery:Recovery", ("gone",))
    with pytest.raises(ConfigurationError, match="has no gone, which the worker overrides"):
        privates.check()


def test_all_that_is_overridden_is_listed() -> None:
    listed = {name for names in privates.USED.values() for name in names}
    found = overriding()
    assert len(found) > 20
    assert not [f"{each.__name__}.{name}" for each, name in found if name not in listed]
