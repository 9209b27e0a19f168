"""Where secrets lie: named, 32 bytes each. The file store is for one machine; an HSM store has the same face."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from yima.runtime.errors import Refusal

_SECRET_BYTES = 32


class KeyStore(Protocol):
    """What a key store offers; every secret is 32 bytes and has a name such as `healthcode/static/1`."""

    def secret(self, name: str) -> bytes:
        """The 32-byte secret of that name, made on first use."""
        ...

    def held(self, name: str) -> bytes | None:
        """The secret of that name, or None; none is made."""
        ...

    def newest(self, name: str) -> int:
        """The highest N for which there is a secret `name/N`, made by whatever process; 1 when there is none."""
        ...

    def drop(self, name: str) -> None:
        """Destroy a secret: what only it opens is gone for good."""
        ...

    def edition(self) -> int:
        """A number that is another one once any process has made or destroyed a secret."""
        ...


class FileKeyStore:
    """Secrets in one JSON file that only its owner can read (0600). Safe for several workers of one machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._secrets: dict[str, bytes] = {}
        self._newest: dict[str, int] = {}
        self._seen = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._load()

    def secret(self, name: str) -> bytes:
        """The 32-byte secret of that name; made, and written durably, on first use."""
        if name not in self._secrets:
            self._create(name)
        return self._secrets[name]

    def held(self, name: str) -> bytes | None:
        """The secret of that name, or None; none is made."""
        if name not in self._secrets:
            self._reload()
        return self._secrets.get(name)

    def newest(self, name: str) -> int:
        """The highest N for which there is a secret `name/N`; 1 when there is none. A worker sees a new one at once."""
        self._reload()
        if name not in self._newest:
            self._newest[name] = self._number(name)
        return self._newest[name]

    def _number(self, name: str) -> int:
        numbers = (key.removeprefix(f"{name}/") for key in self._secrets if key.startswith(f"{name}/"))
        return max((int(number) for number in numbers if number.isdecimal()), default=1)

    def drop(self, name: str) -> None:
        """Destroy a secret: what only it opens is gone for good. Copies of the file are not reached."""
        with _exclusive(self._path.with_suffix(".lock")):
            self._load()
            self._write({key: value for key, value in self._secrets.items() if key != name})

    def edition(self) -> int:
        """A number that is another one once any process has made or destroyed a secret."""
        try:
            return os.stat(self._path).st_mtime_ns  # noqa: PTH116  Path.stat takes twice as long
        except FileNotFoundError:
            return 0

    def _reload(self) -> None:
        if self.edition() not in (0, self._seen):
            self._load()

    def _load(self) -> None:
        if not self._path.exists():
            return
        self._seen = self._path.stat().st_mtime_ns
        if stat.S_IMODE(self._path.stat().st_mode) & 0o077:
            raise Refusal("key-store-invalid", field=str(self._path), reason="others may read it")
        try:
            held = json.loads(self._path.read_text(encoding="utf-8"))
            found = {name: base64.b64decode(value, validate=True) for name, value in held.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise Refusal(
                "key-store-invalid", field=str(self._path), reason="it is not the JSON that Yima wrote"
            ) from error
        if any(len(secret) != _SECRET_BYTES for secret in found.values()):
            raise Refusal("key-store-invalid", field=str(self._path), reason="a secret has not 32 bytes")
        self._secrets, self._newest = found, {}

    def _create(self, name: str) -> None:
        with _exclusive(self._path.with_suffix(".lock")):
            self._load()  # another worker may have made it since
            if name not in self._secrets:
                self._write(self._secrets | {name: secrets.token_bytes(_SECRET_BYTES)})

    def _write(self, held: dict[str, bytes]) -> None:
        """Replace the file whole: a crash leaves the old or the new one, and no secret that was given out is lost."""
        temporary = self._path.with_suffix(".new")
        temporary.unlink(missing_ok=True)  # a crashed worker's, possibly with other rights
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({key: base64.b64encode(value).decode() for key, value in sorted(held.items())}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name is durable only with its directory
        finally:
            os.close(folder)
        self._secrets, self._newest = held, {}  # last: a secret that could not be kept is not given out either


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of a file against other processes and, as each call opens it anew, other threads."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
