"""A true pass with early exit against the plain forward pass, on a LEGO of the founding shape.

    python tests/benchmarks/exits/leaving.py

Plain is all layers and one pass of the head for loss and first choice. True is the same with a policy: a probe at every
exit, an MLP of 128 units on the state and its change, that lets half of all tokens leave before the last layer, as many
at each exit. Both alternate; times are medians of the process's own seconds, so that others on the machine count less.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[3] / "workflow" / "scripts"))

from easyhard.activations.layered import Layered, Mask, Rows, batches, layered_lego
from easyhard.exits.columns import exit_columns
from easyhard.exits.heads import ExitHeads
from easyhard.exits.leaving import leave_by
from easyhard.logits.moments import moments
from easyhard.logits.statistics import logit_statistics
from easyhard.model.lego import Lego
from easyhard.policies.policy import Policy
from easyhard.probes.exits import ExitProbes, fit_exit_probes
from easyhard.progress import Progress
from easyhard.tokens.windows import Windows

EXITS, LENGTH, SIGNAL = [1, 2, 3, 4], 32, "mlp_change_excess"
PROBES = {"hidden": 128, "learning_rate": 0.002, "batch_size": 2048, "max_epochs": 1, "patience": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("windows", 256), ("batch", 64), ("rounds", 7), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--words", type=int, nargs="+", default=[2048, 69_830])
    own = parser.parse_args()
    torch.set_num_threads(own.threads)
    print(f"{own.windows * LENGTH:,} tokens, 4 layers, d 64, {own.threads} threads")
    print("| V | left before the last layer | mean layers | plain s | true s | true/plain |")
    print("|---:|---:|---:|---:|---:|---:|")
    for words in own.words:
        plain, true, exits = compare(words, own.windows, own.batch, own.rounds)
        early = (exits < EXITS[-1]).mean()
        print(f"| {words:,} | {early:.0%} | {exits.mean():.2f} | {plain:.2f} | {true:.2f} | {true / plain:.2f} |")


def compare(words: int, windows: int, batch: int, rounds: int) -> tuple[float, float, Rows]:
    """Seconds of both, and where tokens have left."""
    lego = Lego(words, dim=64, heads=4, ffn_dim=256, blocks=[4], seed=0)
    model, head, text = layered_lego(lego), lego.head.detach(), make_text(words, windows)
    heads = ExitHeads(EXITS, head, None, moments(head))
    wanted = np.ones(text.targets.shape, dtype=bool)
    probes, thresholds = fitted(model, heads, text, wanted)
    policy = Policy("each", SIGNAL, EXITS, False, thresholds)

    def in_batches() -> Iterator[tuple[Windows, Mask, Rows]]:
        return batches(text, batch_size=batch, progress=Progress("timed", windows, "windows"))

    def plain() -> None:
        for part, rows, _ in in_batches():
            target = torch.from_numpy(part.targets[rows]).long()
            seen = model.seen(model.states(part, rows, [EXITS[-1]], None)[EXITS[-1]])
            logit_statistics(seen, heads.head, target, statistics=["argmax", "loss"])

    def true() -> Rows:
        return np.concatenate([left.exit for left in leave_by(policy, model, heads, probes, in_batches())])

    exits = true()
    plain()
    seconds = [(timed(plain), timed(true)) for _ in range(rounds)]
    return statistics.median(one for one, _ in seconds), statistics.median(other for _, other in seconds), exits


def make_text(words: int, windows: int) -> Windows:
    """Windows of any words, every row of which foretells one."""
    token = np.random.default_rng(0).integers(0, words, (windows, LENGTH + 1)).astype(np.int32)
    other = np.zeros((windows, LENGTH), np.int32)
    return Windows(token[:, :-1], token[:, 1:], other, other, np.full(windows, "test"))


def fitted(model: Layered, heads: ExitHeads, text: Windows, wanted: Mask) -> tuple[ExitProbes, list[float]]:
    """Probes, and thresholds by which a sixth of all tokens leaves at each exit, were earlier tokens all there."""
    states, target = model.states(text, wanted, range(5), None), text.targets[wanted]
    parts = [slice(start, start + 2048) for start in range(0, len(target), 2048)]
    found = [exit_columns(model, heads, {k: own[part] for k, own in states.items()}, target[part])[1] for part in parts]
    outcomes = {name: np.concatenate([own[name] for own in found]) for name in found[0]} | {"target": target}
    rows = np.arange(len(target))
    probes = fit_exit_probes(states, EXITS, outcomes, rows[::2], rows[1::2], PROBES, 0, [SIGNAL])
    said, inside, thresholds = probes.say(states), np.ones(len(target), dtype=bool), []
    for layer in EXITS[:-1]:
        values = said[f"{layer}/{SIGNAL}"]
        thresholds.append(-float(np.quantile(values[inside], len(target) / 6 / inside.sum())))
        inside &= values > -thresholds[-1]
    return probes, thresholds


def timed(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    main()
