"""The long campaign of faults: `make faults`."""

import random
import re
import shutil
import time
from pathlib import Path

import pytest

from faults import DAMAGES, damage, kill_group, said, start
from repository import Repository, fresh
from test_run import figures_of

REPORT = "results/small/report.md"
SEED, KILLS = 1, 10
OF_SHARD = re.compile(r"\d{3}(?=\.(parquet|json)$)")


def ended(root: Path) -> int:
    """How many jobs of the small run have ended well, by their logs."""
    logs = [log for log in (root / "results").glob("*/logs/**/*.log") if "again" not in log.parts]
    logs += (root / "results/corpora").glob("bundled-*/logs/**/*.log")
    return sum(log.read_text(encoding="utf-8").endswith(" ends\n") for log in logs)


@pytest.mark.slow
def test_ten_kills_spread_over_one_run_change_no_figure(finished: Repository, tmp_path: Path) -> None:
    """One kill in each tenth of the run's jobs, so in the midst of whatever runs then."""
    repository, draws, jobs = fresh(tmp_path / "repository"), random.Random(SEED), ended(finished.root)
    moments = []
    for tenth in range(KILLS):
        run = start(repository, REPORT)
        wanted, rest = (tenth + draws.random()) * jobs / KILLS, draws.uniform(0, 3)
        while run.poll() is None and ended(repository.root) < wanted:
            time.sleep(0.05)
        time.sleep(rest)
        assert run.poll() is None, said(repository)
        kill_group(run)
        moments.append(ended(repository.root))
    print(f"killed after {', '.join(map(str, moments))} of {jobs} jobs")
    assert start(repository, REPORT).wait() == 0, said(repository)
    assert figures_of(repository.root, "small").equals(figures_of(finished.root, "small"))
    assert not list((repository.root / "results").rglob("*.part"))


@pytest.mark.slow
def test_damage_to_every_kind_of_file_is_named_or_harmless(finished: Repository, tmp_path: Path) -> None:
    """A damaged file ends the step that reads it, which names it; or no figure changes, as no step reads it."""
    results = finished.root / "results"
    files = [path for path in results.rglob("*") if path.suffix in (".parquet", ".json", ".safetensors")]
    own = [path for path in files if not {"again", "benchmarks"} & set(path.parts) and "files-" not in str(path)]
    kinds = {OF_SHARD.sub("N", str(path)): path for path in own}  # one shard stands for all
    draws, wrong = random.Random(SEED), []
    for original in sorted(kinds.values()):
        damages = draws.choice(DAMAGES)  # each reader against each damage is a unit test
        repository = finished.copy(tmp_path / "repository")
        name = str(original.relative_to(finished.root))
        damage(repository.root / name, damages)
        if start(repository, REPORT).wait() == 0:
            outcome = "harmless"
            if not figures_of(repository.root, "small").equals(figures_of(finished.root, "small")):
                wrong.append(f"{name}, {damages}: taken for whole")
        else:
            outcome = next((line for line in said(repository).splitlines() if "error in" in line and name in line), "")
            if not outcome:
                wrong.append(f"{name}, {damages}: not named")
        print(f"{name}, {damages}: {outcome}", flush=True)
        shutil.rmtree(repository.root)
    assert not wrong, wrong
