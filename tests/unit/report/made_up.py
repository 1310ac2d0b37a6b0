"""A complete table of protocol `fair` with made-up figures, and a registry that knows its signals."""

from types import SimpleNamespace

from easyhard.errors import InputError

Name = tuple[str, str, str]
Estimate = tuple[float | None, float | None, float | None]
Table = dict[Name, Estimate]

LABELS = {"loss_over_1": 0.93, "loss_over_3": 0.75, "loss_over_5": 0.58, "loss_over_8": 0.37, "loss_over_median": 0.5}
LABELS |= {"argmax_wrong": 0.81}
TRICKY = {"loss_over_1": 0.03, "loss_over_5": -0.03, "loss_over_8": -0.06, "loss_over_median": -0.04}
"""How far a label's AUROC lies from the main label's."""

HEAD = 69830 * 64
SIGNALS = {
    "oracle": ("loss itself", "target", 1.0, HEAD),
    "target_probability": ("probability of the target", "target", 1.0, HEAD),
    "hidden_norm": ("norm of the state", "hidden", 0.561, 64),
    "logit_std": ("std of the logits", "hidden", 0.63, 4224),
    "gaussian_lse": ("Gaussian log-sum-exp", "hidden", 0.642, 4224),
    "mahalanobis": ("Mahalanobis distance", "hidden", 0.588, 4160),
    "exit_classifier": ("exit classifier", "hidden", 0.655, 64),
    "mlp_loss": ("MLP of the loss", "hidden", 0.721, 16640),
    "mlp_easy": ("MLP of loss > 3", "hidden", 0.7335, 16640),
    "mlp_entropy": ("MLP of the entropy", "hidden", 0.729, 16640),
    "stack_hidden": ("stack of hidden", "hidden", 0.7362, 60000),
    "position": ("position", "context", 0.512, 0),
    "unigram_surprisal": ("surprisal of the current token", "context", 0.604, 0),
    "previous_loss": ("previous loss", "context", 0.548, 0),
    "mlp_easy_context": ("MLP of loss > 3 with context", "context", 0.7461, 19000),
    "stack_context": ("stack of hidden and context", "context", 0.7512, 65000),
    "max_probability": ("max probability", "head", 0.719, HEAD),
    "max_logit": ("max logit", "head", 0.702, HEAD),
    "max_minus_mean": ("max − mean", "head", 0.716, HEAD),
    "margin": ("margin", "head", 0.587, HEAD),
    "entropy": ("entropy", "head", 0.741, HEAD),
    "tail_mass_3": ("tail mass at 3", "head", 0.7405, HEAD),
    "log_sum_exp": ("log-sum-exp", "head", 0.655, HEAD),
    "renyi2": ("Rényi-2 entropy", "head", 0.731, HEAD),
    "self_certainty": ("self-certainty", "head", 0.722, HEAD),
    "stack_head": ("stack of head", "head", 0.7442, HEAD + 50000),
}
"""Title, cost class, AUROC of the main label, multiply-adds."""

HALF_WIDTH = 0.011
RANKS = (2, 5, 10, 20, 32)
KEPT = {  # r of the max probability with the exact one, by rank
    "plain": (0.15, 0.26, 0.34, 0.39, 0.46),
    "centred": (0.16, 0.27, 0.33, 0.4, 0.47),
    "weighted": (0.29, 0.48, 0.67, 0.83, 0.93),
}
LOST = {  # AUROC that a low-rank entropy lacks, by rank
    "plain": (0.14, 0.105, 0.085, 0.07, 0.056),
    "centred": (0.135, 0.1, 0.084, 0.068, 0.055),
    "weighted": (0.09, 0.055, 0.026, 0.008, 0.003),
}
BASES = {"entropy": 0.0, "max_probability": -0.024, "max_minus_mean": -0.03}
BEST = {"hidden": "stack_hidden", "context": "stack_context", "low_rank": "weighted/32/entropy", "head": "stack_head"}
STRATA = ("frequency_0", "frequency_1", "frequency_2_10", "frequency_11_100", "frequency_101_1000")
STRATA += ("frequency_over_1000", "position_0", "position_1_3", "position_4_7", "position_8_15", "position_16_31")


def find(name: str) -> SimpleNamespace:
    """The made-up registry's entry; unknown names are refused as the real one refuses them."""
    if name in SIGNALS:
        title, needs, *_ = SIGNALS[name]
        return SimpleNamespace(title=title, needs=needs)
    kind, _, rest = name.partition("/")
    if kind in KEPT and rest:
        title = f"{SIGNALS[name.rpartition('/')[2].removeprefix('refined_')][0]}, {kind} rank {rest.split('/')[0]}"
        title += " refined" if "/refined_" in name else ""
        return SimpleNamespace(title=title, needs="low_rank")
    raise InputError(f"signal {name!r} is not known")


def table() -> Table:
    """Every figure of a run with a head, probes, stacks and target frequencies."""
    made = _data() | _signals() | _low_rank() | _learning() | _stacks()
    return made | _strata() | _ceilings() | _calibration() | _shape()


def bare() -> Table:
    """Every figure of a run that only had signals of its own and no head: `mine` and `yours`."""
    made = {name: value for name, value in _data().items() if name[2] not in NOT_OF_A_BARE_RUN}
    made |= _signal("mine", 0.71, None) | _signal("yours", 0.66, None) | _shape()
    made |= _differs("yours", "auroc_from_class_best", -0.05, 0.004)
    made["fair_differences", "mine", "is_class_best"] = _exact(1.0)
    made["fair_differences", "yours", "is_class_best"] = _exact(0.0)
    return {name: value for name, value in made.items() if name[2] not in NOT_OF_A_BARE_RUN}


NOT_OF_A_BARE_RUN = {"vocabulary_size", "dim", "head_multiply_adds", "ceiling_share", "cost_share", "multiply_adds"}


def _exact(value: float | None) -> Estimate:
    return value, None, None


def _around(value: float, half: float = HALF_WIDTH) -> Estimate:
    return value, value - half, value + half


def _data() -> Table:
    made: Table = {}
    for part, documents, tokens in (("fit", 46, 175_000), ("select", 18, 64_000), ("test", 56, 216_480)):
        made["fair_data", part, "documents"] = _exact(documents)
        made["fair_data", part, "sequences"] = _exact(tokens // 32)
        made["fair_data", part, "tokens"] = _exact(tokens)
    clusters = {"count": 56, "are_documents": 1, "resamples": 1000, "vocabulary_size": 69830, "dim": 64}
    clusters |= {"head_multiply_adds": HEAD, "main_threshold": 3, "median_loss": 6.21, "loss_mean": 6.78}
    for metric, value in clusters.items():
        made["fair_data", "clusters", metric] = _exact(value)
    for label, prevalence in LABELS.items():
        threshold = {"loss_over_median": 6.21, "argmax_wrong": None}.get(label, label.removeprefix("loss_over_"))
        made["fair_labels", label, "prevalence"] = _exact(prevalence)
        made["fair_labels", label, "threshold"] = _exact(None if threshold is None else float(threshold))
    return made


def _signals() -> Table:
    made: Table = {}
    auroc = {name: value for name, (_, _, value, _) in SIGNALS.items()}
    cost = {name: value for name, (*_, value) in SIGNALS.items()}
    for kind, lost in LOST.items():
        for rank, lack in zip(RANKS, lost, strict=True):
            for base, offset in BASES.items():
                for prefix, gain in (("", 0.0), ("refined_", 0.1 * lack)):
                    name = f"{kind}/{rank}/{prefix}{base}"
                    auroc[name] = auroc["entropy"] - lack + gain + offset
                    cost[name] = rank * (64 + 69830) + (64 * 64 if prefix else 0)
    for name, value in auroc.items():
        made |= _signal(name, value, cost[name])
        made |= _difference_rows(name, value - auroc["stack_head"], auroc)
    return made


def _signal(name: str, auroc: float, cost: float | None) -> Table:
    """The figures of one signal, all made from its AUROC of the main label."""
    excess = auroc - 0.5
    made: Table = {}
    for label, prevalence in LABELS.items():
        value = min(auroc + TRICKY.get(label, 0.0), 1.0)
        made["fair_signals", name, f"auroc_{label}"] = _around(value) if value < 1 else (1.0, 1.0, 1.0)
        made["fair_signals", name, f"auprc_{label}"] = _around(
            prevalence + (1 - prevalence) * 0.9 * (2 * value - 1) ** 2
        )
    made["fair_signals", name, "spearman"] = _around(2 * excess * 0.73)
    made["fair_signals", name, "augrc"] = _around(3.39 - 2.42 * excess, 0.05)
    made["fair_signals", name, "augrc_argmax_wrong"] = _around(0.405 - 0.3 * excess)
    made["fair_signals", name, "prr"] = _around(2 * excess * 0.8)
    made["fair_signals", name, "loss_diff"] = _around(14.62 * excess * 0.65, 0.2)
    made["fair_signals", name, "oracle_share"] = _around(1.3 * excess, 0.016)
    made["fair_signals", name, "ceiling_share"] = _around(excess / 0.2545, 0.04)
    made["fair_signals", name, "select_auroc"] = _exact(auroc - 0.002)
    made["fair_signals", name, "multiply_adds"] = _exact(cost)
    made["fair_signals", name, "cost_share"] = _exact(None if cost is None else cost / HEAD)
    for percent in range(5, 101, 5):
        risk = 6.78 * (percent / 100) ** (0.95 * excess if auroc < 1 else 0.9)
        made["fair_risk", name, f"risk_{percent:02d}"] = _around(risk, 0.16)
    return made


def _difference_rows(name: str, gap: float, auroc: dict[str, float]) -> Table:
    needs = find(name).needs
    made: Table = {("fair_differences", name, "is_class_best"): _exact(float(name == BEST.get(needs)))}
    if needs == "target":
        return made
    half = 0.0035 + 0.05 * abs(gap)
    if name != BEST[needs]:
        made |= _differs(name, "auroc_from_class_best", auroc[name] - auroc[BEST[needs]], half)
    if needs != "head":
        made |= _differs(name, "auroc_from_head_best", gap, half)
        made |= _differs(name, "augrc_from_head_best", -2.42 * gap, 2.42 * half)
    return made


def _differs(name: str, metric: str, gap: float, half: float) -> Table:
    p = 0.0001 if abs(gap) > 2 * half else 0.02 if abs(gap) > half else 0.6
    return {
        ("fair_differences", name, metric): _around(gap, half),
        ("fair_differences", name, f"{metric}_p"): _exact(p),
    }


def _low_rank() -> Table:
    made: Table = {}
    for kind, kept in KEPT.items():
        for rank, r in zip(RANKS, kept, strict=True):
            item = f"{kind}/{rank}"
            cost = rank * (64 + 69830)
            made["fair_low_rank", item, "coverage"] = _exact(0.58 + 0.0065 * rank)
            made["fair_low_rank", item, "multiply_adds"] = _exact(cost)
            made["fair_low_rank", item, "cost_share"] = _exact(cost / HEAD)
            for base, more in (("max_probability", 0.0), ("max_logit", 0.02), ("entropy", 0.04)):
                made["fair_low_rank", item, f"{base}_pearson"] = _exact(r + more * (1 - r))
            made["fair_low_rank", item, "refined_max_probability_pearson"] = _exact(r**0.6)
            made["fair_low_rank", item, "argmax_kept"] = _exact(0.93 * r**1.2)
            made["fair_low_rank", item, "argmax_kept_refined"] = _exact(r**0.4)
    return made


def _learning() -> Table:
    made: Table = {}
    for probe, end in (("linear_easy", 0.69), ("mlp_easy", 0.7335), ("mlp_entropy", 0.729)):
        for fraction in (0.1, 0.25, 0.5, 1.0):
            item = f"{probe}/{fraction:g}"
            made["fair_learning", item, "tokens"] = _exact(175_000 * fraction)
            made["fair_learning", item, "documents"] = _exact(round(46 * fraction))
            made["fair_learning", item, "auroc"] = _around(end - 0.02 * (1 / fraction - 1) ** 0.5 / 3)
    return made


def _stacks() -> Table:
    made: Table = {}
    inputs = {"stack_hidden": ("mlp_easy", "mlp_entropy", "logit_std"), "stack_head": ("entropy", "tail_mass_3")}
    for stack, names in inputs.items():
        made["fair_stacks", stack, "leaves"] = _exact(31)
        for index, name in enumerate(names):
            made["fair_stacks", stack, f"importance_{name}"] = _exact(0.06 / (index + 1))
            made["fair_stacks", stack, f"importance_{name}_std"] = _exact(0.0021)
    return made


def _strata() -> Table:
    made: Table = {}
    for index, stratum in enumerate(STRATA):
        made["fair_strata", "tokens", f"share_{stratum}"] = _exact(0.07 + 0.01 * index)
        made["fair_strata", "tokens", f"hard_{stratum}"] = _exact(0.97 - 0.05 * index)
    for name in (*BEST.values(), "entropy", "max_probability"):
        base = SIGNALS[name][2] if name in SIGNALS else 0.738
        for index, stratum in enumerate(STRATA):
            made["fair_strata", name, f"auroc_{stratum}"] = _around(base - 0.1 + 0.01 * index, 0.02)
        made["fair_strata", name, "auroc_within_documents"] = _around(base - 0.004)
        made["fair_strata", name, "auroc_within_position"] = _around(base - 0.002)
        made["fair_strata", name, "auroc_within_frequency"] = _around(base - 0.08)
        made["fair_strata", name, "frequency_share"] = _around(0.08 / (base - 0.5), 0.03)
    return made


def _ceilings() -> Table:
    ceilings = [(label, "auroc", 0.7545 + TRICKY.get(label, 0.0), 0.003) for label in LABELS]
    ceilings += [("loss", "spearman", 0.39, 0.004), ("loss", "augrc", 2.66, 0.01)]
    ceilings += [("loss", "loss_diff", 2.41, 0.03), ("loss", "oracle_share", 0.35, 0.004)]
    return {("fair_ceilings", item, metric): _around(value, half) for item, metric, value, half in ceilings}


def _calibration() -> Table:
    made: Table = {}
    models = {"model": (1.0, 0.021, 6.78, 0.178), "temperature": (1.13, 0.008, 6.74, 0.186)}
    for model, (temperature, ece, nll, confidence) in models.items():
        made["fair_calibration", model, "temperature"] = _exact(temperature)
        made["fair_calibration", model, "ece"] = _around(ece, 0.003)
        made["fair_calibration", model, "nll"] = _around(nll, 0.1)
        made["fair_calibration", model, "accuracy"] = _around(0.19, 0.006)
        made["fair_calibration", model, "mean_confidence"] = _exact(confidence)
        for index in range(15):
            sure = (index + 0.45) / 15
            item = f"{model}/bin_{index:02d}"
            made["fair_calibration", item, "confidence"] = _exact(sure)
            made["fair_calibration", item, "accuracy"] = _exact(sure * (0.86 if model == "model" else 0.97) + 0.02)
            made["fair_calibration", item, "tokens"] = _exact(0 if index == 14 else 60_000 / (1 + index) ** 1.3)
    return made


def _shape() -> Table:
    made: Table = {}
    for suffix, modes in (("", (1.8, 7.0, 17.0)), ("_seen", (1.8, 6.9))):
        made["fair_shape", f"loss{suffix}", "dip"] = (0.011, 0.008, 0.014)
        made["fair_shape", f"loss{suffix}", "dip_p_thinned"] = _exact(0.004)
        made["fair_shape", f"loss{suffix}", "modes"] = _exact(len(modes))
        for index, mode in enumerate(modes, start=1):
            made["fair_shape", f"loss{suffix}", f"mode_{index}"] = _exact(mode)
        made["fair_shape", f"log_loss{suffix}", "dip"] = (0.004, 0.0, 0.006)
        made["fair_shape", f"log_loss{suffix}", "dip_p_thinned"] = _exact(0.21)
    return made
