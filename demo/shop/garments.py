"""Trousers, skirts and blouses as SVG, drawn from a few numbers: the shop has no photographs of its own.

Every garment is a fragment on a canvas of 400 x 500. `key` keeps the ids of one drawing apart when several share a file.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

WIDTH, HEIGHT = 400, 500

DYES = {
    "beige": "#d9c3a0",
    "black": "#2f2e33",
    "blue": "#5f8fbf",
    "brown": "#86614a",
    "burgundy": "#7d2b3d",
    "gray": "#9a9a9c",
    "green": "#5d8a66",
    "navy": "#2c3e63",
    "many": "#e7d6c4",
    "olive": "#7f7d4b",
    "pink": "#dc9aa6",
    "red": "#bd4038",
    "violet": "#82699c",
    "white": "#f6f2ea",
}


@dataclass(frozen=True, slots=True)
class Cloth:
    """What a garment is made of: its colours and the pattern printed on it."""

    dye: str
    shade: str
    light: str
    print: str

    @classmethod
    def of(cls, colour: str, pattern: str = "plain") -> "Cloth":
        dye = DYES[colour]
        dark = colour == "black" or colour == "navy"
        return cls(dye, mixed(dye, "#1c1410", 0.34), mixed(dye, "#fff8ee", 0.24 if dark else 0.3), pattern)


def mixed(one: str, other: str, share: float) -> str:
    """`one` with `share` of `other` stirred in; both #rrggbb."""
    parts = (round(int(one[i : i + 2], 16) * (1 - share) + int(other[i : i + 2], 16) * share) for i in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in parts)


def garment(kind: str, cut: int, cloth: Cloth, key: str) -> str:
    """The drawing of one garment; `cut` chooses among the cuts of its kind."""
    cuts = CUTS[kind]
    body, details = cuts[cut % len(cuts)]()
    return (
        f'<defs>{_pattern(cloth, key)}<clipPath id="{key}c"><path d="{body}"/></clipPath>'
        f'<linearGradient id="{key}s" x1="0" x2="1" y1="0" y2="0"><stop offset="0" stop-color="#fff" '
        f'stop-opacity=".16"/><stop offset=".45" stop-color="#fff" stop-opacity="0"/>'
        f'<stop offset="1" stop-color="#1c1410" stop-opacity=".2"/></linearGradient></defs>'
        f'<path d="{body}" fill="{cloth.dye}"/>'
        f'<g clip-path="url(#{key}c)">{_printed(cloth, key)}'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#{key}s)"/>'
        f"{details(cloth)}</g>"
        f'<path d="{body}" fill="none" stroke="{cloth.shade}" stroke-width="2.5" stroke-linejoin="round"/>'
    )


def picture(kind: str, cut: int, colour: str, pattern: str, backdrop: str, mirrored: bool) -> str:
    """A product picture: the garment before an arch on a tinted ground."""
    flip = f' transform="translate({WIDTH} 0) scale(-1 1)"' if mirrored else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{backdrop}"/>'
        f'<path d="M62 {HEIGHT}V198a138 138 0 0 1 276 0V{HEIGHT}z" fill="#fffaf2" opacity=".62"/>'
        f'<ellipse cx="200" cy="470" rx="112" ry="10" fill="#1c1410" opacity=".1"/>'
        f"<g{flip}>{garment(kind, cut, Cloth.of(colour, pattern), 'g')}</g></svg>"
    )


def chosen(model: str, choices: int, salt: str) -> int:
    """A number below `choices` that a model keeps for ever."""
    return hashlib.blake2b(f"{salt}/{model}".encode(), digest_size=4).digest()[0] % choices


PATTERNS = ("plain", "plain", "plain", "stripes", "dots", "plain", "check")


def _pattern(cloth: Cloth, key: str) -> str:
    head = f'<pattern id="{key}p" patternUnits="userSpaceOnUse"'
    match cloth.print:
        case "stripes":
            return f'{head} width="18" height="18"><rect width="7" height="18" fill="{cloth.light}"/></pattern>'
        case "dots":
            return (
                f'{head} width="26" height="26"><circle cx="6" cy="6" r="3.4" fill="{cloth.light}"/>'
                f'<circle cx="19" cy="19" r="3.4" fill="{cloth.light}"/></pattern>'
            )
        case "check":
            return (
                f'{head} width="34" height="34"><path d="M0 8H34M0 14H34M8 0V34M14 0V34" stroke="{cloth.light}" '
                f'stroke-width="2.6" opacity=".7"/></pattern>'
            )
        case "flowers":
            petals = "".join(
                f'<g transform="translate({x} {y}) rotate({turn})"><circle cx="0" cy="-6" r="5"/><circle cx="6" cy="-1" '
                f'r="5"/><circle cx="3.6" cy="6" r="5"/><circle cx="-3.6" cy="6" r="5"/><circle cx="-6" cy="-1" r="5"/>'
                f'<circle r="3.6" fill="#f3d9a0"/></g>'.replace("<g ", f'<g fill="{ink}" ')
                for x, y, turn, ink in (
                    (16, 18, 0, "#bd5a4c"),
                    (54, 40, 20, "#4f7d82"),
                    (20, 62, 40, "#8a5f8c"),
                    (60, 4, 10, "#6e8b54"),
                    (60, 76, 10, "#6e8b54"),
                )
            )
            return f'{head} width="76" height="72">{petals}</pattern>'
        case _:
            return ""


def _printed(cloth: Cloth, key: str) -> str:
    return "" if cloth.print == "plain" else f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#{key}p)"/>'


Cut = Callable[[], tuple[str, Callable[[Cloth], str]]]


def _lines(cloth: Cloth, *paths: str, width: float = 2.2) -> str:
    return (
        f'<g fill="none" stroke="{cloth.shade}" stroke-width="{width}" stroke-linecap="round" opacity=".75">'
        + "".join(f'<path d="{path}"/>' for path in paths)
        + "</g>"
    )


def _band(cloth: Cloth, top: int, bottom: int, left: int, right: int) -> str:
    """The knitted band that grows with the wearer."""
    middle = (left + right) // 2
    ribs = "".join(f"M{x} {top - 12}V{bottom + 26}" for x in range(left - 6, right + 8, 8))
    return (
        f'<path d="M{left - 20} {top - 20}H{right + 20}V{bottom - 6}Q{middle} {bottom + 26} {left - 20} {bottom - 6}z" '
        f'fill="{cloth.light}"/><clipPath id="b"/>'
        f'<path d="{ribs}" stroke="{cloth.shade}" stroke-width="1" opacity=".16"/>'
        f'<path d="M{left - 20} {bottom - 6}Q{middle} {bottom + 26} {right + 20} {bottom - 6}" fill="none" '
        f'stroke="{cloth.shade}" stroke-width="2.2" opacity=".7"/>'
    ).replace('<clipPath id="b"/>', "")


def _trousers(hem_left: int, hem_right: int, hem: int, knee_in: int) -> Cut:
    """Mirrored about x = 200: `hem_left` and `hem_right` bound the left leg's hem at y = `hem`."""

    def cut() -> tuple[str, Callable[[Cloth], str]]:
        a, b, k = hem_left, hem_right, knee_in
        body = (
            f"M140 62Q200 72 260 62C268 92 279 128 281 168C283 210 {400 - a - k} 300 {400 - a} {hem}"
            f"Q{400 - (a + b) // 2} {hem + 9} {400 - b} {hem}C{400 - b + 2} 340 214 270 200 214"
            f"C186 270 {b - 2} 340 {b} {hem}Q{(a + b) // 2} {hem + 9} {a} {hem}"
            f"C{a + k} 300 117 210 119 168C121 128 132 92 140 62z"
        )

        def details(cloth: Cloth) -> str:
            middle = (a + b) // 2
            return _band(cloth, 62, 112, 130, 270) + _lines(
                cloth,
                "M200 128V214",
                "M134 142Q150 168 122 190",
                "M266 142Q250 168 278 190",
                f"M160 200C156 280 {middle + 4} 360 {middle} {hem - 16}",
                f"M240 200C244 280 {396 - middle} 360 {400 - middle} {hem - 16}",
                f"M{a - 4} {hem - 14}Q{middle} {hem - 5} {b + 4} {hem - 14}",
                f"M{400 - b - 4} {hem - 14}Q{400 - middle} {hem - 5} {404 - a} {hem - 14}",
            )

        return body, details

    return cut


def _skirt(half_hem: int, hem: int, folds: int, tiers: tuple[int, ...] = ()) -> Cut:
    def cut() -> tuple[str, Callable[[Cloth], str]]:
        left, right = 200 - half_hem, 200 + half_hem
        flare = half_hem - 62
        body = (
            f"M148 92Q200 102 252 92C{262 + flare // 6} 150 {258 + flare // 2} 240 {right} {hem}"
            f"Q{200 + half_hem // 2} {hem + 22} 200 {hem + 12}T{left} {hem}"
            f"C{142 - flare // 2} 240 {138 - flare // 6} 150 148 92z"
        )

        def details(cloth: Cloth) -> str:
            step = (2 * half_hem) / (folds + 1)
            creases = [
                f"M{152 + 96 * (i + 1) / (folds + 1):.0f} 148C{156 + 88 * (i + 1) / (folds + 1):.0f} 230 "
                f"{left + step * (i + 1):.0f} 320 {left + step * (i + 1):.0f} {hem + 4}"
                for i in range(folds)
            ]
            seams = [f"M{left} {y}Q200 {y + 22} {right} {y}" for y in tiers]
            return (
                _lines(cloth, *creases, width=1.8) + _lines(cloth, *seams, width=2.6) + _band(cloth, 92, 130, 140, 260)
            )

        return body, details

    return cut


def _blouse(sleeve: str, neck: str, tie: bool) -> Cut:
    def cut() -> tuple[str, Callable[[Cloth], str]]:
        dip = {"round": "C176 122 224 122 234 88", "v": "L200 150L234 88", "wide": "C186 108 214 108 234 88"}[neck]
        right = {
            "long": "L292 112C312 150 330 240 338 330L300 338C292 280 280 230 268 190",
            "short": "L292 112C312 134 326 168 332 204L282 220C276 204 272 196 268 186",
            "bell": "L290 112C312 150 332 220 356 296Q324 326 288 306C284 264 276 224 268 188",
            "none": "L272 104C262 134 262 162 270 190",
        }[sleeve]
        left = {
            "long": "C120 230 108 280 100 338L62 330C70 240 88 150 108 112L166 88",
            "short": "C128 196 124 204 118 220L68 204C74 168 88 134 108 112L166 88",
            "bell": "C124 224 116 264 112 306Q76 326 44 296C68 220 88 150 110 112L166 88",
            "none": "C138 162 138 134 128 104L166 88",
        }[sleeve]
        body = f"M166 88{dip}{right}C272 260 284 330 296 404Q200 434 104 404C116 330 128 260 132 190{left}z"

        def details(cloth: Cloth) -> str:
            drawn = [
                "M132 212Q200 232 268 212",
                "M164 232C158 290 150 350 144 410",
                "M200 238V424",
                "M236 232C242 290 250 350 256 410",
                "M132 190C130 168 134 146 140 130" if sleeve != "none" else "M0 0",
                "M268 190C270 168 266 146 260 130" if sleeve != "none" else "M0 0",
            ]
            bow = (
                f'<g fill="{cloth.light}" stroke="{cloth.shade}" stroke-width="2" stroke-linejoin="round">'
                f'<path d="M200 226C180 204 160 212 160 226S180 246 200 226zM200 226C220 204 240 212 240 226S220 246 '
                f'200 226z"/><path d="M196 232C192 256 186 268 180 284L194 278L202 234zM204 232C208 256 214 268 220 '
                f'284L206 278L198 234z"/><circle cx="200" cy="227" r="6"/></g>'
            )
            buttons = "".join(
                f'<circle cx="200" cy="{y}" r="3.6" fill="{cloth.light}" stroke="{cloth.shade}" stroke-width="1.4"/>'
                for y in (262, 296, 330, 364, 398)
            )
            return _lines(cloth, *drawn) + (bow if tie else buttons)

        return body, details

    return cut


CUTS: dict[str, tuple[Cut, ...]] = {
    "trousers": (
        _trousers(134, 190, 440, 6),
        _trousers(96, 192, 444, 22),
        _trousers(146, 188, 396, 2),
        _trousers(116, 186, 442, 12),
    ),
    "skirts": (
        _skirt(112, 392, 4),
        _skirt(70, 404, 2),
        _skirt(118, 372, 9),
        _skirt(104, 410, 3, (214, 308)),
    ),
    "blouses": (
        _blouse("long", "v", tie=True),
        _blouse("short", "round", tie=False),
        _blouse("bell", "wide", tie=True),
        _blouse("none", "round", tie=True),
        _blouse("long", "round", tie=False),
        _blouse("short", "v", tie=True),
    ),
}
