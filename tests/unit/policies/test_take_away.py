"""A policy that was taken away says what the run says, runs as the docs have it, and refuses what is not its own."""

import ast
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from easyhard.atomic import write_json
from easyhard.errors import InputError
from easyhard.huggingface.layers import find_layers
from easyhard.huggingface.model import load_model
from easyhard.policies import easyhard_policy
from easyhard.policies.candidates import NEVER, STATE_SIGNALS, can_be_taken
from easyhard.policies.easyhard_policy import JSON, LAYER_SIGNALS, TENSORS, load_policy
from easyhard.policies.policy import Mixture, Policy
from easyhard.policies.take_away import write_policy, write_reason
from easyhard.probes.exits import ExitProbes, fit_exit_probes
from easyhard.signals.catalogue import EXIT_PROBES, exit_family_and_task, task_kind
from easyhard.signals.layers import layer_signals
from tiny_models import make_tokenizer

EXITS, ROWS, DIM = (1, 3, 4), 720, 6
FACTS = {"run": "mine", "layers": 4, "costs": {1: 0.3, 3: 0.8, 4: 1.1}}
SOURCE = Path(easyhard_policy.__file__)
PAGE = Path(__file__).parents[3] / "docs" / "take-away.md"
FEW = "linear_agrees", "mlp_change_excess"


def fitted(states: dict[int, Tensor], names: tuple[str, ...] = tuple(EXIT_PROBES)) -> ExitProbes:
    """Probes at 1 and 3 of labels drawn at random, but for `stays`, of which nothing can be learnt at 3."""
    draw, rows = np.random.default_rng(2), len(states[0])
    outcomes = {f"{exit}/argmax": draw.integers(0, 2, rows) for exit in EXITS} | {"target": draw.integers(0, 2, rows)}
    outcomes |= {
        f"{exit}/loss": states[exit if exit < 4 else 3][:, 0].abs().numpy() + draw.random(rows) for exit in EXITS
    }
    settings = {"hidden": 5, "learning_rate": 5e-3, "batch_size": 64, "max_epochs": 2, "patience": 1}
    half = np.arange(rows // 2)
    return fit_exit_probes(states, EXITS, outcomes, half, half + rows // 2, settings, 0, names)


def drawn(dim: int, scale: float = 3.0) -> dict[int, Tensor]:
    draw = torch.Generator().manual_seed(0)
    return {layer: 1 + scale * torch.randn(ROWS, dim, generator=draw) for layer in range(4)}


STATES = drawn(DIM)
PROBES = fitted(STATES)


def policy_of(signal: str, thresholds: tuple[float, ...] = (0.0, 0.0), **more: Any) -> Policy:
    return replace(Policy("each", signal, EXITS, True, thresholds), **more)


def written(folder: Path, policy: Policy, probes: ExitProbes = PROBES) -> easyhard_policy.Policy:
    write_policy(folder, policy, probes, FACTS)
    return load_policy(folder)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_values_and_decisions_are_those_of_the_run(dtype: torch.dtype, tmp_path: Path) -> None:
    states = {layer: own.to(dtype) for layer, own in STATES.items()}
    said = PROBES.say(states)
    for exit in (1, 3):
        said |= {f"{exit}/{name}": own.numpy() for name, own in layer_signals(states[exit], states[exit - 1]).items()}
    assert len(said) == 2 * (len(EXIT_PROBES) + len(STATE_SIGNALS))
    for signal in (*EXIT_PROBES, *STATE_SIGNALS):
        middle = [float(np.sort(said[f"{exit}/{signal}"])[ROWS // 2 - 1 : ROWS // 2 + 1].mean()) for exit in (1, 3)]
        for high in (True, False):
            policy = policy_of(signal, tuple(own if high else -own for own in middle), high_leaves=high)
            own = written(tmp_path / signal, policy)
            assert own.exits == (1, 3)
            for number, exit in enumerate(own.exits):
                given = states[exit - 1].view(8, 9, 10, DIM), states[exit].view(8, 9, 10, DIM)
                expected = said[f"{exit}/{signal}"]
                value = own.value(exit, *given)
                assert value.dtype == torch.float32
                np.testing.assert_allclose(value.flatten().numpy(), expected, rtol=2e-6, atol=2e-6, err_msg=signal)
                sure = np.abs(expected - middle[number]) > 1e-5
                leaves = own.leaves(exit, *given)
                assert leaves.shape == (8, 9, 10)
                assert sure.mean() > 0.9, signal
                decided = policy.leaves(number, expected, 0)
                np.testing.assert_array_equal(leaves.flatten().numpy()[sure], decided[sure], err_msg=signal)
                assert torch.equal(own.leaves(exit, given[0][0, 0, 0], given[1][0, 0, 0]), leaves[0, 0, 0])
                assert own.leaves(exit, given[0][:0], given[1][:0]).shape == (0, 9, 10)


def test_a_threshold_that_falls_with_the_position(tmp_path: Path) -> None:
    policy = policy_of("linear_agrees", (0.5, 0.45), kind="decaying", window=90)
    own, value = written(tmp_path, policy), PROBES.say(STATES)["3/linear_agrees"]
    given = STATES[2].view(8, 90, DIM), STATES[3].view(8, 90, DIM)
    position = np.tile(np.arange(90), 8)
    level = policy.level(1, value, position)
    threshold = float(np.sort(level)[ROWS // 2 - 1 : ROWS // 2 + 1].mean())
    own = replace(own, thresholds={3: threshold})
    expected = (level >= threshold).reshape(8, 90)
    np.testing.assert_array_equal(own.leaves(3, *given, torch.arange(90)).numpy(), expected)
    assert (own.leaves(3, given[0][:, 7], given[1][:, 7], 7).numpy() == expected[:, 7]).all()
    with pytest.raises(ValueError, match="falls with the position is given none"):
        own.leaves(3, *given)


def test_neither_autocast_nor_a_default_type_nor_what_is_not_a_number_changes_a_decision(tmp_path: Path) -> None:
    own = written(tmp_path, policy_of("mlp_change_excess", (-NEVER, -NEVER)))
    expected = own.value(1, STATES[0], STATES[1])
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(own.value(1, STATES[0], STATES[1]), expected)
    finally:
        torch.set_default_dtype(torch.float32)
    broken = STATES[1].clone()
    broken[4, 2] = torch.nan
    assert (~own.leaves(1, STATES[0], broken)).nonzero().tolist() == [[4]]


def test_nobody_leaves_where_no_probe_could_be_fitted(tmp_path: Path) -> None:
    probes = ExitProbes({key: own for key, own in PROBES.networks.items() if key[0] == 3})
    own = written(tmp_path, policy_of("mlp_loss", (-NEVER, -NEVER), high_leaves=False), probes)
    assert not own.leaves(1, STATES[0], STATES[1]).any()
    assert own.leaves(3, STATES[2], STATES[3]).all()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_policy(tmp_path, policy_of("mlp_agrees"), PROBES, FACTS)
    return tmp_path


def test_the_folder_holds_three_files_that_say_all(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {JSON, TENSORS, "easyhard_policy.py"}
    assert (folder / "easyhard_policy.py").read_bytes() == SOURCE.read_bytes()
    about = json.loads((folder / JSON).read_text())
    assert about["costs"] == {"1": 0.3, "3": 0.8, "4": 1.1}
    assert about["policy"]["width"] == DIM
    assert about["run"] == "mine"


def test_the_file_imports_torch_safetensors_and_the_standard_library_alone() -> None:
    nodes = list(ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in nodes)
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names == {"torch", "safetensors"}


def test_what_can_be_taken_and_what_cannot(tmp_path: Path) -> None:
    assert tuple(LAYER_SIGNALS) == STATE_SIGNALS
    for signal in ("logit_std", "max_probability", "translated/entropy", "patience", "low_rank/mlp_agrees"):
        assert not can_be_taken(signal)
        with pytest.raises(InputError, match=f"each/{signal}: needs more than a token's states"):
            write_policy(tmp_path, policy_of(signal), PROBES, FACTS)
    mixed = policy_of("mlp_agrees", mixtures=[Mixture(0.5, (1, 2), (2, 1))] * 2)
    with pytest.raises(InputError, match="needs more than"):
        write_policy(tmp_path, mixed, PROBES, FACTS)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """policy.json changed, with a checksum that fits."""
    held = json.loads((folder / JSON).read_text())
    del held["sha256"]
    change(held)
    write_json(folder / JSON, held)


def reweigh(folder: Path, tensors: dict[str, Tensor]) -> None:
    """Other tensors, with checksums that fit."""
    save_file(tensors, folder / TENSORS)
    digest = hashlib.sha256((folder / TENSORS).read_bytes()).hexdigest()
    rewrite(folder, lambda held: held.update(tensors=digest))


def test_damaged_and_foreign_files_are_named_in_one_line(folder: Path) -> None:
    tensors, text, content = (
        load_file(folder / TENSORS),
        (folder / JSON).read_text(),
        (folder / TENSORS).read_bytes(),
    )

    def refused(match: str) -> None:
        with pytest.raises(ValueError, match=match) as error:
            load_policy(folder)
        assert "\n" not in str(error.value)
        (folder / JSON).write_text(text)
        (folder / TENSORS).write_bytes(content)
        load_policy(folder)

    for name in (JSON, TENSORS):
        (folder / name).unlink()
        refused(f"{name}: cannot be read .No such file or directory.; copy the whole folder")
    (folder / JSON).write_text(text[:-9])
    refused(r"policy\.json: not JSON")
    (folder / JSON).write_bytes(b"\xff\xfe")
    refused(r"policy\.json: not JSON")
    for foreign in ("[]", "{}", text.replace('"schema": 1', '"schema": 2')):
        (folder / JSON).write_text(foreign)
        refused(r"policy\.json: schema (None|2); wanted: 1")
    (folder / JSON).write_text(text.replace('"high_leaves": true', '"high_leaves": false'))
    refused(r"policy\.json: not as it was written")
    for other in (content[:-3], content[:-1] + bytes([content[-1] ^ 1])):
        (folder / TENSORS).write_bytes(other)
        refused(r"policy\.safetensors: not the tensors that policy\.json was written with")
    reweigh(folder, {name: own for name, own in tensors.items() if name != "3/deviation"})
    refused(r"policy\.safetensors: 3/deviation is missing; wanted: \(6,\)")
    reweigh(folder, tensors | {"1/weights_0": torch.ones(5, 9)})
    refused(r"1/weights_0 is \(5, 9\); wanted: \(5, 7\), for states of width 6")
    (folder / TENSORS).write_bytes(b"nothing")
    rewrite(folder, lambda held: held.update(tensors=hashlib.sha256(b"nothing").hexdigest()))
    refused(r"policy\.safetensors: not a readable safetensors file")
    write_reason(folder, "none gains", FACTS)
    refused(r"policy\.json: holds no policy: none gains")


def test_states_of_another_model_and_exits_that_are_none_are_refused(folder: Path) -> None:
    own, wide = load_policy(folder), torch.ones(2, 12)
    with pytest.raises(ValueError, match="for states of width 6 is given width 12: a policy from another model"):
        own.leaves(1, wide, wide)
    with pytest.raises(ValueError, match=r"h_before is \(1, 6\) and h is \(2, 6\); wanted: the same shape"):
        own.leaves(1, torch.ones(1, 6), torch.ones(2, 6))
    for exit in (0, 2, 4):
        with pytest.raises(ValueError, match=rf"exit {exit}: none of this policy's; wanted: one of 1, 3"):
            own.leaves(exit, STATES[0], STATES[1])


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a small random Llama, in which code that changes what Python finds is run."""
    from transformers import LlamaConfig, LlamaForCausalLM

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 64}
    LlamaForCausalLM(LlamaConfig(vocab_size=400, initializer_range=0.3, **sizes)).save_pretrained("models/mine")
    make_tokenizer(opens=False).save_pretrained("models/mine")
    yield tmp_path
    sys.modules.pop("easyhard_policy", None)


@pytest.mark.parametrize("signal", [*FEW, "state_cosine"])
def test_the_example_of_the_docs_is_a_true_pass(signal: str, at_home: Path) -> None:
    """Its logits and depths are those of the run's own probes and policy on the model's layers."""
    probes = fitted(drawn(32), FEW)
    layers = find_layers(load_model(at_home / "models" / "mine", "float32", torch.device("cpu")))

    def said(exit: int, before: Tensor, state: Tensor) -> np.ndarray[Any, Any]:
        if signal in STATE_SIGNALS:
            return layer_signals(state[0], before[0])[signal].numpy()
        return probes.say(dict.fromkeys(range(4), state[0]) | {exit - 1: before[0]})[f"{exit}/{signal}"]

    [code] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    write_policy("results/mine/policy", policy_of(signal, (NEVER, NEVER)), probes, FACTS)
    example: dict[str, Any] = {}
    exec(code, example)
    assert set(example["depth"].flatten().tolist()) == {4}  # that nobody passes; thresholds in the middle, from here on
    ids = example["ids"]
    plain = layers.layer_states(ids, range(4))
    own = [float(np.median(said(exit, plain[exit - 1], plain[exit]))) for exit in (1, 3)]
    kind = (
        "decaying" if signal in EXIT_PROBES and task_kind(exit_family_and_task(signal)[1]) != "regression" else "each"
    )
    policy = policy_of(signal, tuple(own), kind=kind, window=64 if kind == "decaying" else None)
    write_policy("results/mine/policy", policy, probes, FACTS)
    depth = np.full(ids.shape[1], 4)

    def leave(number: int, given: Tensor, made: Tensor) -> Tensor:
        state = torch.where(torch.tensor(depth < number)[None, :, None], given, made)
        if number in (1, 3):
            stops = policy.leaves(EXITS.index(number), said(number, given, state), np.arange(len(depth)))
            depth[stops & (depth > number)] = number
        states[number] = state
        return state

    states: dict[int, Tensor] = {}
    layers.visit(ids, lambda _number, given: given, leave)
    exec(code, example)
    assert example["depth"].tolist() == [depth.tolist()]
    assert {1, 4} <= set(depth.tolist())
    network = layers.model.network
    with torch.no_grad():
        torch.testing.assert_close(example["logits"], network.lm_head(network.model.norm(states[4])))
