"""Settings, declared once: each field is a flag (``--spool-sync``) and a variable (``TAILORBIRD_SPOOL_SYNC``).

`read` is called once at the front door with the environment as a mapping; processes get the frozen result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from models.contracts.errors import ConfigurationError

PREFIX: Final = "TAILORBIRD_"
ALL: Final = ("edge", "worker", "trainer", "console")
Port = Annotated[int, Meta(ge=1, le=65535)]

PORT_BASE: Final = 8700
SHOP_PORT, EDGE_PORT, CONSOLE_PORT, WORKER_PORT, TRAINER_PORT = range(5)
"""Offsets from the port base."""
FURTHER_EDGES_PORT: Final = 11
BROKER_PORT: Final = 90


def _help(text: str, *processes: str, secret: bool = False) -> Meta:
    return Meta(description=text, extra={"processes": processes or ALL, "secret": secret})


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of every process."""

    brokers: Annotated[str, _help("Kafka bootstrap servers, host:port,host:port")] = "127.0.0.1:8790"
    topic_prefix: Annotated[str, _help("Put before every topic name")] = ""
    partitions: Annotated[
        int,
        Meta(
            ge=1,
            le=1024,
            description="Partitions of the topics that share keys, a power of two",
            extra={"processes": ALL},
        ),
    ] = 16
    replication: Annotated[int, _help("Replicas of each topic")] = 1
    data_dir: Annotated[
        str,
        _help(
            "Folder for spools and rebuildable indexes",
            *ALL,
            "profiles snapshot",
            "profiles rebuild",
            "profiles backfill",
        ),
    ] = "var"
    host: Annotated[str, _help("Address to listen on")] = "127.0.0.1"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], _help("Least severity that is logged")] = "info"

    edge_port: Annotated[Port, _help("Port of the edge", "edge")] = PORT_BASE + EDGE_PORT
    edge_id: Annotated[str, _help("Name of this edge in events and metrics, unique among edges", "edge")] = "edge-1"
    edge_url: Annotated[str, _help("Public address of the edges, for embed codes", "edge", "console")] = (
        f"http://127.0.0.1:{PORT_BASE + EDGE_PORT}"
    )
    workers: Annotated[
        int,
        Meta(ge=1, le=64, description="Processes that answer, all on the edge's port", extra={"processes": ("edge",)}),
    ] = 1
    worker_ports: Annotated[
        int,
        Meta(
            ge=0,
            le=65472,
            description="First of the workers' own ports, so that a balancer keeps a customer on one; 0 = edge port + 1000; "
            "a single worker needs none",
            extra={"processes": ("edge",)},
        ),
    ] = 0
    snapshot_every_s: Annotated[float, _help("Seconds between two snapshots of what an edge holds", "edge")] = 60.0
    shard: Annotated[str, _help("i/n: hold only the partitions with number mod n = i", "edge")] = "0/1"
    overlay: Annotated[bool, _help("Fold a query into its own answer for warm customers", "edge")] = True
    overlay_customers: Annotated[int, _help("How many customers an edge keeps warm", "edge")] = 100_000
    table_dir: Annotated[
        str, _help("Folder of the look-up table that an edge's processes share; shared memory when empty", "edge")
    ] = ""
    table_customers: Annotated[int, _help("Customers to reserve room for at the start; it grows by itself", "edge")] = (
        1_000_000
    )
    spool_sync: Annotated[
        Literal["write", "disk"], _help("What 'recorded' means: survives the process, or the power", "edge")
    ] = "write"
    spool_segment_bytes: Annotated[int, _help("Size at which the spool begins a new file", "edge")] = 64 * 1024 * 1024
    spool_max_bytes: Annotated[int, _help("Size at which the spool refuses (recorded: false)", "edge")] = 8 * 1024**3
    ship_rate: Annotated[
        float, _help("Most events a second that an edge ships to Kafka, beside live traffic; 0 = no limit", "edge")
    ] = 50_000.0
    body_bytes: Annotated[int, _help("Largest request body after decompression", "edge", "console")] = 64 * 1024
    metrics_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65535,
            description="Port of an edge's /metrics, which no balancer should reach; 0 = the edge's own",
            extra={"processes": ("edge",)},
        ),
    ] = 0
    trace_endpoint: Annotated[
        str, _help("Where traces go by OTLP over HTTP (http://host:4318/v1/traces); empty = none", "edge")
    ] = ""
    line_bytes: Annotated[int, _help("Longest query string", "edge")] = 8 * 1024
    header_bytes: Annotated[int, _help("Most bytes of a request's headers", "edge")] = 16 * 1024
    json_depth: Annotated[int, _help("Most levels of a request's JSON", "edge")] = 8
    context_keys: Annotated[int, _help("Most keys of a context", "edge")] = 64
    context_characters: Annotated[int, _help("Longest value in a context", "edge")] = 256
    send_s: Annotated[float, _help("Seconds that a client has to send a request", "edge")] = 10.0
    idle_s: Annotated[float, _help("Seconds that a connection may wait for its next request", "edge")] = 75.0
    connections: Annotated[int, _help("Most connections of one worker; beyond, the longest idle go", "edge")] = 20_000
    merchant_rate: Annotated[float, _help("Requests a second of one merchant, 0 = no limit", "edge")] = 5000.0
    network_rate: Annotated[float, _help("Requests a second of one client network, 0 = no limit", "edge")] = 50.0
    trusted_proxies: Annotated[
        str,
        _help("Addresses whose X-Forwarded-For counts, comma separated; an edge takes networks too", "edge", "console"),
    ] = "127.0.0.1,::1"

    drain_s: Annotated[float, _help("Seconds that an edge serves on, unready, after SIGTERM", "edge")] = 1.5

    shared_secret: Annotated[
        str,
        _help(
            "Shared by edges and console: debug tokens and merchants' identify secrets; none without it",
            "edge",
            "console",
            secret=True,
        ),
    ] = ""
    console_port: Annotated[Port, _help("Port of the console", "console")] = PORT_BASE + CONSOLE_PORT
    console_url: Annotated[str, _help("Address of the console as browsers see it", "console")] = (
        f"http://127.0.0.1:{PORT_BASE + CONSOLE_PORT}"
    )

    erasure_key: Annotated[
        str,
        _help(
            "Names erased customers so that nobody else can; the same for all processes, needed once one is erased",
            "edge",
            "worker",
            "console",
            secret=True,
        ),
    ] = ""
    worker_port: Annotated[Port, _help("Port of the worker's health and metrics", "worker")] = PORT_BASE + WORKER_PORT
    worker_group: Annotated[
        str, _help("Consumer group and Faust application id", "worker", "profiles snapshot", "profiles rebuild")
    ] = "tailorbird-worker"
    chunk_events: Annotated[int, _help("Most events folded as one chunk", "worker")] = 4000
    store: Annotated[
        Literal["memory", "lmdb"],
        _help("Where a worker keeps its rows: in memory, or in files that a restart goes on from", "worker"),
    ] = "memory"
    standby: Annotated[
        int,
        Meta(
            ge=0,
            le=8,
            description="Further workers that follow each partition's tables, ready to take it over",
            extra={"processes": ("worker",)},
        ),
    ] = 0
    reassign_rate: Annotated[
        float,
        Meta(
            gt=0,
            description="Profiles a second that a new model or publication assigns anew, behind the fresh events",
            extra={"processes": ("worker",)},
        ),
    ] = 10_000.0
    worker_id: Annotated[
        str, _help("Name of this worker in its group: back under it within 6 s, it keeps its partitions", "worker")
    ] = ""
    profile_brief_days: Annotated[
        float,
        Meta(
            gt=0,
            description="Days after which a profile of fewer than 3 queries is dropped",
            extra={"processes": ("worker", "profiles rebuild")},
        ),
    ] = 7.0
    profile_days: Annotated[
        float,
        Meta(
            gt=0,
            description="Days after which every other profile is dropped",
            extra={"processes": ("worker", "profiles rebuild")},
        ),
    ] = 395.0
    heartbeat_s: Annotated[
        float, _help("Seconds between two records that make an idle partition roll its segment", "worker")
    ] = 3600.0
    joins_kept_s: Annotated[
        float,
        _help("Seconds after an erasure that what was handed over before it stays on its topic", "worker"),
    ] = 22 * 3600.0
    sweep_every_s: Annotated[float, _help("Seconds between two rounds of dropping profiles", "worker")] = 3600.0

    profile_snapshot_dir: Annotated[
        str,
        _help(
            "Folder of the profiles' snapshots; DATA_DIR/snapshots when empty", "profiles snapshot", "profiles rebuild"
        ),
    ] = ""
    profile_snapshot_hour: Annotated[
        int,
        Meta(
            ge=0,
            le=23,
            description="Hour of the day (UTC) from which on the night's snapshot of profiles is due",
            extra={"processes": ("profiles snapshot",)},
        ),
    ] = 3
    profile_snapshots_kept: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="How many snapshots of profiles are kept",
            extra={"processes": ("profiles snapshot",)},
        ),
    ] = 7

    trainer_port: Annotated[Port, _help("Port of the trainer's health and metrics", "trainer")] = (
        PORT_BASE + TRAINER_PORT
    )
    train_every_s: Annotated[float, _help("Seconds between trainings", "trainer")] = 300.0
    train_min_customers: Annotated[int, _help("Fewest customers of a merchant to train with", "trainer")] = 200
    train_seed: Annotated[int, _help("Seed of the trainer's draws", "trainer")] = 1

    session_secret: Annotated[
        str, _help("Signs console cookies; made anew at each start when empty", "console", secret=True)
    ] = ""
    server_key: Annotated[
        str, _help("A merchant's server key, with which a replay says when its visits happened", "replay", secret=True)
    ] = ""


def variable(name: str) -> str:
    """``spool_sync`` -> ``TAILORBIRD_SPOOL_SYNC``."""
    return PREFIX + name.upper()


def read(environment: Mapping[str, str], flags: Mapping[str, Any]) -> Settings:
    """Settings from defaults, then environment, then flags (None = not given).

    Raises:
        ConfigurationError: an unknown variable with our prefix, or a value that does not fit.
    """
    names = set(Settings.__struct_fields__)
    unknown = sorted(key for key in environment if key.startswith(PREFIX) and key[len(PREFIX) :].lower() not in names)
    if unknown:
        raise ConfigurationError(f"Unknown variable {unknown[0]}.", "see the names with: tailorbird settings")
    values: dict[str, Any] = {
        key[len(PREFIX) :].lower(): value for key, value in environment.items() if key.startswith(PREFIX)
    }
    values.update((name, value) for name, value in flags.items() if value is not None)
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"A setting does not fit: {error}.", "see the types with: tailorbird settings"
        ) from error
    if settings.partitions & (settings.partitions - 1):
        raise ConfigurationError(f"partitions is {settings.partitions}.", "use a power of two")
    shard(settings)
    return settings


def shard(settings: Settings) -> tuple[int, int]:
    """``"i/n"`` as (i, n): n a power of two that divides the partitions, 0 <= i < n."""
    index, slash, count = settings.shard.partition("/")
    if slash and index.isdecimal() and count.isdecimal():
        i, n = int(index), int(count)
        if 0 <= i < n and settings.partitions % n == 0:
            return i, n
    raise ConfigurationError(
        f"shard is {settings.shard!r}.", f"use i/n with i < n and n a divisor of {settings.partitions}, such as 0/2"
    )


def worker_ports(settings: Settings) -> list[int]:
    """The port of each worker of an edge beside the shared one; none where the shared one reaches the only worker."""
    if settings.workers == 1:
        return []
    first = settings.worker_ports or settings.edge_port + 1000
    return list(range(first, first + settings.workers))
