"""Tests that declare signals leave the registry as they found it."""

from collections.abc import Iterator

import pytest

from easyhard.signals import registry


@pytest.fixture
def own_registry() -> Iterator[None]:
    """The registry as it is, put back afterwards."""
    before, families = dict(registry.REGISTERED), list(registry.FAMILIES)
    yield
    registry.REGISTERED.clear()
    registry.REGISTERED.update(before)
    registry.FAMILIES[:] = families
