"""From config.yaml and its overlays to the settings of each run, with every error naming its key."""

import difflib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from easyhard.errors import InputError
from easyhard.exit_choice import chosen_exits
from easyhard.model_config import LAYERS, first_number, longest_window, read_config

Settings = dict[str, Any]
MODEL_KEYS = {
    "lego": ("dim", "heads", "ffn_dim", "blocks", "exit_heads"),
    "huggingface": ("path", "revision", "dtype", "device", "packing", "window", "batch_size"),
}

OF_A_SEED = ("seed", "input")
"""What the runs of a group may differ in: their seed, and the files of what was trained elsewhere with another one."""


def load_runs(config: Mapping[str, Any], schema_path: str | Path) -> dict[str, Settings]:
    """The complete settings of every run: the schema's defaults, under `defaults`, under the run's own keys.

    Raises InputError with one line per wrong key, type or value.
    """
    schema = yaml.safe_load(Path(schema_path).read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    _raise(
        _describe(error)
        for error in sorted(validator.iter_errors(config), key=lambda e: list(map(str, e.absolute_path)))
    )
    base = overlay(schema_defaults(schema["$defs"]["settings"]), config.get("defaults") or {})
    runs = {name: overlay(base, own or {}) for name, own in config["runs"].items()}
    _raise(message for name, settings in runs.items() for message in _cross_field_errors(f"runs.{name}", settings))
    _raise(
        f"default_runs: {name!r} is not a run; wanted: some of {', '.join(runs)}"
        for name in config["default_runs"]
        if name not in runs
    )
    return runs


def comparison_groups(config: Mapping[str, Any], runs: Mapping[str, Settings], comparison: str) -> dict[str, list[str]]:
    """The runs of each group of a comparison; `config` and `runs` are what `load_runs` has checked and returned.

    Raises InputError naming a run that is not there, or that differs from the first of its group in more than the seed.
    """
    groups: dict[str, list[str]] = config["comparisons"][comparison]
    _raise(
        message
        for group, members in groups.items()
        for message in _group_errors(f"comparisons.{comparison}.{group}", members, runs)
    )
    return groups


def _group_errors(prefix: str, members: list[str], runs: Mapping[str, Settings]) -> Iterator[str]:
    unknown = [run for run in members if run not in runs]
    if unknown:
        yield f"{prefix}: {unknown[0]!r} is not a run; wanted: some of {', '.join(runs)}"
        return
    for run in members[1:]:
        differ = [key for key, value in runs[run].items() if value != runs[members[0]][key] and key not in OF_A_SEED]
        if differ:
            yield f"{prefix}: {run} and {members[0]} differ in {', '.join(differ)}; wanted: runs that differ in seed"


def overlay(base: Mapping[str, Any], own: Mapping[str, Any]) -> Settings:
    """`base` with the keys of `own` put over it, mapping by mapping; neither is changed."""
    merged = deepcopy(dict(base))
    for key, value in own.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = overlay(merged[key], value) if nested else deepcopy(value)
    return merged


def run_kind(settings: Mapping[str, Any]) -> str:
    """What a run starts from: trained, huggingface, activations or signals."""
    kind: str = settings["input"]["kind"]
    return "huggingface" if kind == "trained" and settings["model"]["kind"] == "huggingface" else kind


def model_settings(model: Mapping[str, Any]) -> Settings:
    """Of the `model` settings those that its kind reads, without the kind."""
    return {key: model[key] for key in MODEL_KEYS[model["kind"]]}


def input_settings(given: Mapping[str, Any]) -> Settings:
    """Of the `input` settings those that imports read: what a layer costs is read at exits alone."""
    return {key: value for key, value in given.items() if key != "layer_multiply_adds"}


def training_settings(training: Mapping[str, Any]) -> Settings:
    """Of the `training` settings those that its way of training on exits reads."""
    unread = {"last": ("exit_weights", "blocks"), "joint": ("blocks",), "blocks": ("exit_weights",)}
    return {key: value for key, value in training.items() if key not in unread[training["exits"]]}


def schema_defaults(schema: Mapping[str, Any]) -> Settings:
    """The defaults that a JSON Schema of nested objects gives, as one mapping."""
    return {
        key: schema_defaults(child) if "properties" in child else deepcopy(child["default"])
        for key, child in schema["properties"].items()
    }


def _raise(messages: Iterator[str]) -> None:
    lines = list(messages)
    if lines:
        raise InputError("\n".join(f"config: {line}" for line in lines))


def _describe(error: ValidationError) -> str:
    """One line: the key, what it is, what is wanted."""
    key = ".".join(map(str, error.absolute_path)) or "top level"
    schema = cast(Settings, error.schema)
    if error.validator == "additionalProperties":
        known = list(schema["properties"])
        unknown = next(name for name in cast(Settings, error.instance) if name not in known)
        close = difflib.get_close_matches(unknown, known, n=1)
        wanted = f"did you mean {close[0]}?" if close else f"wanted: one of {', '.join(known)}"
        return f"{key}: unknown key {unknown!r}; {wanted}"
    if error.validator == "required":
        return f"{key}: {error.message}; wanted: {schema.get('description', 'this key')}"
    if "propertyNames" in error.absolute_schema_path:
        if error.validator == "enum":
            known = cast(list[str], error.validator_value)
            return f"{key}: unknown key {error.instance!r}; wanted: one of {', '.join(known)}"
        wanted = "letters, digits, '_' and '-', and neither corpora nor comparisons"
        return f"{key}: {error.instance!r} is no name; wanted: {wanted}"
    return f"{key}: {error.instance!r} ({_reason(error)}); wanted: {schema.get('description', error.message)}"


def _reason(error: ValidationError) -> str:
    if error.validator == "type":
        return f"not of type {error.validator_value}"
    if error.validator == "enum":
        return f"not one of {', '.join(map(str, cast(list[Any], error.validator_value)))}"
    limits = {"minimum": "below", "exclusiveMinimum": "not above", "maximum": "above", "exclusiveMaximum": "not below"}
    if error.validator in limits:
        return f"{limits[str(error.validator)]} {error.validator_value}"
    return "not allowed"


def _cross_field_errors(prefix: str, settings: Settings) -> Iterator[str]:
    """What the schema cannot say: keys that must fit each other."""
    model, corpus, probes, fair = settings["model"], settings["corpus"], settings["loss_probes"], settings["fair"]
    own = settings["input"]
    if "published" in settings["protocols"] and run_kind(settings) != "trained":
        yield f"{prefix}.protocols: published needs a model that is trained here; wanted: [fair]"
    for wanted_by, key in (("signals", "path"), ("activations", "hidden")):
        if own["kind"] == wanted_by and not own[key]:
            yield f"{prefix}.input.{key}: empty; wanted: the file of the {wanted_by}"
    if fair["fit"] + fair["select"] >= 1:
        yield f"{prefix}.fair: fit + select leave no test; wanted: a sum less than 1"
    if fair["main_threshold"] not in fair["thresholds"]:
        yield f"{prefix}.fair.main_threshold: {fair['main_threshold']:g}; wanted: one of fair.thresholds"
    if model["exits"] is not None and own["kind"] == "signals":
        yield f"{prefix}.model.exits: signals brought along are of no exit; wanted: null"
    if model["exits"] is not None and own["kind"] == "activations" and own["layer_multiply_adds"] is None:
        yield f"{prefix}.input.layer_multiply_adds: null; wanted: those of one layer a token, beside model.exits"
    if own["kind"] != "trained":
        if model["kind"] == "huggingface":
            yield f"{prefix}.input.kind: {own['kind']} beside model.kind huggingface; wanted: one of the two"
        return
    if corpus["source"] == "files" and not corpus["files"]["path"]:
        yield f"{prefix}.corpus.files.path: empty; wanted: the folder of the text files"
    if corpus["bundled"]["validation"] + corpus["bundled"]["test"] >= 1:
        yield f"{prefix}.corpus.bundled: validation + test leave no text to train on; wanted: a sum less than 1"
    if model["kind"] == "huggingface":
        if not model["path"]:
            yield f"{prefix}.model.path: empty; wanted: a model's folder, or its id on the Hub"
        else:
            yield from _own_model_errors(prefix, model)
        return
    if model["dim"] % (2 * model["heads"]):
        yield f"{prefix}.model.heads: {model['heads']} heads of dim {model['dim']}; wanted: dim a multiple of 2 × heads"
    yield from _block_errors(prefix, settings["training"], model)
    if model["exits"] is not None:
        yield from _exit_errors(prefix, model["exits"], sum(model["blocks"]))
        if settings["exits"]["rank"] >= model["dim"]:
            yield f"{prefix}.exits.rank: {settings['exits']['rank']}; wanted: a rank below model.dim {model['dim']}"
    too_high = [rank for rank in settings["low_rank"]["ranks"] if rank > model["dim"]]
    if too_high:
        yield f"{prefix}.low_rank.ranks: {too_high[0]} is above model.dim {model['dim']}; wanted: ranks from 1 to dim"
    if probes["validation_share"] + probes["test_share"] >= 1:
        yield f"{prefix}.loss_probes: validation_share + test_share leave nothing to fit; wanted: a sum less than 1"
    not_below = [rank for rank in settings["fair_low_rank"]["ranks"] if rank >= model["dim"]]
    if not_below:
        yield f"{prefix}.fair_low_rank.ranks: {not_below[0]} is not below model.dim {model['dim']}; wanted: ranks below"


def _exit_errors(prefix: str, exits: Any, layers: int) -> Iterator[str]:
    try:
        _ = exits is None or chosen_exits(exits, layers)
    except InputError as error:
        yield f"{prefix}.{error}"


def _own_model_errors(prefix: str, model: Settings) -> Iterator[str]:
    """What the configuration of a model in a folder already tells; one on the Hub is asked when it is loaded."""
    config = read_config(model["path"])
    layers, longest = first_number(config, LAYERS), longest_window(config)
    if layers is not None:
        yield from _exit_errors(prefix, model["exits"], layers)
    if longest is not None and model["window"] > longest:
        yield (
            f"{prefix}.model.window: {model['window']} is beyond the {longest} tokens that {model['path']} reaches; "
            f"wanted: at most {longest}"
        )


def _block_errors(prefix: str, training: Settings, model: Settings) -> Iterator[str]:
    blocks = len(model["blocks"])
    for key, given in (
        ("exit_weights", training["exit_weights"]),
        ("blocks.learning_rates", training["blocks"]["learning_rates"]),
    ):
        if given is not None and len(given) != blocks:
            yield f"{prefix}.training.{key}: {len(given)} of them for {blocks} blocks; wanted: one a block"
    if blocks > 1:
        return
    if training["exits"] != "last":
        yield f"{prefix}.training.exits: {training['exits']} with one block; wanted: model.blocks of several, as [1, 1]"
    if model["exit_heads"] == "own":
        yield f"{prefix}.model.exit_heads: own with one block; wanted: model.blocks of several, such as [1, 1]"
