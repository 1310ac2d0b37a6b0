"""The registry: names that others rely on, what a declaration says of itself, families, costs."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits import request
from easyhard.logits.draws import draw_targets
from easyhard.logits.formulas import FORMULAS, NEEDS_TARGETS
from easyhard.signals.catalogue import EXIT_FAMILIES, EXIT_PROBES, FAMILIES, PROBES, exit_family_and_task
from easyhard.signals.declare import LOGIT_STATISTICS, SCALED, TARGET_STATISTICS, computable
from easyhard.signals.head_batch import head_signals
from easyhard.signals.registry import SIGNALS, Signal, Sizes, find, register, signal

ORACLES = {"oracle", "target_probability", "scaled_loss"}
HEAD = {
    *("max_probability", "max_logit", "max_minus_mean", "margin", "entropy", "probability_margin", "log_sum_exp"),
    *("self_certainty", "top_10_mass", "tail_mass_1", "tail_mass_3", "tail_mass_5", "tail_mass_8", "renyi2"),
    *("pnorm_max_logit", "scaled_max_probability", "scaled_entropy", "scaled_tail_mass_3", "argmax_surprisal"),
}
HIDDEN = {
    *("hidden_norm", "mahalanobis", "nearest_distance", "logit_std", "mean_logit", "gaussian_lse", "exit_classifier"),
}
CONTEXT = {
    *("unigram_surprisal", "position", "repeated", "previous_loss", "previous_loss_mean", "previous_loss_moving"),
    *(f"previous_loss_{lag}" for lag in range(2, 9)),
}
SIZES = Sizes(dim=64, words=69_830, refined=64, references=4096)
TEXT = {"title": "a", "formula": "b", "source": "c"}


@pytest.mark.parametrize(
    ("needs", "names"),
    [("target", {"oracle", "target_probability"}), ("head", HEAD), ("hidden", HIDDEN), ("context", CONTEXT)],
)
def test_cost_classes(needs: str, names: set[str]) -> None:
    for entry in (find(name) for name in names):
        assert entry.needs == needs
        assert entry.title
        assert entry.formula
        assert entry.source


def test_only_what_sees_the_target_is_called_an_oracle() -> None:
    assert {entry.name for entry in SIGNALS if entry.needs == "target"} == ORACLES


def test_find_returns_the_entry_and_names_the_known_ones_otherwise() -> None:
    assert find("entropy").name == "entropy"
    with pytest.raises(InputError, match=r"signal 'entropie' is not known; wanted one of oracle, .*entropy"):
        find("entropie")


def test_statistics_are_those_of_the_logits() -> None:
    assert set(LOGIT_STATISTICS) <= FORMULAS.keys()
    assert SCALED == request.SCALED
    assert set(TARGET_STATISTICS) == NEEDS_TARGETS & set(LOGIT_STATISTICS)


@pytest.mark.usefixtures("own_registry")
def test_reads_and_cost_class_follow_from_the_parameters() -> None:
    @signal(high_means_easy=True, **TEXT)
    def of_the_logits(entropy: Tensor, words: int) -> Tensor:
        return entropy / words

    @signal(high_means_easy=True, **TEXT)
    def of_the_target(scaled_loss: Tensor) -> Tensor:
        return scaled_loss

    @signal(high_means_easy=None, multiply_adds=lambda sizes: 3 * sizes.dim, **TEXT)
    def of_the_state(hidden: Tensor, head_mean: Tensor) -> Tensor:
        return hidden @ head_mean

    @signal(name="of/earlier", high_means_easy=False, **TEXT)
    def of_earlier(token: Tensor, train_surprisal: Tensor) -> Tensor:
        return train_surprisal[token]

    found = {name: find(name) for name in ("of_the_logits", "of_the_target", "of_the_state", "of/earlier")}
    assert [entry.needs for entry in found.values()] == ["head", "target", "hidden", "context"]
    assert [entry.reads[0] for entry in found.values()] == ["entropy", "scaled_loss", "hidden", "token"]
    assert [entry.multiply_adds(SIZES) for entry in found.values() if entry.multiply_adds] == [
        *(64 * 69_830, 64 * 69_830, 192, 0),
    ]
    assert found["of_the_logits"] in computable(["head"], {"entropy", "words"})
    assert found["of_the_logits"] not in computable(["head"], {"entropy"})
    assert found["of_the_logits"] not in computable(["hidden"], {"entropy", "words"})


@pytest.mark.usefixtures("own_registry")
def test_a_wrong_declaration_is_named() -> None:
    def declare(function: object, name: str = "mine") -> None:
        signal(name=name, high_means_easy=True, **TEXT)(function)  # type: ignore[type-var]

    with pytest.raises(InputError, match="signal 'mine': it reads entropie; names out of log_sum_exp, "):
        declare(lambda entropie: entropie)
    with pytest.raises(InputError, match="signal 'mine': it reads logits and context; values of one kind"):
        declare(lambda entropy, token: entropy)
    with pytest.raises(InputError, match="signal 'mine': it reads nothing; values of one kind"):
        declare(lambda words: words)
    with pytest.raises(InputError, match="signal 'mine': no multiply_adds; a function of Sizes"):
        declare(lambda hidden: hidden)
    with pytest.raises(InputError, match="signal 'entropy' is declared twice"):
        declare(lambda max_logit: max_logit, name="entropy")


@pytest.mark.usefixtures("own_registry")
def test_a_signal_without_a_function_is_known_and_not_computed() -> None:
    mine = register(Signal("mine", "my probe", "f(h)", "hidden", False, "me"))
    assert find("mine") is mine
    assert mine in SIGNALS
    assert mine not in computable(["hidden"], {"hidden"})


def test_low_rank_names_resolve() -> None:
    found = find("weighted/10/entropy")
    assert (found.name, found.title, found.needs) == ("weighted/10/entropy", "entropy, weighted rank 10", "low_rank")
    assert found.high_means_easy is False
    assert found.multiply_adds is not None
    assert found.multiply_adds(SIZES) == 64 * 10 + 10 * 69_830
    refined = find("plain/5/refined_max_minus_mean")
    assert (refined.title, refined.high_means_easy) == ("max − mean, plain rank 5 refined", True)
    assert refined.multiply_adds is not None
    assert refined.multiply_adds(SIZES) == 64 * 5 + 5 * 69_830 + 64 * 64
    assert find("centred/32/refined_tail_mass_3").needs == "low_rank"


@pytest.mark.parametrize(
    "name",
    [
        "weighted/0/entropy",
        "weighted/1.5/entropy",
        "svd/10/entropy",
        "plain/10/oracle",
        "plain/10/hidden_norm",
        "plain/10",
    ],
)
def test_what_is_no_low_rank_signal_is_not_known(name: str) -> None:
    with pytest.raises(InputError, match=r"is not known; wanted one of .* or a low-rank one like weighted/10/entropy"):
        find(name)


def test_costs() -> None:
    whole = 64 * 69_830
    costs = {entry.name: entry.multiply_adds(SIZES) for entry in SIGNALS if entry.multiply_adds}
    assert all(costs[name] == whole for name in HEAD)
    assert all(costs[name] == 0 for name in CONTEXT)
    assert {name: costs[name] for name in HIDDEN} == {
        "hidden_norm": 64,
        "mahalanobis": 64 * 64 + 64,
        "nearest_distance": 4096 * 64,
        "logit_std": 64 * 64 + 64,
        "mean_logit": 64,
        "gaussian_lse": 64 * 64 + 128,
        "exit_classifier": 64,
    }


def test_probes_at_exits_are_known_to_the_registry_and_not_offered_for_the_last_state() -> None:
    families = {name: family for name, family in EXIT_FAMILIES.items() if name in ("linear", "mlp")}
    assert all(family.architecture == FAMILIES[name].architecture for name, family in families.items())
    wanted = {"agrees", "stays", "excess", "loss"}
    assert set(EXIT_PROBES) == {f"{family}_{task}" for family in EXIT_FAMILIES for task in wanted} | {"linear_correct"}
    assert EXIT_PROBES.keys() & PROBES.keys() == {"linear_loss", "mlp_loss", "linear_correct"}
    sizes = Sizes(dim=64, words=1_000, units=16)
    for name in EXIT_PROBES.keys() - PROBES.keys():
        found, (family, task) = find(name), exit_family_and_task(name)
        assert (found.needs, found.at_exits_only, found.function) == ("layers", True, None)
        width = 128 if family.reads_change else 64
        assert found.multiply_adds is not None
        assert found.multiply_adds(sizes) == (width if family.architecture == "linear" else (width + 1) * 16)
        assert found.high_means_easy == (task in ("agrees", "stays"))
    assert "CALM" in find("linear_agrees").title
    assert "BERxiT" in find("linear_correct").title


def test_orientations_hold_when_targets_are_drawn_from_the_model() -> None:
    """6,000 words: a flat softmax has all its mass below e^-8. The exit classifier is fitted to the loss."""
    assert find("exit_classifier").high_means_easy is False
    generator = torch.Generator().manual_seed(0)
    hidden = torch.eye(12)[torch.randint(12, (4_000,), generator=generator)]  # twelve contexts, each more or less sure
    hidden *= 0.2 + 3.8 * torch.rand(4_000, 1, generator=generator)
    head = torch.randn(6_000, 12, generator=generator)
    targets, losses = draw_targets(hidden, head, draws=1, seed=0)
    found = head_signals(hidden, head, targets[:, 0], temperature=1.5)
    loss = losses[:, 0].numpy()
    assert set(found) == HEAD - {"argmax_surprisal"} | ORACLES
    for name, column in found.items():
        correlation = np.corrcoef(column.numpy(), loss)[0, 1]
        assert abs(correlation) > 0.1, name
        assert (correlation < 0) == find(name).high_means_easy, name


@pytest.mark.parametrize(
    ("module", "registered"), [("head", "entropy"), ("hidden", "mahalanobis"), ("context", "repeated")]
)
def test_each_kind_of_signal_is_registered_by_its_own_module_alone(module: str, registered: str) -> None:
    code = f"import easyhard.signals.{module}; from easyhard.signals.declare import REGISTERED; print(*REGISTERED)"
    run = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True
    )
    names = set(run.stdout.split())
    assert registered in names
    assert len({find(name).needs for name in names - ORACLES}) == 1
