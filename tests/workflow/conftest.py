"""The small run, made once for all tests that look at it, by whichever of pytest's workers comes to it first."""

import shutil

import pytest
from filelock import FileLock

from repository import Repository, fresh


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Repository:
    """The repository with the small run made, and another's model on text from a folder; tests must not change it."""
    base = tmp_path_factory.getbasetemp()
    root = (base if worker_id == "master" else base.parent) / "easyhard"
    made = root.with_suffix(".made")
    with FileLock(root.with_suffix(".lock")):
        if made.exists():
            return Repository(root)
        shutil.rmtree(root, ignore_errors=True)
        repository = fresh(root)
        targets = ("results/small/report.md", "results/again/model/summary.json")
        repository.snakemake(*targets, "--cores", "4", "--resources", "gpu=1")
        made.touch()
        return repository
