"""An exit as the draft of greedy self-speculative decoding (LayerSkip, arXiv:2404.16710).

In a round the exit drafts k tokens one after another; the whole model then looks at all of them at once, keeps those
before the first where its own first choice is another, and gives one token itself. Text is walked as if it were what
the whole model says: rows are tokens in order, `agrees` is where the first choice at the exit is the whole model's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError
from easyhard.policies.costs import Costs

Column = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Draft:
    """An exit at the number of drafted tokens a round that is fastest for it, `drafted`.

    `acceptance`: share of tokens on which the exit agrees; `tokens_a_round`: as the text has them, `independent`: were
    each accepted by itself with that share; `speed_up`: over the whole model alone, below 1 where a draft does not pay.
    """

    acceptance: float
    drafted: int
    tokens_a_round: float
    independent: float
    speed_up: float


def best_draft(agrees: ArrayLike, document: ArrayLike, cost_share: float, longest: int = 10) -> Draft:
    """The draft of 1 … `longest` tokens with the greatest measured speed-up, the shortest of equals.

    agrees, document: as of `draft_rounds`; cost_share: as of `speed_ups`. Raises InputError as `draft_rounds` does.
    """
    rounds, tokens = (sums.sum(axis=0) for sums in draft_rounds(agrees, document, longest))
    speeds, acceptance = speed_ups(rounds, tokens, cost_share), float(np.asarray(agrees).mean())
    best = int(np.argmax(speeds))
    independent = expected_tokens(acceptance, longest)[best]
    return Draft(acceptance, best + 1, float(tokens / rounds[best]), float(independent), float(speeds[best]))


def draft_rounds(agrees: ArrayLike, document: ArrayLike, longest: int) -> tuple[Counts, Counts]:
    """Rounds that each document takes, (documents, longest), column k − 1 of k drafted tokens, and its tokens,
    (documents,); documents in the order of their numbers.

    agrees: (tokens,), booleans; document: (tokens,), integers, the rows of one together and in order. Rounds start with
    a document and the last ends with it. A round has min(a, k) + 1 tokens, a those that agree from its start on, so it
    never goes past the next disagreement: the s tokens up to it, itself among them, take ⌈s / (k + 1)⌉ rounds.
    Raises InputError where there is no token, or not one document for each.
    """
    agreed, documents = np.asarray(agrees, dtype=np.bool_), np.asarray(document)
    if not agreed.size or agreed.shape != documents.shape or agreed.ndim != 1:
        raise InputError(f"agrees {agreed.shape}, document {documents.shape}: as many of both are wanted, at least one")
    numbers, index = np.unique(documents, return_inverse=True)
    ends = np.flatnonzero(np.append(~agreed[:-1] | (index[1:] != index[:-1]), True))
    lengths, owner = np.diff(ends, prepend=-1), index[ends]
    rounds = [np.bincount(owner, -(-lengths // (drafted + 1)), len(numbers)) for drafted in range(1, longest + 1)]
    return np.stack(rounds, axis=1).astype(np.int64), np.bincount(index, minlength=len(numbers))


def speed_ups(rounds: ArrayLike, tokens: ArrayLike, cost_share: float) -> Column:
    """How many times as fast as the whole model alone, (…, longest): tokens a round over the cost of a round.

    rounds: (…, longest) and tokens: (…,), sums over documents, as of resamples; cost_share: c, what drafting a token
    costs, in units of a token of the whole model. A round costs k c + 1: the whole model's look at k + 1 tokens counts
    as one token, and does without the layers that the draft has run.
    """
    counted = np.asarray(rounds, dtype=np.float64)
    drafted = np.arange(1, counted.shape[-1] + 1)
    found: Column = np.asarray(tokens)[..., None] / counted / (drafted * cost_share + 1)
    return found


def expected_tokens(acceptance: float, longest: int) -> Column:
    """Tokens a round with 1 … `longest` drafted tokens, (longest,), were each accepted by itself with probability
    `acceptance`, a: (1 − a^{k + 1}) / (1 − a) (Leviathan et al., arXiv:2211.17192), that is 1 + a + … + a^k."""
    found: Column = np.cumsum(np.power(acceptance, np.arange(longest + 1)))[1:]
    return found


def draft_cost(costs: Costs, exit: int) -> float:
    """Of drafting a token at this layer, as a share of a token of the whole model: its layers and one head pass."""
    return (sum(costs.layers[:exit]) + costs.head) / costs.whole
