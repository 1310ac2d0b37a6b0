"""Small models on disk, made once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tiny_models import make_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a model of an architecture; tests must not change it."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = make_model(name, tmp_path_factory.mktemp("models") / name)
        return made[name]

    return folder
