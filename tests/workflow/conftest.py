"""The small run, made once for all tests that look at it."""

import pytest

from repository import Repository, fresh


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The repository with the small run made, and another's model on text from a folder; tests must not change it."""
    repository = fresh(tmp_path_factory.mktemp("easyhard"))
    targets = ("results/small/report.md", "results/again/metrics/model.parquet")
    repository.snakemake(*targets, "--cores", "4", "--resources", "gpu=1")
    return repository
