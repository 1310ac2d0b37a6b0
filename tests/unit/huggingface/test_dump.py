"""Dumped losses and states against the model's own forward pass over the whole text."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from easyhard.activations.dump import dump
from easyhard.activations.store import Columns
from easyhard.errors import InputError
from easyhard.huggingface.dump import check_fit, run_huggingface, text_windows
from easyhard.huggingface.model import CausalModel, OutputHead, load_model, output_head
from easyhard.progress import Progress
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.windows import NO_TOKEN, Windows
from tiny_models import CONFIGS, CONTEXT, WORDS

CPU = torch.device("cpu")
Folders = Callable[[str], Path]
LENGTHS = (70, 3, 130, 41)  # ragged last windows, and one shorter than a window


def streams() -> list[TokenStream]:
    """Two splits of two documents each."""
    token = np.random.default_rng(0).integers(2, WORDS, sum(LENGTHS)).astype(np.int32)
    document = np.repeat(np.arange(4, dtype=np.int32), LENGTHS)
    return [TokenStream(token[document // 2 == split], document[document // 2 == split]) for split in (0, 1)]


def windows(packing: str, start: int | None = None, at_most: int | None = None) -> Windows:
    return text_windows(streams(), {"packing": packing, "window": 48}, {"start": start, "end": 0}, at_most)


def dumped(model: CausalModel, own: Windows) -> Columns:
    run = run_huggingface(model, output_head(model))
    batches = list(dump(own, run, batch_size=3, progress=Progress("dump", 1, "windows")))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def losses_of_states(found: Columns, head: OutputHead) -> np.ndarray:
    z = torch.from_numpy(found["hidden"]).double() @ head.matrix.double().T
    z = z if head.softcap is None else head.softcap * (z / head.softcap).tanh()
    return cross_entropy(z, torch.tensor(found["target"]).long(), reduction="none").numpy()


def plain_losses(model: CausalModel, own: Windows) -> np.ndarray:
    """Each window alone, without what fills it up, through the whole model: logits, then cross-entropy."""
    found = []
    for inputs, targets in zip(own.inputs, own.targets, strict=True):
        known = torch.tensor(inputs[inputs != NO_TOKEN]).long()
        with torch.no_grad():
            logits = model.network(input_ids=known[None]).logits[0].double()
        rows = torch.tensor(targets[: len(known)]).long()
        losses = cross_entropy(logits, rows.clamp(min=0), reduction="none")
        found.append(losses[rows != NO_TOKEN])
    return torch.cat(found).numpy()


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(("packing", "start"), [("document", None), ("document", 1), ("packed", None), ("packed", 1)])
def test_losses_are_the_models_own(model_folder: Folders, name: str, packing: str, start: int | None) -> None:
    model = load_model(model_folder(name), "float32", CPU)
    own = windows(packing, start)
    found = dumped(model, own)
    assert np.allclose(found["loss"], plain_losses(model, own), atol=2e-5)
    assert np.allclose(found["loss"], losses_of_states(found, output_head(model)), atol=2e-5)
    assert found["loss"].std() > 0.1
    assert set(found["document"].tolist()) == {0, 1, 2, 3}


def test_halves_have_the_losses_of_their_states_in_float32(model_folder: Folders) -> None:
    model = load_model(model_folder("llama"), "bfloat16", CPU)
    own = windows("document", 1)
    found = dumped(model, own)
    assert found["hidden"].dtype == found["loss"].dtype == np.float32
    assert np.allclose(found["loss"], losses_of_states(found, output_head(model)), atol=1e-5)
    assert np.abs(found["loss"] - plain_losses(model, own)).max() < 0.1  # its own logits are rounded to 8 bits


def test_what_does_not_fit_is_cut_off_or_named(model_folder: Folders) -> None:
    own = windows("document", start=1, at_most=50)  # of each split
    assert (own.targets != NO_TOKEN).sum() == 100
    assert set(own.document[own.targets != NO_TOKEN].tolist()) == {0, 2}
    model = load_model(model_folder("gpt2"), "float32", CPU)
    check_fit(model, CONTEXT, WORDS, WORDS - 1)
    with pytest.raises(InputError, match=rf"model\.window: {CONTEXT + 1} is beyond the {CONTEXT} tokens"):
        check_fit(model, CONTEXT + 1, WORDS, 5)
    with pytest.raises(InputError, match=rf"gives id {WORDS}, its head has {WORDS} words"):
        check_fit(model, CONTEXT, WORDS, WORDS)
    with pytest.raises(InputError, match=r"model\.packing: packed .*EOS"):
        text_windows(streams(), {"packing": "packed", "window": 48}, {"start": None, "end": None}, None)
