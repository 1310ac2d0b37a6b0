"""Tests that declare signals leave the registry as they found it."""

from collections.abc import Iterator

import pytest

from easyhard.signals.declare import REGISTERED


@pytest.fixture
def own_registry() -> Iterator[None]:
    """The registry as it is, put back afterwards."""
    before = dict(REGISTERED)
    yield
    REGISTERED.clear()
    REGISTERED.update(before)
