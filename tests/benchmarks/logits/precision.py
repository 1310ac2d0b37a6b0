"""What products of rounded states and heads cost: errors of four statistics against float64, and what bounds them.

python tests/benchmarks/logits/precision.py                    # emulated on the CPU
python tests/benchmarks/logits/precision.py --device cuda      # what the kernels give
"""

import argparse
import math
import sys
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[3] / "workflow" / "scripts"))
from easyhard.logits.statistics import logit_statistics
from easyhard.logits.triton_tiles import nearest_tf32

STATISTICS = ("log_sum_exp", "max_logit", "entropy", "max_probability")
TF32, BF16, FLOAT32 = 2.0**-11, 2.0**-8, 2.0**-24  # largest relative errors of rounding to nearest
# |sum of rounded products - sum h w| <= unit |h| |w|. Of tf32x3's parts, the small ones are cut off at 2 TF32^2 of the
# number, and their product, TF32^2, is left out.
UNITS = {"float32": 0.0, "tf32x3": 5 * TF32**2, "tf32": 2 * TF32 + TF32**2, "bf16": 2 * BF16 + BF16**2}
IMPLEMENTATIONS = {"float32": "triton", "tf32x3": "triton_tf32x3", "tf32": "triton_tf32", "bf16": "triton_bf16"}
SHAPES = [(69_830, 64, 1024), (16_384, 4096, 512)]  # words, dim, tokens


def emulated(hidden: Tensor, head: Tensor, precision: str) -> tuple[Tensor, Tensor]:
    """Float32 matrices whose product is that of hidden (tokens, dim) and head (words, dim) at this precision.

    Products of their numbers are exact in float32, and summed in it; tf32x3's three products lie side by side.
    """
    if precision == "bf16":
        return hidden.bfloat16().float(), head.bfloat16().float()
    if precision == "float32":
        return hidden, head
    large = nearest_tf32(hidden), nearest_tf32(head)
    if precision == "tf32":
        return large
    small = cut_tf32(hidden - large[0]), cut_tf32(head - large[1])
    return torch.cat([large[0], large[0], small[0]], 1), torch.cat([large[1], small[1], large[1]], 1)


def cut_tf32(matrix: Tensor) -> Tensor:
    """float32 without the 13 bits that tensor units do not read."""
    return (matrix.view(torch.int32) & ~0x1FFF).view(torch.float32)


def bounds(hidden: Tensor, head: Tensor, precision: str, truth: dict[str, Tensor]) -> dict[str, Tensor]:
    """What no error (tokens,) of STATISTICS can exceed, whatever the numbers, but for rounding of the results.

    No log-sum-exp and no maximum moves by more than the logits do, a probability by the factor exp(2 move) at most, and
    the entropy, whose derivative by z_v is -p_v (log p_v + H), by 2 log V times as much.
    """
    sizes = hidden.norm(dim=1) * head.norm(dim=1).max()
    move = ((UNITS[precision] + hidden.shape[1] * FLOAT32) * sizes).double()
    return {
        "log_sum_exp": move,
        "max_logit": move,
        "entropy": 2 * math.log(len(head)) * move,
        "max_probability": truth["max_probability"] * (2 * move).expm1(),
    }


def exact(hidden: Tensor, head: Tensor) -> dict[str, Tensor]:
    """STATISTICS (tokens,) in float64."""
    return logit_statistics(hidden.double(), head.double(), statistics=STATISTICS, implementation="tiled")


def found(hidden: Tensor, head: Tensor, precision: str) -> dict[str, Tensor]:
    """STATISTICS (tokens,) at this precision: by the kernels on a GPU, emulated elsewhere."""
    if hidden.is_cuda:
        return logit_statistics(hidden, head, statistics=STATISTICS, implementation=IMPLEMENTATIONS[precision])
    return logit_statistics(*emulated(hidden, head, precision), statistics=STATISTICS, implementation="tiled")


def problem(tokens: int, words: int, dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Random states of length sqrt(dim), as RMSNorm makes them, and a head that gives logits of spread 1."""
    generator = torch.Generator().manual_seed(0)
    hidden, head = (torch.randn(rows, dim, generator=generator) for rows in (tokens, words))
    hidden = hidden * (dim**0.5 / hidden.norm(dim=1, keepdim=True))
    return hidden.to(device), (head / dim**0.5).to(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    device = torch.device(parser.parse_args().device)
    source = torch.cuda.get_device_name(device) if device.type == "cuda" else "emulated on the CPU"
    print(f"largest error against float64 (what bounds it), {source}\n")
    print(f"| V | d | tokens | products | {' | '.join(STATISTICS)} |")
    print(f"|{'---|' * (4 + len(STATISTICS))}")
    for words, dim, tokens in SHAPES:
        hidden, head = problem(tokens, words, dim, device)
        truth = exact(hidden, head)
        for precision in UNITS:
            values, limits = found(hidden, head, precision), bounds(hidden, head, precision, truth)
            errors = {name: float((values[name].double() - truth[name]).abs().max()) for name in STATISTICS}
            cells = [f"{errors[name]:.1e} ({float(limits[name].max()):.1e})" for name in STATISTICS]
            print(f"| {words:,} | {dim:,} | {tokens:,} | {precision} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
