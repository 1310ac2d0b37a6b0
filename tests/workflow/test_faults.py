"""Kills, interrupts, a full disk, a folder that cannot be written, too little memory: one clear line, nothing
half-written, nothing finished lost, and the same command goes on."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from easyhard.corpora import corpus_name, tokens_name
from faults import jobs_of, kill_group, said, start
from repository import ROOT, SMALL, Repository, fresh

DEFAULTS = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["defaults"]
OWN = yaml.safe_load(SMALL)["runs"]["small"]
CORPUS = f"results/corpora/{corpus_name(DEFAULTS['corpus'])}"
DOCUMENTS = f"{CORPUS}/documents.parquet"
TRAIN_TOKENS, TOKENS = (
    f"{CORPUS}/{tokens_name(DEFAULTS['tokens'] | OWN['tokens'])}/{name}" for name in ("train.parquet", "summary.json")
)
LOGIT = "results/small/signals/validation/head/000.parquet"


def wait_for(happened: Callable[[], object], run: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not happened() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.02)


def parts(repository: Repository) -> list[Path]:
    return list((repository.root / "results").rglob("*.part"))


@pytest.fixture
def before_logit(finished: Repository, tmp_path: Path) -> Repository:
    """The finished run without the statistics of the logits."""
    repository = finished.copy(tmp_path / "repository")
    (repository.root / LOGIT).unlink()
    return repository


def test_after_kills_of_everything_the_same_command_goes_on(finished: Repository, tmp_path: Path) -> None:
    repository = fresh(tmp_path / "repository")
    weights = repository.root / "results/small/model/weights.safetensors"
    kills = 0
    for moment in (DOCUMENTS, TRAIN_TOKENS, "results/small/model/checkpoint.pt"):
        run = start(repository, str(weights.relative_to(repository.root)))
        wait_for((repository.root / moment).exists, run)
        kills += kill_group(run) == -signal.SIGKILL
    assert kills == 3
    assert list((repository.root / ".snakemake/locks").glob("*"))  # what would bar the way
    documents = repository.root / DOCUMENTS
    made = documents.stat().st_mtime_ns
    run = start(repository, str(weights.relative_to(repository.root)))
    assert run.wait() == 0, said(repository)
    assert "lock of an earlier Snakemake" in said(repository)
    assert documents.stat().st_mtime_ns == made
    assert weights.read_bytes() == (finished.root / weights.relative_to(repository.root)).read_bytes()
    assert not parts(repository)


@pytest.mark.parametrize("everything", [True, False])
def test_an_interrupt_ends_it_soon(before_logit: Repository, everything: bool) -> None:
    run = start(before_logit, LOGIT)
    wait_for(lambda: jobs_of(before_logit), run)
    time.sleep(1)
    asked = time.monotonic()
    if everything:  # as Ctrl-C does
        assert kill_group(run, signal.SIGINT) != 0
    else:
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=60) != 0
    assert time.monotonic() - asked < 30
    assert not jobs_of(before_logit)
    assert not parts(before_logit)
    assert start(before_logit, LOGIT).wait() == 0, said(before_logit)


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (signal.SIGKILL, r"results/small/logs/head_signals/validation/000\.log .* memory; wanted: more mem_mb"),
        (signal.SIGTERM, r"terminated from outside \(SIGTERM\)"),
    ],
)
def test_a_job_that_is_ended_from_outside_is_named_with_the_likely_cause(
    before_logit: Repository, number: signal.Signals, cause: str
) -> None:
    run = start(before_logit, LOGIT)
    log = before_logit.root / "results/small/logs/head_signals/validation/000.log"
    log.unlink()
    wait_for(lambda: log.exists() and log.stat().st_size, run)
    for job in jobs_of(before_logit):
        os.kill(job, number)
    assert run.wait() != 0
    assert re.search(f"^error in head_signals: {cause}", said(before_logit), re.MULTILINE), said(before_logit)
    assert re.search(cause, log.read_text())
    assert not (before_logit.root / LOGIT).exists()


def test_of_two_at_once_the_second_ends_and_the_first_goes_on(before_logit: Repository) -> None:
    run = start(before_logit, LOGIT)
    wait_for(lambda: jobs_of(before_logit), run)
    os.kill(jobs_of(before_logit)[0], signal.SIGSTOP)  # so that it lasts
    second = before_logit.snakemake(LOGIT, "--cores", "1", "--resources", "gpu=1", check=False)
    assert second.returncode != 0
    assert "Directory cannot be locked" in second.stdout + second.stderr
    for job in jobs_of(before_logit):
        os.kill(job, signal.SIGCONT)
    assert run.wait() == 0, said(before_logit)


def test_too_little_memory_is_said_with_what_would_help(before_logit: Repository) -> None:
    (before_logit.root / "workflow/scripts/compute_signals.py").write_text(
        "from easyhard.job import run\nimport numpy as np\nrun(lambda snakemake: np.zeros(2**50))\n"
    )
    run = start(before_logit, LOGIT)
    assert run.wait() != 0
    line = r"^error in head_signals: out of memory \(Unable to allocate .*\); wanted: more than this rule's 2500 MB"
    assert re.search(line, said(before_logit), re.MULTILINE), said(before_logit)
    logs = (before_logit.root / "results/small/logs/head_signals/validation").glob("*.log")
    assert any("out of memory" in log.read_text(encoding="utf-8") for log in logs)


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A file system in memory at `folder`; skips where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mount.returncode:
        pytest.skip(f"mounting is not allowed here: {mount.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_named_and_room_is_all_it_needs(tmp_path: Path) -> None:
    repository = fresh(tmp_path / "repository")
    results = repository.root / "results"
    with mounted(results, "size=300k"):
        run = start(repository, TOKENS)
        assert run.wait() != 0
        line = r"^error in (load_corpus|tokenize): results/corpora/\S+: cannot be written \(.*No space left on device"
        assert re.search(line, said(repository), re.MULTILINE), said(repository)
        assert not parts(repository)
        subprocess.run(["mount", "-o", "remount,size=50m", str(results)], check=True)
        assert start(repository, TOKENS).wait() == 0, said(repository)


def test_a_full_disk_silences_no_log(tmp_path: Path) -> None:
    """Not a byte is left, so the rule's log cannot take its line: the terminal has both."""
    repository = fresh(tmp_path / "repository")
    results = repository.root / "results"
    with mounted(results, "size=64k"):
        for folder in ("logs", "benchmarks"):
            (repository.root / CORPUS / folder).mkdir(parents=True)
        with (results / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(b"\0" * 4096)
        run = start(repository, DOCUMENTS)
        assert run.wait() != 0
    assert re.search(r"documents\.parquet: cannot be written \(.*No space left", said(repository)), said(repository)
    assert re.search(r"load_corpus\.log: the log cannot be written", said(repository)), said(repository)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    repository = fresh(tmp_path / "repository")
    results = repository.root / "results"
    with mounted(results, "size=50m"):
        (repository.root / CORPUS / "logs").mkdir(parents=True)
        subprocess.run(["mount", "-o", "remount,ro", str(results)], check=True)
        run = start(repository, TOKENS)
        assert run.wait() != 0
    assert re.search(
        r"results/corpora.*Read-only file system|Read-only file system.*results/corpora", said(repository)
    ), said(repository)


@pytest.mark.parametrize("name", ["../x", "a/b", "/tmp/x", "..", ""])
def test_no_name_leads_out_of_the_results(finished: Repository, tmp_path: Path, name: str) -> None:
    (tmp_path / "names.yaml").write_text(f'{{runs: {{"{name}": {{}}}}, default_runs: ["{name}"]}}')
    run = finished.snakemake("--dry-run", overlay=str(tmp_path / "names.yaml"), check=False)
    assert run.returncode != 0
    assert "and neither corpora nor comparisons" in run.stdout + run.stderr
