"""Adapters, such as LoRA's: a folder without a model of its own, whose weights are merged into those of its base."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from easyhard.errors import InputError
from easyhard.hub import first_line

SETTINGS, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
BASE = "base_model_name_or_path"


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter."""
    return (folder / SETTINGS).is_file()


def base_of(folder: Path) -> str:
    """The folder, or the id on the Hub, of the model that an adapter was trained on. Raises InputError naming a folder
    that does not say."""
    try:
        base = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))[BASE]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"model.path: {folder / SETTINGS} does not say which model it adapts; {BASE} is wanted"
        ) from error
    return str(folder / base) if (folder / base).is_dir() else str(base)


def model_folders(path: str) -> list[Path]:
    """The folders here that a model in a folder is read from: its own, and that of its base if it is an adapter."""
    folder = Path(path).expanduser()
    try:
        return [folder, Path(base_of(folder)).expanduser()] if is_adapter(folder) else [folder]
    except InputError:
        return [folder]


def check_adapter(folder: Path) -> None:
    """Raise InputError naming an adapter's folder, and its base, where it cannot be merged."""
    base = base_of(folder)
    if list(folder.glob("model*.safetensors")):
        raise InputError(
            f"model.path: {folder} holds a whole model and an adapter of {base}; a folder of only one is wanted"
        )
    if find_spec("peft") is None:
        raise InputError(
            f"model.path: {folder} is an adapter of {base} and no model; merged with it by the library peft "
            "(pip install peft), or saved after merge_and_unload(), it is wanted"
        )
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"model.path: {folder} is an adapter of {base} without {WEIGHTS}; its weights are wanted")


def merged(network: Any, folder: Path) -> Any:
    """The base `network` with the weights of the adapter in `folder` added to its own. Raises InputError naming an
    adapter that does not fit it, or whose kind has nothing to add."""
    peft = import_module("peft")
    try:
        return peft.PeftModel.from_pretrained(network, str(folder)).merge_and_unload()
    except Exception as error:  # each kind of adapter raises what its reader raises
        raise InputError(
            f"model.path: the adapter {folder} cannot be merged into {base_of(folder)} ({first_line(error)}); one that "
            "peft merges, such as LoRA, is wanted"
        ) from error
