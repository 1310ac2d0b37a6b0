"""The long campaign of faults: `make faults`."""

import random
import shutil
import time
from pathlib import Path

import pytest

from faults import DAMAGES, damage, kill_group, said, start
from repository import Repository, fresh
from test_run import figures_of

REPORT = "results/small/report.md"
SEED, KILLS, LONGEST = 1, 10, 60.0  # seconds from a start to a kill
NO_INPUTS = {"report.md", "config.json", "probes_summary.json"}  # what no step reads
UNREAD = {"loss_predictions.json", "loss_probes.json", "metric_probes.json"}


@pytest.mark.slow
def test_ten_kills_over_one_run_change_no_figure(finished: Repository, tmp_path: Path) -> None:
    repository, draws = fresh(tmp_path / "repository"), random.Random(SEED)
    killed = 0
    while killed < KILLS:
        run = start(repository, REPORT)
        end = time.monotonic() + draws.uniform(8, LONGEST)
        while run.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if run.poll() is not None:
            break
        kill_group(run)
        killed += 1
    assert killed >= KILLS // 2, "the run was over before it could be killed often"
    assert start(repository, REPORT).wait() == 0, said(repository)
    assert figures_of(repository.root, "small").equals(figures_of(finished.root, "small"))
    assert not list((repository.root / "results").rglob("*.part"))


@pytest.mark.slow
def test_every_damage_to_every_file_is_named_or_harmless(finished: Repository, tmp_path: Path) -> None:
    """Each damaged file is read by a step that names it; a file that no step reads changes nothing."""
    results = finished.root / "results" / "small"
    kept = [path for path in results.rglob("*") if path.suffix in (".parquet", ".json", ".safetensors")]
    draws = random.Random(SEED)
    silent: list[tuple[str, ...]] = []
    for original in sorted(kept):
        kind = draws.choice(DAMAGES)  # each reader against each damage is a unit test
        repository = finished.copy(tmp_path / "repository")
        path = repository.root / original.relative_to(finished.root)
        damage(path, kind)
        run = start(repository, REPORT)
        code = run.wait()
        name = str(path.relative_to(repository.root))
        if code == 0 and path.name not in NO_INPUTS | UNREAD:
            silent.append((name, kind))
        elif code != 0 and not any(name in line and "error in" in line for line in said(repository).splitlines()):
            silent.append((name, kind, "not named"))
        shutil.rmtree(repository.root)
    assert not silent, silent
