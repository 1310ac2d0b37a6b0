"""The plain way: whole rows of logits, a chunk of tokens at a time. What the other implementations are held against."""

import torch
from torch import Tensor

from easyhard.logits.arguments import logit_bound
from easyhard.logits.formulas import joined
from easyhard.logits.request import SCALED, Request
from easyhard.logits.tiles import compute_dtype, spans

CHUNK_TOKENS = 4000


def gather(hidden: Tensor, head: Tensor, targets: Tensor | None, request: Request) -> dict[str, Tensor]:
    """Every statistic from its definition; memory 4,000 x words per array."""
    logit_bound(hidden, head)  # raises where they are not finite
    chunks = spans(len(hidden), CHUNK_TOKENS)
    found = joined([_chunk(hidden[c], head, None if targets is None else targets[c], request) for c in chunks])
    if request.scaled is None:
        return found
    states = hidden / request.scaled.temperature
    scaled = gather(states, head, targets, request.at_temperature(request.scaled))
    return found | {SCALED + name: values for name, values in scaled.items()}


def plain_logits(hidden: Tensor, head: Tensor, request: Request) -> Tensor:
    """(tokens, words): the logits as a model makes them."""
    dtype = compute_dtype(hidden.dtype)
    logits = hidden.to(dtype) @ head.to(dtype).T
    if request.bias is not None:
        logits = logits + request.bias.to(dtype)
    if request.softcap is not None:
        logits = request.softcap * (logits / request.softcap).tanh()
        if request.bias is not None:
            logits = logits.masked_fill(request.bias == float("-inf"), float("-inf"))
    return logits


def _chunk(hidden: Tensor, head: Tensor, targets: Tensor | None, request: Request) -> dict[str, Tensor]:
    z = plain_logits(hidden, head, request)  # (tokens, words)
    log_p = z.log_softmax(1)
    p = log_p.exp()
    top = z.topk(min(max(request.top_k, 2), z.shape[1]), dim=1)
    second = top.values[:, 1] if z.shape[1] > 1 else torch.full_like(z[:, 0], float("-inf"))
    values = {
        "log_sum_exp": z.logsumexp(1),
        "max_logit": z.amax(1),
        "max_probability": p.amax(1),
        "mean_logit": z.mean(1),
        "max_minus_mean": z.amax(1) - z.mean(1),
        "logit_std": z.std(1, correction=0),
        "entropy": -torch.where(p > 0, p * log_p, 0.0).sum(1),
        "renyi2": -(p * p).sum(1).log(),
        "argmax": z.argmax(1),
        "second_logit": second,
        "margin": z.amax(1) - second,
        "top_logits": top.values[:, : request.top_k],
        "top_words": top.indices[:, : request.top_k],
        "tail_mass": torch.stack([torch.where(log_p < -t, p, 0.0).sum(1) for t in request.tail_thresholds], 1),
    }
    if targets is not None:
        own = targets[:, None]
        values["target_logit"] = z.gather(1, own)[:, 0]
        values["target_probability"] = p.gather(1, own)[:, 0]
        values["loss"] = -log_p.gather(1, own)[:, 0]
        values["target_rank"] = 1 + (z > z.gather(1, own)).sum(1)
    return {name: values[name] for name in request.statistics}
