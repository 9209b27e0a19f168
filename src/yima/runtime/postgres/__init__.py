"""The embedded PostgreSQL: found, set up, started, watched over and stopped without an administrator.

    with postgres.start(Path(".yima")) as server:
        await migrate(server.url())

See `server` for the promises about life and death, `cluster` for where the files lie, `binaries` for whose they are.
"""

from yima.runtime.postgres.binaries import Installation, locate
from yima.runtime.postgres.server import External, Postgres, provide, remove, start

__all__ = ["External", "Installation", "Postgres", "locate", "provide", "remove", "start"]
