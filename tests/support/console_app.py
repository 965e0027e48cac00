"""The console's real application with its store in memory: for what needs no broker."""

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from starlette.applications import Starlette

from api.console import keys
from api.console.app import Parts, make_app
from api.console.metrics import Metrics
from api.console.records import MemoryRecords
from api.console.sessions import Sessions
from api.console.setup_link import SetupLink
from api.console.store import MemoryStore
from api.console.world import World
from models.contracts.access import Role, access_key_key
from models.contracts.erasures import Erasures
from models.contracts.segments import (
    Distinct,
    FeatureSchema,
    LearnedSegment,
    LiveModel,
    SegmentModel,
    live_model_key,
    model_key,
)
from models.contracts.settings import Settings
from models.contracts.topics import ACCESS, SEGMENT_MODELS

ERASURE_KEY = "an erasure key of a test"
NOW = 1_763_900_000_000


@dataclass
class ConsoleApp:
    """`now` is the console's clock, in ms: a test moves it."""

    folder: Path
    url: str = "http://testserver"
    now: int = NOW
    erasure_key: str = ERASURE_KEY
    world: World = field(init=False)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    app: Starlette = field(init=False)
    setup: SetupLink = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(erasures=Erasures(self.erasure_key))
        ticks = itertools.count()
        self.setup = SetupLink(self.folder, self.url)
        self.app = make_app(
            Parts(
                settings=Settings(
                    console_url=self.url, data_dir=str(self.folder), shared_secret="test", erasure_key=self.erasure_key
                ),
                world=self.world,
                store=MemoryStore(self.world),
                records=self.records,
                sessions=Sessions(os.urandom(32), os.urandom),
                setup=self.setup,
                ready=lambda: True,
                metrics=Metrics(),
                clock=lambda: self.now,
                stopwatch=lambda: float(next(ticks)),
                random=os.urandom,
            )
        )

    def key(self, role: Role = "owner", merchant: str | None = None) -> str:
        """A new key."""
        made, key = keys.make(role, merchant, self.now, os.urandom)
        self.world.take(ACCESS, access_key_key(made.id), msgspec.json.encode(made))
        return key

    def learned(self, merchant: str, *segments: LearnedSegment, version: int = 1) -> None:
        """A live model with these segments."""
        model = SegmentModel(
            merchant=merchant,
            version=version,
            features=FeatureSchema(version=1, names=("queries",)),
            mean=(0.0,),
            scale=(1.0,),
            centres=tuple((float(n),) for n in range(len(segments))),
            segments=segments,
            trained_at=self.now,
            customers=sum(segment.size for segment in segments),
        )
        self.world.take(SEGMENT_MODELS, model_key(merchant, version), msgspec.json.encode(model))
        pointer = msgspec.json.encode(LiveModel(merchant, version))
        self.world.take(SEGMENT_MODELS, live_model_key(merchant), pointer)


def taste(category: str, effect: float) -> Distinct:
    """A segment looks at `category` more (or less) than everybody."""
    return Distinct(f"category.{category}.share@14d", effect, "above" if effect > 0 else "below")
