"""A refusal with the code it must have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from yima.runtime.errors import Refusal


@contextmanager
def refuses(code: str) -> Iterator[pytest.ExceptionInfo[Refusal]]:
    """What happens inside is refused with this code."""
    with pytest.raises(Refusal) as caught:
        yield caught
    assert caught.value.code == code
