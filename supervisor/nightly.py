"""The chore of each hour: a snapshot of the profiles where the night's is missing, and erased customers out of the old ones."""

import asyncio
import os
import sys
from collections.abc import Mapping

from supervisor.log import Log

_FIRST, _EVERY = 600.0, 3600.0  # seconds; whoever only looks in has no use for a snapshot
_COMMAND = (sys.executable, "-m", "tailorbird", "profiles", "snapshot", "--due")


async def nightly(environment: Mapping[str, str], log: Log, first: float = _FIRST, every: float = _EVERY) -> None:
    """Goes on until it is cancelled, which ends the chore that runs; says in the log what each one said."""
    await asyncio.sleep(first)
    while True:
        await _chore(environment, log)
        await asyncio.sleep(every)


async def _chore(environment: Mapping[str, str], log: Log) -> None:
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    for line in said.decode(errors="replace").splitlines():
        log.line("snapshot", line)
