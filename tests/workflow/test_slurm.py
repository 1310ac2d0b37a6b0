"""The profiles for clusters, on a real Slurm with two nodes: who runs where, what a lost node and a job that runs over
its memory or time come to, and that the figures are those of a run without Slurm."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from repository import GPU_RULES, Repository, fresh
from slurm import ACCOUNT, ACCOUNTING_PROGRAMS, Cluster, Job, missing, running

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

SLURM = ("--workflow-profile", "workflow/profiles/slurm", "--slurm-init-seconds-before-status-checks", "1")
GENERIC = ("--workflow-profile", "workflow/profiles/cluster-generic", "--seconds-between-status-checks", "1")

ROWS = "results/small/rows/documents.parquet"
TARGETS = [ROWS, *(f"results/small/signals/validation/head/00{shard}.parquet" for shard in range(2))]
JOBS = {
    **dict.fromkeys(("load_corpus", "tokenize", "train", "part_documents"), 1),
    **{"dump_activations": 4, "head_signals": 2},
}

# The second try of the job that ran over its time finds what the first one has left, as training does.
RUN_OVER = """
rule over_memory:
    output:
        "over_memory.txt",
    resources:
        mem_mb=by_attempt(400),
        runtime=10,
    shell:
        "python3 -c 'import time; held = b\\"x\\" * 450_000_000; time.sleep(4)' && touch {output}"


rule over_time:
    output:
        "over_time.txt",
    resources:
        mem_mb=500,
        runtime=by_attempt(1),
    shell:
        "test -e begun || (touch begun && sleep 150); touch {output}"
"""


@dataclass
class Run:
    """Snakemake at work."""

    process: subprocess.Popen[bytes]
    log: Path

    def finish(self) -> str:
        """What it has said, once it has ended well."""
        code = self.process.wait(timeout=400)
        output = self.log.read_text(encoding="utf-8")
        assert code == 0, output
        return output


@contextmanager
def started(repository: Repository, cluster: Cluster, *arguments: str) -> Iterator[Run]:
    command = [sys.executable, "-m", "snakemake", *arguments, "--configfile", "small.yaml"]
    log = repository.root / "terminal.log"
    with log.open("wb") as terminal:
        process = subprocess.Popen(
            command,
            cwd=repository.root,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, **cluster.environment},
        )
    try:
        yield Run(process, log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with leaving_nothing(accounting=False) as own:
        yield own


@contextmanager
def leaving_nothing(*, accounting: bool) -> Iterator[Cluster]:
    with running(accounting=accounting) as own:
        yield own
    assert not own.folder.exists()
    left = [folder for folder in Path("/proc").glob("[0-9]*") if str(own.folder).encode() in _environment(folder)]
    assert not left


def _environment(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def edited(root: Path, account: str | None = None) -> Repository:
    """A new repository in which the partitions, and the account, are named in the profile, as a user would."""
    repository = fresh(root)
    profile = root / "workflow/profiles/slurm/config.yaml"
    lines = profile.read_text(encoding="utf-8")
    for key, example, own in (("partition", "cpu,gpu", "cpu,gpu"), ("account", "my_account", account)):
        assert f"\n  # slurm_{key}: {example}\n" in lines
        if own is not None:
            lines = lines.replace(f"# slurm_{key}: {example}", f"slurm_{key}: {own}")
    profile.write_text(lines, encoding="utf-8")
    return repository


@pytest.fixture(scope="module")
def running_over(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Two jobs that run over, on the node that is not lost, while other tests go on."""
    repository = edited(tmp_path_factory.mktemp("over") / "repository")
    with (repository.root / "Snakefile").open("a", encoding="utf-8") as snakefile:
        snakefile.write(RUN_OVER)
    arguments = ("over_memory.txt", "over_time.txt", "--default-resources", "slurm_partition=gpu", *SLURM)
    with started(repository, cluster, *arguments) as run:
        yield run


def jobs_of(cluster: Cluster, *rules: str) -> list[Job]:
    return [job for job in cluster.jobs() if job.rule in rules]


@pytest.mark.usefixtures("running_over")
def test_a_run_with_a_lost_node(cluster: Cluster, finished: Repository, tmp_path: Path) -> None:
    repository = edited(tmp_path / "repository")
    with started(repository, cluster, *TARGETS, *SLURM) as run:
        logs = repository.root / "results" / "corpora"
        cluster.wait(lambda: any(log.stat().st_size for log in logs.glob("*/logs/load_corpus.log")), "the first job")
        assert [(job.node, job.state) for job in jobs_of(cluster, "load_corpus")] == [("plain", "RUNNING")]
        cluster.lose_node("plain")
        cluster.wait(lambda: jobs_of(cluster, "load_corpus")[0].node == "accelerated", "its second start")
        cluster.start_node("plain")
        run.finish()

    jobs = jobs_of(cluster, *JOBS)
    assert Counter(job.rule for job in jobs) == JOBS
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert {job.rule: job.restarts for job in jobs if job.restarts} == {"load_corpus": 1}
    assert {job.node for job in jobs} == {"plain", "accelerated"}
    for job in jobs:
        wanted = ("accelerated", "gres:gpu:1") if job.rule in GPU_RULES else (job.node, "")
        assert (job.node, job.gpus) == wanted, job
    print(summary(jobs))

    for file in ("results/small/model/weights.safetensors", *TARGETS):
        assert (repository.root / file).read_bytes() == (finished.root / file).read_bytes(), file


def summary(jobs: list[Job]) -> str:
    """Jobs, seconds and restarts of each node."""
    nodes = sorted({job.node for job in jobs})
    own = {node: [job for job in jobs if job.node == node] for node in nodes}
    return "\n".join(
        f"{node}: {len(here)} jobs, {sum(job.seconds for job in here)} s, {sum(job.restarts for job in here)} requeued"
        for node, here in own.items()
    )


def test_another_schedulers_profile(cluster: Cluster, finished: Repository, tmp_path: Path) -> None:
    """Slurm by its commands alone: a GPU job, one without, and one that is killed for its memory and tried again."""
    repository = finished.copy(tmp_path / "repository")
    with (repository.root / "Snakefile").open("a", encoding="utf-8") as snakefile:
        snakefile.write(RUN_OVER)
    removed = [f"results/small/{file}" for file in ("rows/documents.parquet", "fitted/references.safetensors")]
    for file in removed:
        (repository.root / file).unlink()
    with started(repository, cluster, *removed, "over_memory.txt", *GENERIC) as run:
        run.finish()
    for file in removed:
        assert (repository.root / file).read_bytes() == (finished.root / file).read_bytes(), file
    own = [job for job in cluster.jobs() if job.folder == str(repository.root)]
    asked = Counter((job.gpus, job.memory, job.state) for job in own)
    assert asked == {
        ("gres:gpu:1", "2000M", "COMPLETED"): 1,
        ("gres:gpu:0", "2000M", "COMPLETED"): 1,
        ("gres:gpu:0", "400M", "FAILED"): 1,
        ("gres:gpu:0", "800M", "COMPLETED"): 1,
    }


def test_jobs_that_run_over_get_more(cluster: Cluster, running_over: Run) -> None:
    output = running_over.finish()
    first, second = jobs_of(cluster, "over_memory")
    assert (first.state, first.memory) == ("FAILED", "400M")
    assert (second.state, second.memory) == ("COMPLETED", "800M")
    assert "Exceeded job memory limit" in output
    first, second = jobs_of(cluster, "over_time")
    assert (first.state, first.limit) == ("TIMEOUT", "00:01:00")
    assert (second.state, second.limit) == ("COMPLETED", "00:02:00")
    assert "SLURM status is: 'TIMEOUT'" in output
    assert "DUE TO TIME LIMIT" in output


@pytest.mark.skipif(missing(ACCOUNTING_PROGRAMS) is not None, reason=missing(ACCOUNTING_PROGRAMS) or "")
def test_with_accounting_jobs_are_of_an_account_and_found_once_slurm_forgets_them(tmp_path: Path) -> None:
    with leaving_nothing(accounting=True) as cluster:
        repository = edited(tmp_path / "repository", ACCOUNT)
        with started(repository, cluster, "results/small/model/weights.safetensors", *SLURM) as run:
            run.finish()
        asked = ("sacct", "--allocations", "--noheader", "--parsable2", "--format=account,partition,state,comment")
        jobs = [line.split("|") for line in cluster.ask(*asked).splitlines()]
        rules = [comment.removeprefix("rule_").split("_wildcards")[0] for *_, comment in jobs]
        assert sorted(rules) == ["load_corpus", "tokenize", "train"]
        assert {(account, state) for account, _, state, _ in jobs} == {(ACCOUNT, "COMPLETED")}
        cluster.wait(lambda: not cluster.jobs(), "forgetting")

        elsewhere = edited(tmp_path / "elsewhere", "nobody")
        with started(elsewhere, cluster, "results/small/model/weights.safetensors", *SLURM) as run:
            assert run.process.wait(timeout=60) != 0
            assert "nobody" in run.log.read_text(encoding="utf-8")
