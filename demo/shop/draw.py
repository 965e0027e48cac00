# /// script
# requires-python = ">=3.11"
# dependencies = ["fonttools[woff]~=4.60", "uharfbuzz~=0.51"]
# ///
"""Draws the banners of the demonstration shop into static/banners: `uv run demo/shop/draw.py` from the project's root.

Lettering becomes outlines, because a picture cannot reach the page's fonts. The left 640 pixels of a hero are a whole
picture of their own: a narrow screen shows only those.
"""

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The drawing needs these two, the project does not: uv brings them for this one run.
import uharfbuzz as hb  # type: ignore[import-not-found, import-untyped, unused-ignore]
from fontTools.misc.transform import Transform  # type: ignore[import-not-found, import-untyped, unused-ignore]
from fontTools.pens.svgPathPen import SVGPathPen  # type: ignore[import-not-found, import-untyped, unused-ignore]
from fontTools.pens.transformPen import TransformPen  # type: ignore[import-not-found, import-untyped, unused-ignore]
from fontTools.ttLib import TTFont  # type: ignore[import-not-found, import-untyped, unused-ignore]

sys.path.insert(0, str(Path(__file__).parents[2]))

from demo.shop.garments import Cloth, garment, mixed

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Theme:
    """One category's look and words; `hung` are its garments on the rail as (kind, cut, colour, pattern)."""

    name: str
    ground: str
    ink: str
    accent: str
    kicker: str
    headline: tuple[str, str]
    line: str
    action: str
    hung: tuple[tuple[str, int, str, str], ...]


THEMES = (
    Theme(
        "welcome",
        "#f1e4d3",
        "#25352f",
        "#c4623f",
        "New this season",
        ("Room to", "grow."),
        "Clothes for nine months, and after.",
        "Look around",
        (
            ("blouses", 2, "pink", "plain"),
            ("skirts", 3, "olive", "plain"),
            ("trousers", 1, "navy", "plain"),
            ("blouses", 1, "white", "stripes"),
        ),
    ),
    Theme(
        "trousers",
        "#28463c",
        "#f8eedd",
        "#e2a55a",
        "Trousers",
        ("Trousers", "that keep up."),
        "Soft bands, easy legs, every month.",
        "See all trousers",
        (
            ("trousers", 3, "beige", "plain"),
            ("trousers", 1, "pink", "plain"),
            ("trousers", 0, "blue", "stripes"),
            ("trousers", 2, "white", "plain"),
        ),
    ),
    Theme(
        "skirts",
        "#bd5c41",
        "#fff3e4",
        "#f7cf9a",
        "Skirts",
        ("Skirts that", "sway along."),
        "A-line to pencil, soft at the waist.",
        "See all skirts",
        (
            ("skirts", 2, "many", "flowers"),
            ("skirts", 0, "navy", "dots"),
            ("skirts", 3, "beige", "plain"),
            ("skirts", 1, "burgundy", "plain"),
        ),
    ),
    Theme(
        "blouses",
        "#cfdde2",
        "#1f3547",
        "#b4503f",
        "Blouses",
        ("Blouses made", "to breathe."),
        "Ties, bells and plenty of ease.",
        "See all blouses",
        (
            ("blouses", 2, "white", "plain"),
            ("blouses", 0, "red", "plain"),
            ("blouses", 1, "blue", "dots"),
            ("blouses", 5, "many", "flowers"),
        ),
    ),
    Theme(
        "sale",
        "#eab94a",
        "#2e2320",
        "#a8372f",
        "Sale",
        ("Kind prices,", "last pieces."),
        "This season's favourites, for less.",
        "Go to the sale",
        (
            ("blouses", 5, "red", "plain"),
            ("trousers", 1, "white", "plain"),
            ("skirts", 2, "violet", "dots"),
            ("blouses", 3, "black", "plain"),
        ),
    ),
)


class Lettering:
    """One cut of a variable font, shaped (kerning and all) and turned into outlines."""

    def __init__(self, file: Path, **axes: float) -> None:
        font = TTFont(file)
        font.flavor = None
        plain = io.BytesIO()
        font.save(plain)
        self._face = hb.Face(plain.getvalue())
        self._font = hb.Font(self._face)
        self._font.set_variations(axes)

    def width(self, text: str, size: float, spacing: float = 0) -> float:
        """Pixels from the first letter's origin to the last one's advance."""
        return float(
            sum(p.x_advance for _, p in self._shaped(text)) * size / self._face.upem + spacing * (len(text) - 1)
        )

    def outlines(self, text: str, x: float, y: float, size: float, spacing: float = 0) -> str:
        """The path data of a line whose baseline begins at (x, y)."""
        scale = size / self._face.upem
        pen = SVGPathPen(None, ntos=lambda value: f"{value:.1f}".removesuffix(".0"))
        for glyph, position in self._shaped(text):
            place = Transform(scale, 0, 0, -scale, x + position.x_offset * scale, y)
            self._font.draw_glyph_with_pen(glyph.codepoint, TransformPen(pen, place))
            x += position.x_advance * scale + spacing
        return str(pen.getCommands())

    def _shaped(self, text: str) -> Iterator[tuple[hb.GlyphInfo, hb.GlyphPosition]]:
        line = hb.Buffer()
        line.add_str(text)
        line.guess_segment_properties()
        hb.shape(self._font, line)
        return zip(line.glyph_infos, line.glyph_positions, strict=True)


DISPLAY = Lettering(STATIC / "fonts/fraunces.woff2", opsz=100, wght=520)
TEXT = Lettering(STATIC / "fonts/figtree.woff2", wght=500)
STRONG = Lettering(STATIC / "fonts/figtree.woff2", wght=700)


def hero(theme: Theme) -> str:
    """1200 x 480: words on the left, the category's clothes on a rail."""
    t = theme
    size = min(78.0, 78 * 376 / max(DISPLAY.width(line, 78) for line in t.headline))
    lift = size * 1.04
    words = (
        _path(STRONG.outlines(t.kicker.upper(), 58, 112, 18, 3.2), t.accent)
        + _path(
            DISPLAY.outlines(t.headline[0], 55, 192, size) + DISPLAY.outlines(t.headline[1], 55, 192 + lift, size),
            t.ink,
        )
        + _path(TEXT.outlines(t.line, 58, 332, 23.5), mixed(t.ink, t.ground, 0.12))
        + _pill(t, 58, 362, 54, 22)
    )
    disc = mixed(t.ground, "#ffffff", 0.16)
    scene = (
        f'<circle cx="880" cy="250" r="330" fill="{disc}"/><circle cx="1130" cy="40" r="120" fill="{t.accent}" opacity=".22"/>'
        f'<path d="M430 440H1200V480H0V462Q220 440 430 440z" fill="{mixed(t.ground, "#1c1410", 0.1)}"/>'
        f'<path d="M470 52H1200" stroke="{mixed(t.ink, t.ground, 0.25)}" stroke-width="7" stroke-linecap="round"/>'
        f'<path d="M470 52V440" stroke="{mixed(t.ink, t.ground, 0.25)}" stroke-width="7" stroke-linecap="round"/>'
    )
    clothes = "".join(_hung(t, piece, 560 + 170 * place, 52, 0.79, f"h{place}") for place, piece in enumerate(t.hung))
    return _svg(1200, 480, t.ground, scene + clothes + words)


def side(theme: Theme) -> str:
    """400 x 520: one piece before an arch."""
    t = theme
    size = min(50.0, 50 * 330 / max(DISPLAY.width(line, 50) for line in t.headline))
    arch = mixed(t.ground, "#ffffff", 0.2)
    words = (
        _path(STRONG.outlines(t.kicker.upper(), 36, 58, 14, 2.6), t.accent)
        + _path(
            DISPLAY.outlines(t.headline[0], 34, 114, size)
            + DISPLAY.outlines(t.headline[1], 34, 114 + size * 1.05, size),
            t.ink,
        )
        + _pill(t, 36, 448, 46, 18)
    )
    scene = f'<path d="M76 520V316a130 130 0 0 1 260 0V520z" fill="{arch}"/><circle cx="352" cy="236" r="52" fill="{t.accent}" opacity=".3"/>'
    kind, cut, colour, pattern = t.hung[1]
    drawn = garment(kind, cut, Cloth.of(colour, pattern), "s")
    return _svg(400, 520, t.ground, f'{scene}<g transform="translate(82 146) scale(.62)">{drawn}</g>{words}')


def _hung(theme: Theme, piece: tuple[str, int, str, str], x: float, rail: float, scale: float, key: str) -> str:
    kind, cut, colour, pattern = piece
    top = {"trousers": 62, "skirts": 92, "blouses": 88}[kind]
    y = rail + 34
    half = {"trousers": 48, "skirts": 42, "blouses": 60}[kind]
    wire = mixed(theme.ink, theme.ground, 0.15)
    hanger = (
        f'<path d="M{x} {rail + 22}V{rail + 6}a9 9 0 1 0 -9 -9M{x - half} {y + 12}L{x} {rail + 20}L{x + half} {y + 12}" '
        f'fill="none" stroke="{wire}" stroke-width="3.4" stroke-linecap="round" stroke-linejoin="round"/>'
    )
    drawn = garment(kind, cut, Cloth.of(colour, pattern), key)
    return f'{hanger}<g transform="translate({x - 200 * scale} {y - top * scale + 6}) scale({scale})">{drawn}</g>'


def _pill(theme: Theme, x: float, y: float, height: float, size: float) -> str:
    width = STRONG.width(theme.action, size) + height
    return (
        f'<rect x="{x}" y="{y}" width="{width:.0f}" height="{height}" rx="{height / 2}" fill="{theme.ink}"/>'
        + _path(STRONG.outlines(theme.action, x + height / 2, y + height / 2 + size * 0.35, size), theme.ground)
    )


def _path(data: str, fill: str) -> str:
    return f'<path d="{data}" fill="{fill}"/>'


def _svg(width: int, height: int, ground: str, inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<rect width="{width}" height="{height}" fill="{ground}"/>{inside}</svg>\n'
    )


if __name__ == "__main__":
    banners = STATIC / "banners"
    banners.mkdir(exist_ok=True)
    for theme in THEMES:
        (banners / f"hero_{theme.name}.svg").write_text(hero(theme))
        (banners / f"side_{theme.name}.svg").write_text(side(theme))
