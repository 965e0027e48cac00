"""What the demonstration says of a segment, in a shopper's words."""

import re
from collections.abc import Mapping
from typing import Any


def told_apart(distinct: Mapping[str, Any]) -> str:
    """One feature that lies far from everybody's mean, as a half sentence with its distance in standard deviations."""
    field, above = distinct["field"], distinct["direction"] == "above"
    if found := _SHARE(field):
        family, value, kind, span = found.groups()
        thing = value if family == "category" else f"{family} {value}"
        if family == "placement":
            said = f"clicks the {value} {'more' if above else 'less'} than others"
        elif kind == "share":
            said = f"looks at {thing} {'more' if above else 'less'} than others{_SPANS.get(span, '')}"
        else:
            said = f"opens {'many' if above else 'few'} pages of {thing}"
    else:
        name, _, span = field.partition("@")
        said = f"{'many' if above else 'few'} {name.replace('_', ' ')}{_SPANS.get(span, '')}"
    return f"{said} ({'+' if above else '-'}{abs(distinct['effect']):.1f} sd)"


_SHARE = re.compile(r"^(category|product|campaign|placement)\.(.+)\.(share|count|clicks)(?:@(\w+))?$").match
_SPANS = {"30m": " within the hour", "1d": " within days", "14d": " over weeks"}
