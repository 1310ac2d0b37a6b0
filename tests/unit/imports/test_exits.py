"""States of several exits that another program wrote say what the model's own run says; what does not fit is named."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from easyhard.activations.layered import Layered, layered_lego
from easyhard.errors import InputError
from easyhard.exits.columns import ExitHeads, exit_columns
from easyhard.exits.model import open_model, read_documents
from easyhard.imports.activations import PIECE, hidden_batches, open_activations
from easyhard.imports.readers import CHUNK
from easyhard.logits.moments import moments
from easyhard.model.lego import Lego
from easyhard.signals.store import write_columns
from easyhard.tokens.windows import NO_TOKEN, Windows

WORDS, DIM, EXITS, LENGTH = 40, 8, [2, 3, 4], 32
CPU = torch.device("cpu")
Columns = dict[str, np.ndarray]


class Own:
    """A model of four layers on enough windows that states come in several chunks, and what it says at its exits."""

    def __init__(self) -> None:
        self.model = Lego(WORDS, dim=DIM, heads=2, ffn_dim=16, blocks=[4], seed=5)
        inputs, self.targets = np.random.default_rng(1).integers(0, WORDS, (2, 290, LENGTH), dtype=np.int32)
        other = np.zeros_like(inputs)
        windows, self.layered = (
            Windows(inputs, self.targets, other, other, np.full(290, "test")),
            layered_lego(self.model),
        )
        wanted = windows.targets != NO_TOKEN
        self.states, targets = (
            self.layered.states(windows, wanted, self.layered.read_for(EXITS), None),
            windows.targets[wanted],
        )
        self.target, self.document = targets, np.repeat(np.arange(29), 10 * LENGTH)
        self.signals, self.outcomes = said(self.layered, self.model.head, self.states, self.target)

    def arrays(self) -> Columns:
        known = {"head": self.model.head.detach().numpy(), "target": self.target, "document": self.document}
        return known | {"loss": self.outcomes["4/loss"]}

    def written(self, folder: Path, form: str, compressed: bool = False) -> dict[str, Any]:
        """Settings of a run whose file has the states in one array, or in one array an exit."""
        states = {f"h{layer}": self.states[layer].detach().numpy() for layer in EXITS}
        stacked = {"hidden": np.stack(list(states.values()), 1)}
        write = np.savez_compressed if compressed else np.savez
        write(folder / "all.npz", **self.arrays(), **(stacked if form == "one" else states))
        write_columns(folder / "rows.parquet", {"document": self.document, "target": self.target})
        apart = {"earlier": ["h2", "h3"], "names": {"hidden": "h4"}}
        own = {"hidden": str(folder / "all.npz")} | (apart if form == "apart" else {})
        return settings_of(own, EXITS, 65_536) | {"shards": 3}


def settings_of(files: Mapping[str, Any], exits: Any, cost: int) -> dict[str, Any]:
    return {"input": files, "layer_multiply_adds": cost, "sequences": {"length": LENGTH}, "chosen": exits}


def said(model: Layered, head: torch.Tensor, states: dict[int, torch.Tensor], targets: np.ndarray) -> Any:
    head = head.detach()
    return exit_columns(model, ExitHeads(EXITS, head, None, moments(head)), states, targets)


@pytest.fixture(scope="module")
def own() -> Own:
    return Own()


def read(folder: Path, settings: Mapping[str, Any], model: Layered, **chosen: Any) -> Any:
    batches = list(
        read_documents({"own": [], "rows": folder / "rows.parquet"}, settings, model, EXITS, "test", **chosen)
    )
    states = {layer: torch.cat([found[layer] for found, _, _ in batches]) for layer in EXITS}
    return states, *(np.concatenate([batch[place] for batch in batches]) for place in (1, 2))


@pytest.mark.parametrize(("form", "compressed"), [("one", False), ("one", True), ("apart", False)])
def test_outcomes_and_signals_are_those_of_the_models_own_run(
    own: Own, tmp_path: Path, form: str, compressed: bool
) -> None:
    settings = own.written(tmp_path, form, compressed)
    model = open_model({"own": []}, settings, CPU)
    assert (model.layers, model.width, model.read_for(EXITS)) == (4, DIM, EXITS)
    states, targets, rows = read(tmp_path, settings, model)
    assert (targets.tolist(), rows.tolist()) == (own.target.tolist(), list(range(len(own.target))))
    signals, outcomes = said(model, own.model.head, states, targets)
    assert set(outcomes) == set(own.outcomes)
    for name, column in outcomes.items():
        np.testing.assert_allclose(column, own.outcomes[name], rtol=1e-6, atol=1e-6, err_msg=name)
    # the layer before exit 3 is an exit, that before exit 2 was not brought along
    assert set(own.signals) - set(signals) == {"2/state_cosine", "2/state_change"}
    assert signals["3/state_cosine"].tolist() == own.signals["3/state_cosine"].tolist()


def test_some_rows_of_a_shard_are_the_same_rows(own: Own, tmp_path: Path) -> None:
    settings = own.written(tmp_path, "one")
    model = open_model({"own": []}, settings, CPU)
    parts = [read(tmp_path, settings, model, shard=shard)[2] for shard in range(3)]
    assert np.concatenate(parts).tolist() == list(range(len(own.target)))
    chosen = np.array([3, PIECE, PIECE + 1, CHUNK - 1, CHUNK, len(own.target) - 1])
    states, targets, rows = read(tmp_path, settings, model, rows=chosen)
    assert (targets.tolist(), rows.tolist()) == (own.target[chosen].tolist(), chosen.tolist())
    torch.testing.assert_close(states[2], own.states[2][torch.from_numpy(chosen)], rtol=0, atol=0)
    last = np.concatenate(list(hidden_batches(open_own(settings), 0, len(own.target))))
    np.testing.assert_array_equal(last, own.states[4].detach().numpy())


def open_own(settings: Mapping[str, Any]) -> Any:
    return open_activations(settings["input"], length=LENGTH, exits=settings["chosen"])


def test_a_bias_meets_a_coordinate_that_only_the_head_sees(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    hidden, head = random.standard_normal((90, 2, DIM)).astype(np.float16), random.standard_normal((WORDS, DIM))
    np.savez(tmp_path / "all.npz", hidden=hidden, head=head, head_bias=np.ones(WORDS), target=np.zeros(90, int))
    model = open_model({"own": []}, settings_of({"hidden": str(tmp_path / "all.npz")}, {"every": 3}, 10), CPU)
    assert model.brought is not None
    ((found),) = model.brought(0, 90)
    assert (list(found), model.multiply_adds, model.width) == ([3, 6], [10] * 6, DIM)
    np.testing.assert_array_equal(found[3], hidden[:, 0].astype(np.float32))
    np.testing.assert_array_equal(model.seen(found[3]), np.pad(found[3], ((0, 0), (0, 1)), constant_values=1))
    with pytest.raises(InputError, match=r"input\.kind: activations, of which no model can be run"):
        model.states(None, None, [3], None)  # type: ignore[arg-type]


ONE, THREE = np.ones((90, DIM)), np.ones((90, 3, DIM))


@pytest.mark.parametrize(
    ("arrays", "earlier", "exits", "message"),
    [
        (
            {"hidden": ONE},
            [],
            "all",
            r"model\.exits: all, but .*hidden has shape \(90, 8\), that of one exit; .*earlier",
        ),
        ({"hidden": THREE}, [], None, r"hidden: states of 3 exits; the layers .* are wanted as model\.exits"),
        ({"hidden": ONE, "a": ONE}, ["a"], None, r"hidden: states of 2 exits; .* model\.exits"),
        ({"hidden": THREE, "a": ONE}, ["a"], [1, 2, 3], r"input\.earlier: .*hidden has 3 exits itself"),
        ({"hidden": THREE}, [], [4, 8], r"model\.exits: \[4, 8\], 2 layers; one for each of 3 exits"),
        ({"hidden": ONE, "a": ONE}, ["a"], [1, 2, 3], r"model\.exits: .*one for each of 2 exits"),
        ({"hidden": THREE}, [], [4, 12, 8], r"model\.exits: \[4, 12, 8\]; rising layers"),
        ({"hidden": ONE, "a": ONE}, ["b"], [1, 2], r"input\.earlier: .* has no 'b', only a, document, head, hidden"),
        ({"hidden": ONE, "a": ONE[:, 1:]}, ["a"], [1, 2], r"a has shape \(90, 7\); \(90, 8\), as .*hidden"),
        ({"hidden": ONE, "a": ONE[1:]}, ["a"], [1, 2], r"a has shape \(89, 8\); \(90, 8\), as .*hidden"),
        ({"hidden": ONE, "a": ONE.astype(int)}, ["a"], [1, 2], r"a is of type int64"),
        ({"hidden": THREE[:, :, None]}, [], None, r"hidden has shape \(90, 3, 1, 8\); \(tokens, dim\)"),
        ({"hidden": THREE[:, :1]}, [], None, r"hidden has shape \(90, 1, 8\); \(tokens, dim\)"),
        ({"hidden": THREE, "target": None}, [], "all", r"target is not given; .* model\.exits"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, arrays: Mapping[str, np.ndarray | None], earlier: list[str], exits: Any, message: str
) -> None:
    known = {"head": np.ones((WORDS, DIM)), "target": np.zeros(90, int), "loss": np.ones(90)}
    known |= {"document": np.repeat(np.arange(3), 30)} | arrays  # type: ignore[operator]
    np.savez(tmp_path / "all.npz", **{name: known[name] for name in sorted(known) if known[name] is not None})
    with pytest.raises(InputError, match=message):
        open_activations({"hidden": str(tmp_path / "all.npz"), "earlier": earlier}, length=30, exits=exits)


def test_a_state_that_is_not_finite_is_named_by_array_and_row(tmp_path: Path) -> None:
    states = np.ones((CHUNK + PIECE + 9, 2, 3), np.float32)
    states[CHUNK + PIECE + 4, 0, 1] = np.nan
    known = {"head": np.ones((4, 3)), "target": np.zeros(len(states), int)}
    np.savez(tmp_path / "all.npz", a=states[:, 0], hidden=states[:, 1], **known)
    files = {"hidden": str(tmp_path / "all.npz"), "earlier": ["a"]}
    model = open_model({"own": []}, settings_of(files, "all", 1), CPU)
    assert model.brought is not None
    with pytest.raises(InputError, match=rf"all\.npz: a is not finite in row {CHUNK + PIECE + 4}"):
        list(model.brought(0, len(states)))
