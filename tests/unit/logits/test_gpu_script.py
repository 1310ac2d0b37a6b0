"""The script that is prepared for a GPU runs whole, in Triton's interpreter where there is none."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "logits" / "gpu.py"
pytest.importorskip("triton")
sys.path.insert(0, str(SCRIPT.parent))
gpu = import_module("gpu")

CPU = torch.device("cpu")


def test_it_runs_whole_and_writes_what_it_prints(tmp_path: Path) -> None:
    own = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), "--device", "cpu", "--tiny", "--out", str(tmp_path / "gpu.json")]
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "gpu.json").read_text())
    assert [own["kernel"] for own in told["checks"]] == ["statistics", "low rank", "training step"]
    assert {own["work"].split(",")[0] for own in told["times"]["small"]} >= {"full-rank statistics", "training step"}
    assert all(own["seconds"] > 0 for own in told["times"]["small"])
    assert done.stdout.count("| passes |") == 3


def test_without_a_gpu_one_line_says_so() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("--device cuda: PyTorch finds no CUDA device")


def test_a_kernel_that_is_off_is_named() -> None:
    exact = {"loss": torch.ones(3, dtype=torch.float64), "entropy": torch.zeros(3, dtype=torch.float64)}
    for wrong, worst in ((1e-2, "entropy"), (float("nan"), "entropy")):
        ours = {"loss": torch.ones(3), "entropy": torch.tensor([0, wrong, 0])}
        found = gpu._check("statistics", torch.float32, gpu.TINY[0], ours, exact)
        assert (found.worst, found.passes) == (worst, False)
        assert "IS OFF" in found.line()
    assert gpu._check("statistics", torch.float32, gpu.TINY[0], exact, exact).passes


def test_every_type_is_checked() -> None:
    found = list(gpu.checks(((5, 11, 8),), [torch.float32, torch.float16], CPU))
    assert [(own.kernel, own.dtype) for own in found] == [
        (kernel, dtype) for dtype in ("float32", "float16") for kernel in ("statistics", "low rank", "training step")
    ]
    assert all(own.passes for own in found)
