"""Signals that are read off the logits: each a formula over statistics of one pass over the vocabulary.

Entries point the way that a calibrated model gives them; where none is to be had, the direction is learnt.
"""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING

from easyhard.signals.declare import FOUNDING, HERE, signal

if TYPE_CHECKING:  # formulas over tensors need no torch of their own, and who only asks for names goes without it
    from torch import Tensor

TOP_K = 10
TAIL_THRESHOLDS = (1.0, 3.0, 5.0, 8.0)  # nats
SCALED_TAIL_THRESHOLDS = (3.0,)

MAX_PROBABILITY = "Hendrycks & Gimpel, arXiv:1610.02136"
ENTROPY = "Shannon, 1948, doi:10.1002/j.1538-7305.1948.tb01338.x"
TEMPERATURE = "Guo et al., arXiv:1706.04599"


@signal(title="loss itself", formula="−log p_y", high_means_easy=False, source=FOUNDING)
def oracle(loss: Tensor) -> Tensor:
    return loss


@signal(title="probability of the target", formula="p_y", high_means_easy=True, source=FOUNDING)
def target_probability(target_probability: Tensor) -> Tensor:
    return target_probability


@signal(
    title="loss, temperature-scaled",
    formula="−log p_y of softmax(z / T), T fitted",
    high_means_easy=False,
    source=TEMPERATURE,
)
def scaled_loss(scaled_loss: Tensor) -> Tensor:
    return scaled_loss


@signal(title="max probability", formula="max p", high_means_easy=True, source=MAX_PROBABILITY)
def max_probability(max_probability: Tensor) -> Tensor:
    return max_probability


@signal(title="max logit", formula="max z", high_means_easy=True, source="Hendrycks et al., arXiv:1911.11132")
def max_logit(max_logit: Tensor) -> Tensor:
    return max_logit


@signal(title="max − mean", formula="max z − mean z", high_means_easy=True, source=FOUNDING)
def max_minus_mean(max_minus_mean: Tensor) -> Tensor:
    return max_minus_mean


@signal(title="margin", formula="z₁ − z₂", high_means_easy=True, source=FOUNDING)
def margin(margin: Tensor) -> Tensor:
    return margin


@signal(title="entropy", formula="LSE(z) − Σ p z", high_means_easy=False, source=ENTROPY)
def entropy(entropy: Tensor) -> Tensor:
    return entropy


@signal(
    title="margin p₁ − p₂",
    formula="p₁ − p₂",
    high_means_easy=True,
    source="Scheffer et al., 2001, doi:10.1007/3-540-44816-0_31",
)
def probability_margin(top_logits: Tensor, log_sum_exp: Tensor) -> Tensor:
    p = (top_logits[:, :2] - log_sum_exp[:, None]).exp()
    return p[:, 0] - p[:, 1]


@signal(title="log-sum-exp", formula="LSE(z)", high_means_easy=True, source="Liu et al., arXiv:2010.03759 (energy)")
def log_sum_exp(log_sum_exp: Tensor) -> Tensor:
    return log_sum_exp


@signal(
    title="self-certainty",
    formula="KL(U‖p) = LSE(z) − mean z − log V",
    high_means_easy=True,
    source="Kang et al., arXiv:2502.18581",
)
def self_certainty(log_sum_exp: Tensor, mean_logit: Tensor, words: int) -> Tensor:
    return log_sum_exp - mean_logit - log(words)


@signal(title="top-10 mass", formula="Σ of the 10 largest p", high_means_easy=True, source=HERE)
def top_10_mass(top_logits: Tensor, log_sum_exp: Tensor) -> Tensor:
    return (top_logits - log_sum_exp[:, None]).exp().sum(1)


def _declare_tail_mass(column: int, threshold: float) -> None:
    """The chance of a loss above `threshold` if targets are drawn from p: a calibrated model's best score for it."""

    @signal(
        name=f"tail_mass_{threshold:g}",
        title=f"tail mass at {threshold:g}",
        formula=f"Σ p·1[p < e^−{threshold:g}]",
        high_means_easy=False,
        source=HERE,
    )
    def mass(tail_mass: Tensor) -> Tensor:
        return tail_mass[:, column]


for _column, _threshold in enumerate(TAIL_THRESHOLDS):
    _declare_tail_mass(_column, _threshold)


@signal(title="Rényi-2 entropy", formula="−log Σ p²", high_means_easy=False, source="Darrin et al., arXiv:2212.09171")
def renyi2(renyi2: Tensor) -> Tensor:
    return renyi2


@signal(
    title="p-norm max logit",
    formula="(max z − mean z) / ‖z − mean z‖₂ (p = 2)",
    high_means_easy=True,
    source="Cattelan & Silva, arXiv:2305.15508",
)
def pnorm_max_logit(max_minus_mean: Tensor, logit_std: Tensor, words: int) -> Tensor:
    norm = logit_std * sqrt(words)  # the 2-norm of centred logits; other p would need a pass of their own
    return max_minus_mean / norm.clamp(min=1e-30)


@signal(
    title="max probability, temperature-scaled",
    formula="max softmax(z / T), T fitted",
    high_means_easy=True,
    source=TEMPERATURE,
)
def scaled_max_probability(scaled_max_logit: Tensor, scaled_log_sum_exp: Tensor) -> Tensor:
    return (scaled_max_logit - scaled_log_sum_exp).exp()


@signal(
    title="entropy, temperature-scaled",
    formula="entropy of softmax(z / T), T fitted",
    high_means_easy=False,
    source=TEMPERATURE,
)
def scaled_entropy(scaled_entropy: Tensor) -> Tensor:
    return scaled_entropy


@signal(
    title="tail mass at 3, temperature-scaled",
    formula="Σ p·1[p < e^−3] of softmax(z / T), T fitted",
    high_means_easy=False,
    source=TEMPERATURE,
)
def scaled_tail_mass_3(scaled_tail_mass: Tensor) -> Tensor:
    return scaled_tail_mass[:, SCALED_TAIL_THRESHOLDS.index(3.0)]


@signal(
    title="surprisal of the argmax",
    formula="−log((count of argmax in train + 1) / (tokens + V))",
    high_means_easy=None,  # rare where the model is sure of a name, and where it is at a loss
    source=HERE,
)
def argmax_surprisal(argmax: Tensor, train_surprisal: Tensor) -> Tensor:
    return train_surprisal[argmax]
