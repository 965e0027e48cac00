"""What the demonstration shop says about its clothes: names are made up, models, colours and prices are the data's."""

from dataclasses import dataclass

from demo.eshop import Product
from demo.shop.garments import CUTS, PATTERNS, chosen


@dataclass(frozen=True, slots=True)
class Category:
    """A category page: `ground` is the backdrop of its pictures."""

    name: str
    title: str
    line: str
    ground: str


CATEGORIES = {
    category.name: category
    for category in (
        Category("trousers", "Trousers", "Soft bands that move up, down and out of the way.", "#d9dfd0"),
        Category("skirts", "Skirts", "Waists that give, hems that sway.", "#f0d9cb"),
        Category("blouses", "Blouses", "Ties, bells and plenty of ease.", "#d5e0e5"),
        Category("sale", "Sale", "The season's favourites, for less.", "#f3dfae"),
    )
}

# One name for each cut of garments.CUTS.
CUT_NAMES = {
    "trousers": ("Tapered trousers", "Wide-leg trousers", "Cropped trousers", "Straight trousers"),
    "skirts": ("A-line skirt", "Pencil skirt", "Pleated skirt", "Tiered skirt"),
    "blouses": (
        "Wrap tunic",
        "Button blouse",
        "Bell-sleeve tunic",
        "Sleeveless tunic",
        "Long-sleeve blouse",
        "V-neck tunic",
    ),
}
GIVEN = (
    "Ada", "Bea", "Cleo", "Dora", "Edie", "Flora", "Greta", "Hazel", "Ines", "June", "Kaia", "Lena", "Mara", "Nell",
    "Orla", "Pia", "Runa", "Saskia", "Tilda", "Una", "Vera", "Willa", "Yara", "Zoe",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A product as the shop shows it."""

    product: Product
    kind: str
    cut: int
    pattern: str
    name: str
    colour: str
    was: int | None

    @property
    def model(self) -> str:
        return self.product.model

    @property
    def price(self) -> int:
        return self.product.price


def piece(product: Product) -> Piece:
    """The same product always gets the same name, cut and pattern."""
    kinds = tuple(CUTS)
    kind = product.category if product.category in CUTS else kinds[chosen(product.model, len(kinds), "kind")]
    cut = chosen(product.model, len(CUTS[kind]), "cut")
    many = product.colour == "many"
    return Piece(
        product=product,
        kind=kind,
        cut=cut,
        pattern="flowers" if many else PATTERNS[chosen(product.model, len(PATTERNS), "pattern")],
        name=f"{GIVEN[chosen(product.model, len(GIVEN), 'name')]} {CUT_NAMES[kind][cut].lower()}",
        colour="multicolour" if many else product.colour,
        # The data has no former price: the sale's is drawn a third higher.
        was=round(product.price * 4 / 3) if product.category == "sale" else None,
    )
