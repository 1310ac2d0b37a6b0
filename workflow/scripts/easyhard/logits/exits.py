"""Statistics of the logits at every exit, and how far apart exits are, in one walk over the vocabulary.

The exits' states of a tile of tokens are multiplied together with each tile of the head, so that as many numbers lie in
cache as for one exit. Beyond what exits cost one by one, divergences take a product of exponentials and logits, (exits,
words) times (words, exits) for each token, from which the entropies come as well.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.arguments import check_states, check_targets, largest_norm
from easyhard.logits.collectors import ExitSums
from easyhard.logits.formulas import joined
from easyhard.logits.request import NOT_SCALED, Request, Scaled
from easyhard.logits.statistics import Implementation, is_tiled, logit_statistics
from easyhard.logits.tiled import Walk
from easyhard.logits.tiles import compute_dtype, each, spans, tile_shape

DIVERGENCES = ("kl_last", "kl_before")


def exit_statistics(
    states: Tensor,
    head: Tensor,
    targets: Tensor | None = None,
    *,
    statistics: Sequence[str],
    softcap: float | None = None,
    top_k: int = 2,
    tail_thresholds: Sequence[float] = (3.0,),
    scaled: Scaled | None = None,
    implementation: Implementation = "auto",
) -> list[dict[str, Tensor]]:
    """For each exit what `logit_statistics` gives for its states, and in nats (tokens,), never below 0:

        kl_last = KL(p_L || p_l)         from the last exit: 0 there
        kl_before = KL(p_l || p_{l-1})   to the exit before: the first exit does not have it

    states (exits, tokens, dim) are what the head sees, exits in order, the last one L; head (words, dim) shares their
    float type. The other arguments are those of `logit_statistics`, and so are the values, to rounding. In tiles all
    exits are done in one walk, which holds a few tiles per thread and no (tokens, words) array. The same bits for any
    number of threads. By Triton (on a GPU, where it is trusted) each exit's statistics are a call of their own, and one
    more walk in tiles gives the divergences. Raises InputError naming the argument that is wrong.
    """
    request = Request(tuple(statistics), softcap, top_k, tuple(tail_thresholds), scaled or NOT_SCALED)
    if states.dim() != 3 or 0 in states.shape:
        raise InputError(f"states: shape {tuple(states.shape)}; (exits, tokens, dim), none of them 0, is wanted")
    check_states(states[0], head)
    if targets is not None:
        check_targets(targets, states.shape[1], len(head))
    request.check(len(head), targets)
    with torch.no_grad():
        if is_tiled(states[0], implementation):
            return _one_walk(states, head.contiguous(), targets, request)
        alone = [logit_statistics(h, head, targets, **vars(request), implementation=implementation) for h in states]
        divergences = _one_walk(states, head.contiguous(), None, Request((), softcap))
        return [one | other for one, other in zip(alone, divergences, strict=True)]


def _one_walk(states: Tensor, head: Tensor, targets: Tensor | None, request: Request) -> list[dict[str, Tensor]]:
    """What is requested and the divergences, an exit each, in tiles."""
    exits, tokens, dim = states.shape
    walk = Walk(head, request, largest_norm("states", states.reshape(-1, dim)) * largest_norm("head", head))
    known = head.new_empty(0, dtype=torch.int64) if targets is None else targets

    def one_tile(tile: slice) -> list[dict[str, Tensor]]:
        hidden = states[:, tile].transpose(0, 1).flatten(0, 1).to(compute_dtype(states.dtype))  # (tokens x exits, dim)
        sums = ExitSums(len(hidden) // exits, exits, walk.keep, walk.safe, hidden)
        found = request.evaluate(*walk.one_tile(hidden, known[tile].repeat_interleave(exits), sums))
        return [
            {name: values[exit::exits] for name, values in found.items()} | _divergences(sums, exit)
            for exit in range(exits)
        ]

    parts = list(each(one_tile, spans(tokens, max(1, tile_shape(states.device).tokens // exits)), states.device))
    return [joined(list(of_exit)) for of_exit in zip(*parts, strict=True)]


def _divergences(sums: ExitSums, exit: int) -> dict[str, Tensor]:
    last = {"kl_last": sums.divergence(sums.exits - 1, exit)}
    return last | {"kl_before": sums.divergence(exit, exit - 1)} if exit else last
