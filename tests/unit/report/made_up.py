"""A complete table of protocol `fair` with made-up figures, and a registry that knows its signals."""

from functools import partial
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
    "stack_head": ("stack of head", "head", 0.7442, HEAD + 50000),
}
"""Title, cost class, AUROC of the main label, multiply-adds."""

EXIT_SIGNALS = {
    "state_cosine": ("cosine with the layer before", "layers", 0.52, 128),
    "mlp_agrees": ("MLP of agrees", "probes", 0.71, 8192),
    "previous_depth": ("depth of the token before", "context", 0.55, 0),
    "low_rank/max_probability": ("max probability", "low_rank", 0.66, 1_118_304),
    "max_probability": ("max probability", "head", 0.74, HEAD),
    "translated/max_probability": ("max probability", "head", 0.75, HEAD + 64**2),
}
"""At exits: title, cost class, AUROC of `agrees` after layer 1, multiply-adds."""

WHOLE = HEAD + 4 * 65536
LAYER, LAYERS, EXIT_LOSSES = 65536, 4, (8.06, 5.72, 5.09, 5.38)

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
    if name in EXIT_SIGNALS:
        title, needs, *_ = EXIT_SIGNALS[name]
        return SimpleNamespace(title=title, needs=needs)
    kind, _, rest = name.partition("/")
    if kind in KEPT and rest:
        title = f"{SIGNALS[name.rpartition('/')[2].removeprefix('refined_')][0]}, {kind} rank {rest.split('/')[0]}"
        title += " refined" if "/refined_" in name else ""
        return SimpleNamespace(title=title, needs="low_rank")
    raise InputError(f"signal {name!r} is not known")


def table() -> Table:
    """Every figure of a run with a head, probes, stacks and target frequencies."""
    made = _data() | _signals() | _advice() | _low_rank() | _learning() | _stacks()
    made |= _strata() | _ceilings() | _calibration() | _shape() | _exits() | _exit_signals() | _depths()
    return made | _founding_exits() | _saturation() | _policies()


def bare() -> Table:
    """Every figure of a run that only had signals of its own and no head: `mine` and `yours`."""
    made = _data() | _signal("mine", 0.71, None) | _signal("yours", 0.66, None) | _shape()
    made |= _of("advice", "settings", margin=0.005, budget=1.0)
    made |= _of("advice", "mine", best_loss_over_3=1.0, recommended_loss_over_3=1.0)
    made |= _differs("yours", "auroc_from_class_best", -0.05, 0.004)
    made |= _of("fair_differences", "mine", is_class_best=1.0) | _of("fair_differences", "yours", is_class_best=0.0)
    return {name: value for name, value in made.items() if name[2] not in NOT_OF_A_BARE_RUN}


def brought() -> Table:
    """The figures of all rows of a run that brought a prediction of the loss along."""
    split = {"easy_loss": 2.1, "hard_loss": 5.3, "loss_diff": 3.2}
    made = _of("loss_distribution", "loss", tokens=9000, mean=3.7, std=2.5, cohens_d=2.4, cohens_d_gamma=2.3)
    made |= _of("loss_distribution", "log_loss", dip=0.01)
    for item, r in (("oracle", 1.0), ("mine", 0.61)):
        made |= _of("separation", item, pearson=r, spearman=r, mean=3.1, std=1.2, oracle_share=r, high_means_easy=0)
        made |= _of("separation", item, **split)
    made |= _of("thresholds", "mine/0.5", threshold=0.5, easy_share=0.2, hard_share=0.8, **split)
    return made | _of("regression", "mine", mse=2.2, r2=0.36, pearson=0.61, spearman=0.6, loss_diff=3.2)


NOT_OF_A_BARE_RUN = {"head_multiply_adds", "ceiling_share", "cost_share", "model_share", "multiply_adds"}


def _of(section: str, item: str, half: float | None = None, **values: float | None) -> Table:
    """Figures of one item by their metrics, with an interval of `half` on either side if that is given."""
    return {
        (section, item, metric): (value, None, None)
        if half is None or value is None
        else (value, value - half, value + half)
        for metric, value in values.items()
    }


def _exact(value: float | None) -> Estimate:
    return value, None, None


def _around(value: float, half: float = HALF_WIDTH) -> Estimate:
    return value, value - half, value + half


def _data() -> Table:
    made: Table = {}
    for part, documents, tokens in (("fit", 46, 175_000), ("select", 18, 64_000), ("test", 56, 216_480)):
        made |= _of("fair_data", part, documents=documents, sequences=tokens // 32, tokens=tokens)
    clusters = {"count": 56, "are_documents": 1, "resamples": 1000, "head_multiply_adds": HEAD, "main_threshold": 3}
    made |= _of("fair_data", "clusters", **clusters)
    for label, prevalence in LABELS.items():
        threshold = {"loss_over_median": 6.21, "argmax_wrong": None}.get(label, label.removeprefix("loss_over_"))
        exact = None if threshold is None else float(threshold)
        made |= _of("fair_labels", label, prevalence=prevalence, threshold=exact)
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
    own, made = partial(_of, "fair_signals", name), Table()
    for label, prevalence in LABELS.items():
        value = min(auroc + TRICKY.get(label, 0.0), 1.0)
        made |= own(HALF_WIDTH if value < 1 else 0.0, **{f"auroc_{label}": value})
        made |= own(HALF_WIDTH, **{f"auprc_{label}": prevalence + (1 - prevalence) * 0.9 * (2 * value - 1) ** 2})
    made |= own(HALF_WIDTH, spearman=2 * excess * 0.73) | own(0.05, augrc=3.39 - 2.42 * excess)
    made |= own(HALF_WIDTH, prr=2 * excess * 0.8) | own(0.2, loss_diff=14.62 * excess * 0.65)
    made |= own(0.016, oracle_share=1.3 * excess) | own(0.04, ceiling_share=excess / 0.2545)
    made |= own(select_auroc=auroc - 0.002, multiply_adds=cost)
    made |= own(
        **{f"{name}_share": None if cost is None else cost / of for name, of in (("cost", HEAD), ("model", WHOLE))}
    )
    power = 0.95 * excess if auroc < 1 else 0.9
    risks = {f"risk_{percent:02d}": 6.78 * (percent / 100) ** power for percent in range(5, 101, 5)}
    return made | _of("fair_risk", name, 0.16, **risks)


def _advice() -> Table:
    """stack_context is the best; of its cheaper rivals mlp_easy_context is not worse, mlp_easy may be."""
    label, made = "loss_over_3", _of("advice", "settings", margin=0.005, budget=1.0)
    made |= _of("advice", "stack_context", **{f"best_{label}": 1.0}) | _of("advice", "stack_head", budget_1=1.0)
    made |= _of("advice", "mlp_easy_context", **{f"recommended_{label}": 1.0, f"not_worse_p_{label}": 0.003})
    made |= _of("advice", "mlp_easy_context", 0.0015, **{f"from_best_{label}": -0.0021})
    made |= _of("advice", "mlp_easy", 0.004, **{f"from_best_{label}": -0.0177})
    made |= _of("advice", "mlp_easy", **{f"not_worse_p_{label}": 0.9999, "budget_0.01": 1.0})
    made |= _of("advice", "exit_classifier", **{"budget_0.001": 1.0})
    return made | _of("advice", "entropy", best_argmax_wrong=1.0, recommended_argmax_wrong=1.0)


def _difference_rows(name: str, gap: float, auroc: dict[str, float]) -> Table:
    needs = find(name).needs
    made = _of("fair_differences", name, is_class_best=float(name == BEST.get(needs)))
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
    return _of("fair_differences", name, half, **{metric: gap}) | _of("fair_differences", name, **{f"{metric}_p": p})


def _low_rank() -> Table:
    made: Table = {}
    for kind, kept in KEPT.items():
        for rank, r in zip(RANKS, kept, strict=True):
            own = {"coverage": 0.58 + 0.0065 * rank, "cost_share": rank * (64 + 69830) / HEAD}
            for base, more in (("max_probability", 0.0), ("max_logit", 0.02), ("entropy", 0.04)):
                own[f"{base}_pearson"] = r + more * (1 - r)
            own |= {"refined_max_probability_pearson": r**0.6, "argmax_kept": 0.93 * r**1.2}
            made |= _of("fair_low_rank", f"{kind}/{rank}", **own, argmax_kept_refined=r**0.4)
    return made


def _learning() -> Table:
    made: Table = {}
    for probe, end in (("linear_easy", 0.69), ("mlp_easy", 0.7335), ("mlp_entropy", 0.729)):
        for fraction in (0.1, 0.25, 0.5, 1.0):
            own = partial(_of, "fair_learning", f"{probe}/{fraction:g}")
            made |= own(tokens=175_000 * fraction, documents=round(46 * fraction))
            made |= own(HALF_WIDTH, auroc=end - 0.02 * (1 / fraction - 1) ** 0.5 / 3)
    return made


def _stacks() -> Table:
    made: Table = {}
    inputs = {"stack_hidden": ("mlp_easy", "mlp_entropy", "logit_std"), "stack_head": ("entropy", "tail_mass_3")}
    for stack, names in inputs.items():
        own = {"leaves": 31.0}
        for index, name in enumerate(names):
            own |= {f"importance_{name}": 0.06 / (index + 1), f"importance_{name}_std": 0.0021}
        made |= _of("fair_stacks", stack, **own)
    return made


def _strata() -> Table:
    made: Table = {}
    for index, stratum in enumerate(STRATA):
        own = {f"share_{stratum}": 0.07 + 0.01 * index, f"hard_{stratum}": 0.97 - 0.05 * index}
        made |= _of("fair_strata", "tokens", **own)
    for name in (*BEST.values(), "entropy", "max_probability"):
        base = SIGNALS[name][2] if name in SIGNALS else 0.738
        made |= _of(
            "fair_strata", name, 0.02, **{f"auroc_{own}": base - 0.1 + 0.01 * i for i, own in enumerate(STRATA)}
        )
        within = {"documents": base - 0.004, "position": base - 0.002, "frequency": base - 0.08}
        made |= _of("fair_strata", name, HALF_WIDTH, **{f"auroc_within_{own}": value for own, value in within.items()})
        made |= _of("fair_strata", name, 0.03, frequency_share=0.08 / (base - 0.5))
    return made


def _ceilings() -> Table:
    made: Table = {}
    for label in LABELS:
        made |= _of("fair_ceilings", label, 0.003, auroc=0.7545 + TRICKY.get(label, 0.0))
    made |= _of("fair_ceilings", "loss", 0.004, spearman=0.39) | _of("fair_ceilings", "loss", 0.01, augrc=2.66)
    return (
        made
        | _of("fair_ceilings", "loss", 0.03, loss_diff=2.41)
        | _of("fair_ceilings", "loss", 0.004, oracle_share=0.35)
    )


def _calibration() -> Table:
    made: Table = {}
    models = {"model": (1.0, 0.021, 6.78, 0.178), "temperature": (1.13, 0.008, 6.74, 0.186)}
    for model, (temperature, ece, nll, confidence) in models.items():
        own = partial(_of, "fair_calibration", model)
        made |= own(temperature=temperature) | own(0.003, ece=ece) | own(0.1, nll=nll) | own(0.006, accuracy=0.19)
        made |= own(mean_confidence=confidence)
        for index in range(15):
            sure = (index + 0.45) / 15
            right = sure * (0.86 if model == "model" else 0.97) + 0.02
            tokens = 0 if index == 14 else 60_000 / (1 + index) ** 1.3
            made |= _of("fair_calibration", f"{model}/bin_{index:02d}", confidence=sure, accuracy=right, tokens=tokens)
    return made


def _shape() -> Table:
    made: Table = {}
    for suffix, modes in (("", (1.8, 7.0, 17.0)), ("_seen", (1.8, 6.9))):
        places = {f"mode_{index}": mode for index, mode in enumerate(modes, start=1)}
        made |= _of("fair_shape", f"loss{suffix}", 0.003, dip=0.011)
        made |= _of("fair_shape", f"loss{suffix}", dip_p_thinned=0.004, modes=len(modes), **places)
        made["fair_shape", f"log_loss{suffix}", "dip"] = (0.004, 0.0, 0.006)
        made |= _of("fair_shape", f"log_loss{suffix}", dip_p_thinned=0.21)
    return made


def _exits() -> Table:
    model = {"layers": LAYERS, "layer_multiply_adds": LAYER, "head_multiply_adds": HEAD, "near": 0.1}
    made: Table = {("exits", "model", metric): _exact(value) for metric, value in model.items()}
    made["exits", "model", "layers_per_head_pass"] = _exact(HEAD / LAYER)
    made["exits", "model", "left_out_perplexity"] = _around(217.0, 20)
    for layer, loss in enumerate(EXIT_LOSSES, start=1):
        for head, gain in (("", 0.0), ("/translated", 0.4)):
            if layer < LAYERS or not head:
                made |= _exit(f"{layer}{head}", layer, loss - gain, gain / 5)
        made["exits", str(layer), "left_out_perplexity"] = _around(217.0 * (6 - layer), 20)
        made["exits", str(layer), "left_out_excess"] = _around(0.9 - 0.3 * layer, 0.05)
        made["exits", str(layer), "influence"] = _around(0.8 / layer, 0.01)
    return made


def _exit(item: str, layer: int, loss: float, more: float = 0.0) -> Table:
    agrees = (0.095, 0.29, 0.487, 1.0)[layer - 1] + more
    shares = {"agrees": agrees, "stays": agrees**1.3 if layer < 3 else agrees, "near": agrees**0.7}
    shares |= {"right": 0.04 * layer, "fails": 0.1 / layer}
    figures = {
        "mean_loss": _around(loss, 0.05),
        "perplexity": _around(2.718**loss, 10),
        "mean_excess": _around(loss - EXIT_LOSSES[-1], 0.04 if layer < LAYERS else 0),
        "agreement": _around(agrees, 0.012),
        "stays": _around(shares["stays"], 0.01),
        "kl": _around(1.2 * (LAYERS - layer), 0.03),
        "mean_loss_stays": _around(5.2 - 0.3 * (layer - 1.5), 0.1),
        "mean_loss_other": _around(5.4, 0.08) if layer < LAYERS else _exact(None),
        "compute_share": _exact((LAYER * layer + HEAD) / (LAYER * LAYERS + HEAD)),
    }
    made: Table = {("exits", item, metric): estimate for metric, estimate in figures.items()}
    if layer < LAYERS:
        made |= {("exits", item, f"{label}_share"): _around(share, 0.01) for label, share in shares.items()}
    return made


def _exit_signals() -> Table:
    """Every signal at every exit; `fails` has one kind only after layer 3."""
    made: Table = {}
    for layer in range(1, LAYERS):
        for name, (_, needs, auroc, cost) in EXIT_SIGNALS.items():
            item = f"{layer}/{name}"
            made["exit_signals", item, "multiply_adds"] = _exact(cost)
            made["exit_signals", item, "layers"] = _exact(cost / LAYER)
            made["exit_signals", item, f"class_{needs}"] = _exact(1.0)
            for lag, label in enumerate(("agrees", "stays", "near", "right", "fails")):
                share = _exit("", layer, 0.0, 0.08 * name.startswith("translated"))["exits", "", f"{label}_share"][0]
                if share is not None and (layer, label) != (3, "fails"):
                    made |= _exit_signal(item, label, auroc + 0.03 * (layer - 1) - 0.02 * lag, share)
    return made


def _exit_signal(item: str, label: str, auroc: float, share: float) -> Table:
    always = 2 * share / (1 + share)
    gain = (auroc - 0.56) * (1 - always)
    figures = {
        "auroc": _around(auroc, 0.02),
        "auprc": _around(share + (1 - share) * (2 * auroc - 1) ** 2),
        "f1": _around(always + gain, 0.02),
        "f1_always": _around(always, 0.01),
        "f1_gain": _around(gain, 0.015),
        "select_auroc": _exact(auroc + 0.001),
    }
    return {("exit_signals", item, f"{metric}_{label}"): estimate for metric, estimate in figures.items()}


def _depths() -> Table:
    kinds = {
        "all": (3.1, 1.0),
        "frequency_0": (3.6, 0.07),
        "frequency_2_10": (3.4, 0.2),
        "frequency_over_1000": (2.9, 0.4),
    }
    kinds |= {"position_0": (3.5, 0.03), "position_16_31": (3.0, 0.5), "punctuation": (2.4, 0.13), "word": (3.3, 0.8)}
    made: Table = {}
    for kind, (depth, share) in kinds.items():
        made["exits", f"depth/{kind}", "mean_depth"] = _around(depth, 0.05)
        made["exits", f"depth/{kind}", "share"] = _exact(share)
    return made


def _founding_exits() -> Table:
    """Those of the label `loss` by one repeat, and undefined ones of the others."""
    figures = {"final": 1055.2, "accuracy": 0.168, "leaving_0": 0.513, "layers_saved": 0.2565, "threshold_0": 0.0537}
    figures |= {"block_0_held_out": 557.5, "block_1_held_out": 442.7, "block_0": 1060.5, "block_0_later_head": 1312.0}
    figures |= {"block_0_leaving": 663.0, "block_0_later_head_leaving": 800.0, "final_first_head": 958.4}
    figures |= {"final_kept_input": 1055.2, "final_kept_output": 1054.7, "nobody": 903.6}
    return {
        ("founding_exits", label, metric): _exact(value if label == "loss" else None)
        for label in ("distill", "loss", "softmax")
        for metric, value in figures.items()
    }


def _saturation() -> Table:
    """Of 8 layers: the cosine's F1 is above the baseline after layer 1 alone, the MLPs' after every layer."""
    made: Table = {}
    for layer in range(1, 8):
        item, share = f"8_64/{layer}", 0.07 * layer
        always = 2 * share / (1 + share)
        made["saturation", item, "agreement"] = _around(share, 0.01)
        made["saturation", item, "f1_always"] = _around(always, 0.01)
        made["saturation", item, "mean_loss_agrees"] = _around(6.4, 0.1)
        made["saturation", item, "mean_loss_other"] = _around(7.1, 0.1)
        for name, gain in (("mlp", 0.1), ("mlp_change", 0.12), ("cosine", 0.1 if layer == 1 else 0.0)):
            made["saturation", item, f"f1_{name}"] = _around(always + gain, 0.02)
            made["saturation", item, f"f1_gain_{name}"] = _around(gain, 0.02)
            made["saturation", item, f"auroc_{name}"] = _around(0.55 + gain, 0.02)
            made["saturation", item, f"auprc_{name}"] = _around(share + gain, 0.02)
    return made


POLICIES = {
    "learnt/linear_excess": ("probes", 0.02, ("best", "learnt")),
    "each/state_cosine": ("layers", 0.001, ("saturation",)),
    "beta/max_probability": ("head", -0.4, ("softmax",)),
    "patience/patience": ("head", -0.5, ("patience",)),
    "one/translated/entropy": ("head", -0.45, ()),
}
"""Policies: cost class, area over fixed layers, roles."""

POINTS = {"perplexity_1": 0.9, "perplexity_5": 0.8, "layers_50": 0.75, "layers_75": 0.85}


def _policies() -> Table:
    made: Table = {}
    for item, (needs, area, roles) in POLICIES.items():
        made |= {("policies", item, f"role_{role}"): _exact(1.0) for role in roles}
        made["policies", item, f"class_{needs}"] = _exact(1.0)
        for how in ("", "alone_"):
            made["policies", item, f"{how}select_over_fixed"] = _exact(area)
            for name, value in (("area", area + 0.01), ("over_fixed", area)):
                made["policies", item, f"{how}{name}"] = _around(value, 0.005)
            for point, compute in (
                ("perplexity_1", 0.9),
                ("perplexity_5", 0.8),
                ("layers_50", 0.75),
                ("layers_75", 0.85),
            ):
                made["policies", item, f"{how}compute_{point}"] = _around(compute - area, 0.01)
                made["policies", item, f"{how}excess_{point}"] = _around(0.02 - area / 10, 0.004)
                made["policies", item, f"{how}depth_{point}"] = _around(3.1, 0.05)
        for number in range(3) if roles else ():
            place = f"{item}@{number:02d}"
            made["policy_curves", place, "excess"] = _around(0.1 * number - area, 0.01)
            made["policy_curves", place, "random"] = _exact(0.2 * number)
            for name in ("compute", "alone_compute", "random_compute", "random_alone_compute"):
                made["policy_curves", place, name] = _around(1 - 0.2 * number, 0.01)
        for risk, method in (("disagreement", "learn_then_test"), ("excess", "risk_control")) if roles else ():
            name = f"{item}/{risk}/{method}"
            known = {"calibrated": 12, "certified": 0.0, "needed": 40 if risk == "excess" else None}
            made |= {("guarantees", name, metric): _exact(value) for metric, value in known.items()}
    for layer, loss in enumerate(EXIT_LOSSES, start=1):
        made["policies", f"fixed/{layer}", "excess"] = _around(loss - EXIT_LOSSES[-1], 0.01)
        made["policies", f"fixed/{layer}", "compute"] = _exact(0.96 + 0.01 * layer)
        made["policies", f"fixed/{layer}", "alone_compute"] = _exact(layer / LAYERS)
        made["policies", f"fixed/{layer}", "agreement"] = _around(0.25 * layer, 0.01)
        made["policies", f"fixed/{layer}", "select_excess"] = _exact(max(0.1, loss - EXIT_LOSSES[-1]))
    for item, excess in (("oracle/agrees", 0.1), ("oracle/near_0.1", -0.2)):
        made["policies", item, "excess"] = _around(excess, 0.01)
        for name in ("compute", "alone_compute", "agreement"):
            made["policies", item, name] = _around(0.7, 0.01)
    for kind, depth in (("all", 2.1), ("word", 2.3)):
        made["policy_depths", kind, "mean_depth"] = _around(depth, 0.1)
        made |= {("policy_depths", kind, f"leaves_{layer}"): _around(0.25, 0.01) for layer in range(1, LAYERS + 1)}
    for point, error in (("perplexity_1", 0.001), ("layers_50", 0.003)):
        item = f"learnt/linear_excess@{point}"
        for way, more in (("true", error), ("simulated", 0.0)):
            made["true_exits", item, f"{way}_excess"] = _around(0.02 + more, 0.01)
            made["true_exits", item, f"{way}_agreement"] = _around(0.8, 0.01)
            made["true_exits", item, f"{way}_depth"] = _around(2.5, 0.1)
        made["true_exits", item, "error"] = _around(error, 0.0005)
        made["true_exits", item, "tokens"] = _exact(5000)
    for exit, speed in (("1", 0.9), ("3", 1.2), ("3/translated", 1.3)):
        figures = {"acceptance": 0.6, "drafted": 2.0, "tokens_a_round": 1.9, "independent": 2.0, "speed_up": speed}
        made |= {("draft", exit, metric): _exact(value) for metric, value in figures.items()}
    return made
