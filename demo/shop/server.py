"""The demonstration shop: the merchant's own web server, on another origin than the edge."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from demo.eshop import Product, products
from demo.shop.garments import picture
from demo.shop.words import CATEGORIES, Piece, piece

HERE = Path(__file__).parent
STATIC = HERE / "static"
# How many pages a played visitor opens: the first is not enough to be told apart, and six take about two seconds.
PLAYED_PAGES = 6


def make_app(edge_url: str, merchant_id: str, catalogue: Mapping[str, Product] | None = None) -> Starlette:
    """The shop of `merchant_id`, whose pages ask the edge at `edge_url` (an origin) for their content."""
    shop = _Shop(
        edge=edge_url.rstrip("/"),
        merchant=merchant_id,
        pieces={model: piece(product) for model, product in (catalogue or products()).items()},
        pages=Environment(loader=FileSystemLoader(HERE / "pages"), autoescape=True, undefined=StrictUndefined),
    )
    return Starlette(
        routes=[
            Route("/", shop.home),
            Route("/category/{category}", shop.category),
            Route("/product/{model}", shop.product),
            Route("/as/{category}", shop.as_visitor),
            Route("/pictures/{model}.svg", shop.picture),
            Route("/favicon.ico", _no_icon),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={404: shop.missing},
    )


def integrity(file: Path) -> str:
    """The subresource integrity of a file, as script content needs it."""
    return "sha384-" + base64.b64encode(hashlib.sha384(file.read_bytes()).digest()).decode("ascii")


async def _no_icon(_: Request) -> Response:
    return Response(status_code=204)


@dataclass(frozen=True, slots=True)
class _Shop:
    edge: str
    merchant: str
    pieces: Mapping[str, Piece]
    pages: Environment

    async def home(self, _: Request) -> Response:
        best = list(self.pieces.values())
        picks = [next(p for p in best if p.product.category == name) for name in CATEGORIES]
        return self._page("home.html", page="home", picks=picks, best=best[:8])

    async def category(self, request: Request) -> Response:
        category = CATEGORIES.get(request.path_params["category"])
        if category is None:
            raise HTTPException(404)
        return self._page("category.html", page="category", category=category, pieces=self._of(category.name))

    async def product(self, request: Request) -> Response:
        shown = self.pieces.get(request.path_params["model"])
        if shown is None:
            raise HTTPException(404)
        category = CATEGORIES[shown.product.category]
        others = [p for p in self._of(category.name) if p.model != shown.model][:4]
        return self._page("product.html", page="product", category=category, piece=shown, others=others)

    async def as_visitor(self, request: Request) -> Response:
        category = CATEGORIES.get(request.path_params["category"])
        if category is None:
            raise HTTPException(404)
        path = [f"/product/{p.model}" for p in self._of(category.name)[:PLAYED_PAGES]]
        return self._page("as.html", page="as", category=category, path=path)

    async def picture(self, request: Request) -> Response:
        shown = self.pieces.get(request.path_params["model"])
        if shown is None:
            raise HTTPException(404)
        ground = CATEGORIES[shown.product.category].ground
        drawn = picture(shown.kind, shown.cut, shown.product.colour, shown.pattern, ground, shown.product.profile_photo)
        return Response(drawn, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})

    async def missing(self, request: Request, _: Exception) -> Response:
        if request.url.path.startswith(("/pictures/", "/static/")):
            return PlainTextResponse("Not found", status_code=404)
        return self._page("missing.html", page="missing", status=404)

    def _of(self, category: str) -> list[Piece]:
        return [p for p in self.pieces.values() if p.product.category == category]

    def _page(self, template: str, *, page: str, status: int = 200, **values: Any) -> Response:
        text = self.pages.get_template(template).render(
            edge=self.edge, merchant=self.merchant, categories=CATEGORIES, page=page, **values
        )
        return HTMLResponse(text, status_code=status, headers={"Content-Security-Policy": self._policy()})

    def _policy(self) -> str:
        """What a merchant with a strict policy adds for the snippet: its origin three times, and the policy `tb`."""
        return "; ".join(
            (
                "default-src 'self'",
                f"script-src 'self' {self.edge}",
                f"connect-src {self.edge}",
                f"img-src 'self' {self.edge}",
                "style-src 'self'",
                "object-src 'none'",
                "base-uri 'none'",
                "frame-ancestors 'self'",
                "require-trusted-types-for 'script'",
                "trusted-types tb",
            )
        )
