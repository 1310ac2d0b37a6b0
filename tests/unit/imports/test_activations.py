"""Hidden states and heads from other programs become activations; arrays that do not fit each other are named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from easyhard.activations.store import read_batches, read_columns, write_shard
from easyhard.errors import InputError
from easyhard.imports.activations import OwnActivations, hidden_batches, open_activations
from easyhard.imports.head import import_head, shard_batches
from easyhard.imports.readers import CHUNK
from easyhard.progress import Progress

ROWS, DIM, WORDS = 701, 5, 37
Arrays = dict[str, np.ndarray]


def made(
    dtype: type = np.float32, bias: bool = False, softcap: float | None = None, dim: int = DIM, words: int = WORDS
) -> Arrays:
    """Hidden states, head and targets drawn from the model itself, with their float64 losses."""
    rng = np.random.default_rng(3)
    hidden, head = rng.standard_normal((ROWS, dim)).astype(dtype), (2 * rng.standard_normal((words, dim))).astype(dtype)
    arrays = {"hidden": hidden, "head": head, "document": np.repeat(np.arange(5), [300, 1, 200, 100, 100])}
    logits = hidden.astype(np.float64) @ head.astype(np.float64).T
    if bias:
        arrays["head_bias"] = rng.standard_normal(words).astype(dtype)
        logits += arrays["head_bias"]
    if softcap is not None:
        logits = softcap * np.tanh(logits / softcap)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    arrays["target"] = (np.exp(log_p).cumsum(axis=1) < rng.random((ROWS, 1))).sum(axis=1).clip(max=words - 1)
    arrays["loss"] = -log_p[np.arange(ROWS), arrays["target"]]
    return arrays


def npz(folder: Path, arrays: Arrays) -> dict[str, str | None]:
    np.savez(folder / "all.npz", **arrays)
    return {"hidden": str(folder / "all.npz"), "head": None}


def npy(folder: Path, arrays: Arrays) -> dict[str, str | None]:
    for name, values in arrays.items():
        np.save(folder / f"my_{name}.npy", values)
    return {name: str(folder / f"my_{name}.npy") for name in arrays}


def load(files: dict[str, str | None], softcap: float | None = None, **names: str) -> OwnActivations:
    return open_activations(files | {"head_softcap": softcap, "names": {"document": None} | names}, length=32)


def without(arrays: Arrays, *names: str) -> Arrays:
    return {name: values for name, values in arrays.items() if name not in names}


def dump(own: OwnActivations, folder: Path, shards: int) -> list[Path]:
    paths = [folder / f"{shard:03d}.parquet" for shard in range(shards)]
    head = import_head(own)
    for shard, path in enumerate(paths):
        batches = shard_batches(own, head, shard=shard, shards=shards, progress=Progress("dump", ROWS, "tokens"))
        write_shard(path, batches, head.shape[1], {"run": "mine"})
    return paths


@pytest.mark.parametrize(("write", "shards"), [(npz, 3), (npy, 9)])
def test_every_format_becomes_the_same_activations(
    write: Callable[[Path, Arrays], dict[str, str | None]], shards: int, tmp_path: Path
) -> None:
    arrays = made()
    own = load(write(tmp_path, arrays))
    paths = dump(own, tmp_path / "shards", shards)
    read = read_columns(paths, ["hidden", "loss", "target", "document", "position", "sequence", "split"])
    np.testing.assert_array_equal(read["hidden"], arrays["hidden"])
    np.testing.assert_array_equal(read["loss"], arrays["loss"].astype(np.float32))
    np.testing.assert_array_equal(read["target"], arrays["target"])
    np.testing.assert_array_equal(read["document"], arrays["document"])
    np.testing.assert_array_equal(read["position"][:300], np.arange(300) % 32)
    assert read["sequence"][-1] == sum(-(-n // 32) for n in (300, 1, 200, 100, 100)) - 1
    held = [set(batch["document"]) for path in paths for batch in read_batches([path], ["document"])]
    assert sum(map(len, held)) == 5  # no document in two shards, though some have none
    torch.testing.assert_close(import_head(own), torch.from_numpy(arrays["head"]), rtol=0, atol=0)


def test_a_bias_becomes_a_column_of_the_head(tmp_path: Path) -> None:
    arrays = made(bias=True)
    own = load(npz(tmp_path, arrays))
    head = import_head(own)
    (hidden,) = hidden_batches(own, 0, ROWS)
    assert (head.dtype, tuple(head.shape), hidden.shape) == (torch.float32, (WORDS, DIM + 1), (ROWS, DIM + 1))
    wanted = arrays["hidden"].astype(np.float64) @ arrays["head"].T + arrays["head_bias"]
    np.testing.assert_allclose(hidden @ head.numpy().T, wanted, atol=1e-5)
    with pytest.raises(InputError, match="does not fit the losses"):
        import_head(load(npz(tmp_path, without(arrays, "head_bias"))))


@pytest.mark.parametrize("bias", [False, True])
def test_capped_logits_give_capped_losses(tmp_path: Path, bias: bool) -> None:
    arrays = made(bias=bias, softcap=2.0)
    files = npz(tmp_path, arrays)
    import_head(load(files, 2.0))
    with pytest.raises(InputError, match=r"does not fit the losses: .*input\.head_softcap"):
        import_head(load(files))
    logits = torch.from_numpy(arrays["hidden"] @ arrays["head"].T + arrays.get("head_bias", 0))
    lowest = -logits.log_softmax(dim=1).amax(dim=1).numpy()  # of any word, without the cap, which allows no such loss
    import_head(load(npz(tmp_path, without(arrays, "target") | {"loss": lowest})))
    with pytest.raises(InputError, match=r"does not fit the losses: .* lower than the head allows"):
        import_head(load(files, 2.0))
    npz(tmp_path, without(arrays, "loss"))
    computed = dump(load(files, 2.0), tmp_path, 1)
    np.testing.assert_allclose(read_columns(computed, ["loss"])["loss"], arrays["loss"], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_are_cast_and_may_be_off_by_their_rounding(dtype: torch.dtype, tmp_path: Path) -> None:
    tensors = {name: torch.from_numpy(values) for name, values in made().items()}
    tensors |= {name: tensors[name].to(dtype) for name in ("hidden", "head")}
    save_file(tensors, tmp_path / "all.safetensors")
    own = load({"hidden": str(tmp_path / "all.safetensors")})
    (hidden,) = hidden_batches(own, 0, ROWS)
    assert hidden.dtype == np.float32
    np.testing.assert_array_equal(hidden, tensors["hidden"].float().numpy())
    torch.testing.assert_close(import_head(own), tensors["head"].float(), rtol=0, atol=0)


def test_arrays_by_other_names(tmp_path: Path) -> None:
    arrays = made()
    np.savez(tmp_path / "a.npz", last=arrays["hidden"], nll=arrays["loss"])
    save_file({"lm_head.weight": torch.from_numpy(arrays["head"])}, tmp_path / "m.safetensors")
    files = {"hidden": str(tmp_path / "a.npz"), "head": str(tmp_path / "m.safetensors")}
    own = load(files, hidden="last", loss="nll", head="lm_head.weight")
    np.testing.assert_array_equal(import_head(own), arrays["head"])
    with pytest.raises(
        InputError, match=r"input\.head: .*m\.safetensors has no 'head', only lm_head\.weight; .*names\.head"
    ):
        load(files, hidden="last", loss="nll")
    with pytest.raises(InputError, match=r"input\.loss: .*a\.npz has no 'losses', only last, nll"):
        load(files, hidden="last", loss="losses", head="lm_head.weight")


@pytest.mark.parametrize("known", ["target", None])
def test_a_head_that_did_not_make_the_losses_is_noticed(known: str | None, tmp_path: Path) -> None:
    """As many words as dimensions, so that no shape gives a transposed head away."""
    arrays = made(dim=16, words=16) if known else without(made(dim=16, words=16), "target")
    import_head(load(npz(tmp_path, arrays)))
    how = "more than 0.01 nats off" if known else "lower than the head allows"
    with pytest.raises(InputError, match=rf"all\.npz: head does not fit the losses: on \d+ of 701 .*{how}"):
        import_head(load(npz(tmp_path, arrays | {"head": arrays["head"].T})))
    if known:
        with pytest.raises(InputError, match="does not fit the losses"):
            import_head(load(npz(tmp_path, arrays | {"target": np.roll(arrays["target"], 1)})))


def test_a_few_odd_rows_are_borne(tmp_path: Path) -> None:
    arrays = made()
    arrays["loss"][::32] = 0
    import_head(load(npz(tmp_path, arrays)))


def changed(name: str, place: object, value: float) -> Arrays:
    values = made()[name].copy()
    values[place] = value
    return {name: values}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": np.ones(700)}, r"loss has 700 rows, .*all\.npz: hidden 701; one a token"),
        ({"target": np.zeros((ROWS, 2), int)}, r"target has shape \(701, 2\); one value a token"),
        ({"head": np.ones((DIM, WORDS))}, r"head has shape \(5, 37\), so its transpose may be it; \(words, 5\)"),
        ({"head": np.ones((WORDS, 4))}, r"head has shape \(37, 4\); \(words, 5\) is wanted, dim as of .*hidden"),
        ({"head": np.ones(5)}, r"head has shape \(5,\)"),
        ({"head_bias": np.ones(36)}, r"head_bias has shape \(36,\); \(37,\), one a word"),
        ({"hidden": np.ones(ROWS)}, r"hidden has shape \(701,\); \(tokens, dim\)"),
        ({"hidden": np.ones((0, DIM))}, r"hidden has shape \(0, 5\)"),
        (
            {"hidden": np.ones((ROWS, DIM), complex)},
            r"hidden is of type complex128; float16, bfloat16, float32, float64",
        ),
        ({"head": np.ones((WORDS, DIM), np.int8)}, r"head is of type int8"),
        ({"hidden": np.full((ROWS, DIM), "x", object)}, r"hidden is of type object"),
        (changed("loss", 9, np.nan), r"loss is not finite in row 9"),
        (changed("target", 8, WORDS), r"target is 37 in row 8; a word's number, from 0 to 36"),
        (changed("target", 8, -1), r"target is -1 in row 8"),
        (changed("head", (30, 0), np.nan), r"head is not finite in row 30"),
    ],
)
def test_arrays_that_do_not_fit_are_named(changes: Arrays, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"all\.npz: {message}"):
        import_head(load(npz(tmp_path, made() | changes)))


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (("hidden", "head"), "neither loss nor target is given"),
        (("hidden", "target"), "neither loss nor head is given"),
        (("hidden", "loss"), "no head is given"),
    ],
)
def test_what_cannot_be_done_without_is_named(kept: tuple[str, ...], message: str, tmp_path: Path) -> None:
    arrays = made()
    with pytest.raises(InputError, match=rf"all\.npz: {message}"):
        load(npz(tmp_path, {name: arrays[name] for name in kept}))
    with pytest.raises(InputError, match=r"input\.hidden: no file"):
        load({"hidden": ""})


def test_rows_are_numbered_through_all_parts_of_a_long_file(tmp_path: Path) -> None:
    hidden = np.zeros((3 * CHUNK, 1), np.float32)
    hidden[2 * CHUNK + 5] = np.nan
    own = load(npz(tmp_path, {"hidden": hidden, "loss": np.ones(3 * CHUNK), "head": np.ones((3, 1))}))
    with pytest.raises(InputError, match=rf"hidden is not finite in row {2 * CHUNK + 5}"):
        list(hidden_batches(own, 100, 3 * CHUNK))
