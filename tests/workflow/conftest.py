"""The small runs, made once for all tests that look at them."""

import pytest

from repository import Repository, fresh


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The repository with both small runs made; tests must not change it."""
    repository = fresh(tmp_path_factory.mktemp("easyhard"))
    repository.snakemake("--cores", "4", "--resources", "gpu=1")
    return repository
