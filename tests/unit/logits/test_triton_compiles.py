"""Every kernel compiles for a Hopper GPU, from the arguments of a real call, on a machine that has none."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from easyhard.logits.cross_entropy import LARGEST_DIM

pytest.importorskip("triton")

SHARED_MEMORY = 227 << 10  # bytes that one program may hold on chip (compute capability 9.0)
CASES = [("float32", "ieee", 64), ("float32", "tf32x3", 128), ("bfloat16", "ieee", 4096), ("float16", "ieee", 128)]
STATISTICS = {"_walk_kernel", "_target_kernel", "_picked_kernel", "_tail_kernel"}


def test_kernels_compile_for_hopper(tmp_path: Path) -> None:
    package = Path(__file__).parents[3] / "workflow" / "scripts"
    own = {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(package)}
    command = [sys.executable, __file__]
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    for number, (_, precision, dim) in enumerate(CASES):
        expected = STATISTICS | ({"_sweep_kernel"} if precision == "ieee" else set())
        expected |= {"_forward_kernel", "_grad_head_kernel"} if precision == "ieee" and dim <= LARGEST_DIM else set()
        assert {name for case, name, _ in rows if case == str(number)} == expected
    assert all(int(shared) <= SHARED_MEMORY for _, _, shared in rows), rows


def compile_instead_of_launching(rows: list[str]) -> None:
    """Let a launch compile its kernel for compute capability 9.0 from the arguments it is given, and run nothing."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile
    from triton.runtime.jit import JITFunction

    pointers = {
        torch.float32: "*fp32", torch.bfloat16: "*bf16", torch.float16: "*fp16", torch.float64: "*fp64",
        torch.int32: "*i32", torch.int64: "*i64",
    }  # fmt: skip

    def run(
        kernel: Any, *args: Any, grid: Any, warmup: bool, num_warps: int = 4, num_stages: int = 3, **named: Any
    ) -> None:
        given = {**dict(zip(kernel.arg_names, args, strict=False)), **named}
        assert set(given) == set(kernel.arg_names), kernel.__name__
        ones = {name for name, value in given.items() if type(value) is int and value == 1}  # as a launch takes them
        fixed = {p.name for p in kernel.params if p.is_constexpr} | {n for n, v in given.items() if v is None} | ones
        signature = {
            name: "constexpr" if name in fixed
            else pointers[value.dtype] if isinstance(value, torch.Tensor)
            else "fp32" if isinstance(value, float) else "i32"
            for name, value in ((name, given[name]) for name in kernel.arg_names)
        }  # fmt: skip
        index = {name: (number,) for number, name in enumerate(kernel.arg_names)}
        aligned = {index[name]: [["tt.divisibility", 16]] for name in signature if signature[name].startswith("*")}
        source = ASTSource(kernel, signature, {index[name]: given[name] for name in fixed}, aligned)
        options = {"num_warps": num_warps, "num_stages": num_stages}
        compiled = compile(source, target=GPUTarget("cuda", 90, 32), options=options)
        for output in given.values():
            if isinstance(output, torch.Tensor) and output.dtype == torch.int32:
                output.zero_()  # word numbers, which PyTorch goes on with
        rows.append(f"{kernel.__name__} {compiled.metadata.shared}")

    JITFunction.run = run


def call_everything(dtype: torch.dtype, precision: Any, dim: int) -> None:
    """Call every entry with tensors of the host, which nothing touches."""
    from easyhard.logits import triton_cross_entropy, triton_low_rank, triton_statistics, triton_tiles
    from easyhard.logits.formulas import FORMULAS
    from easyhard.logits.request import Request, Scaled

    splits = 1 if dim == 64 else 2
    vars(triton_tiles).update(
        loadable=lambda matrix, precision="ieee": matrix, split_count=lambda hidden, words, tile: splits
    )
    hidden, head = torch.randn(300, dim, dtype=dtype), torch.randn(600, dim, dtype=dtype)
    targets = torch.zeros(300, dtype=torch.int64)
    if dim == 64:
        study = ("max_probability", "max_logit", "max_minus_mean", "margin", "entropy", "loss", "target_probability")
        triton_statistics.gather(hidden, head, targets, Request(study), precision)
    scaled = Scaled(1.1, tuple(FORMULAS), (5.0, 8.0))
    triton_statistics.gather(
        hidden, head, targets, Request(tuple(FORMULAS), 30.0, 5, (3.0, 5.0, 8.0), scaled), precision
    )
    if precision != "ieee":
        return
    low = max(32, dim // 2)  # at large dims, steps of many columns too
    triton_low_rank.sweep(hidden, head, torch.randn(300, low), torch.randn(600, low), (1, 20, *{32, low}, dim))
    if dim <= LARGEST_DIM:
        _, peak, total, _ = triton_cross_entropy.forward(hidden, head, targets, True)
        triton_cross_entropy.grad_head(hidden, head, targets, peak, total, torch.ones(300))


if __name__ == "__main__":
    lines: list[str] = []
    compile_instead_of_launching(lines)
    for number, (name, product, columns) in enumerate(CASES):
        call_everything(getattr(torch, name), product, columns)
        print("\n".join(f"{number} {line}" for line in lines))
        lines.clear()
