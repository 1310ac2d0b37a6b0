"""Where a model's files lie: a local folder, or the Hub's copy of them in the local cache."""

from pathlib import Path

from easyhard.errors import InputError
from easyhard.hub import REQUEST_SECONDS, first_line, hub_failure
from easyhard.huggingface.adapter import base_of, check_adapter, is_adapter
from easyhard.huggingface.quantised import check_quantised

WANTED = (
    "a folder with config.json, *.safetensors and the tokenizer's files, or the id of a model on the Hub, is wanted"
)
PICKLE, OTHER = "may run code when read", "other programs read"
OTHERS = {
    ".bin": PICKLE,
    ".pt": PICKLE,
    ".pth": PICKLE,
    ".gguf": OTHER,
    ".onnx": OTHER,
    ".h5": OTHER,
    ".msgpack": OTHER,
}
PATTERNS = ["*.json", "*.safetensors", "*.model", "*.txt"]  # weights as safetensors alone: no pickle is fetched


def find_model(path: str, revision: str | None = None) -> Path:
    """The folder of model `path`: that folder itself, or what the Hub has under this id at `revision`, downloaded.

    A copy in the local cache is used as it is; without one the Hub is asked first whether it answers. It may be the
    folder of an adapter. Raises InputError naming `path` when it is neither folder nor model, when its weights are no
    safetensors, and as `check_adapter` and `check_quantised` do.
    """
    folder = Path(path).expanduser()
    if folder.is_file():
        raise InputError(f"model.path: {path} is a file; {WANTED}")
    if not folder.is_dir():
        folder = _cached(path, revision) or _download(path, revision)
    if is_adapter(folder):
        check_adapter(folder)
        find_model(base_of(folder))
        return folder
    if not (folder / "config.json").is_file():
        raise InputError(f"model.path: {path} has no config.json; {WANTED}")
    if not list(folder.glob("*.safetensors")):
        others = sorted(file.name for file in folder.iterdir() if file.suffix in OTHERS)
        reasons = dict.fromkeys(OTHERS[Path(name).suffix] for name in others)
        found = f", only {', '.join(others)}, which {' and '.join(reasons)}" if others else ""
        raise InputError(
            f"model.path: {path} has no weights as *.safetensors{found}; "
            "a model saved by save_pretrained(safe_serialization=True) is wanted"
        )
    check_quantised(folder)
    return folder


def _cached(path: str, revision: str | None) -> Path | None:
    """What an earlier download has left of a model, if it is enough to try."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(path, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    except HFValidationError as error:
        raise InputError(f"model.path: there is no folder {path!r}; {WANTED}") from error
    known = is_adapter(folder) or (folder / "config.json").is_file()
    return folder if known and list(folder.glob("*.safetensors")) else None


def _download(path: str, revision: str | None) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    failure = hub_failure(lambda: HfApi().model_info(path, revision=revision, timeout=REQUEST_SECONDS))
    if isinstance(failure, RevisionNotFoundError):
        raise InputError(f"model.revision: {path} has no {revision!r} on the Hub; an existing one is wanted")
    if isinstance(failure, RepositoryNotFoundError):
        raise InputError(f"model.path: there is no folder {path!r} and no public model of this id on the Hub; {WANTED}")
    if failure is not None:
        raise InputError(
            f"model.path: there is no folder {path!r}, no model of this id in the local cache, and the Hub cannot be "
            f"reached ({first_line(failure)}); {WANTED}"
        ) from failure
    try:
        return Path(snapshot_download(path, revision=revision, allow_patterns=PATTERNS, ignore_patterns=["*/*"]))
    except Exception as error:  # the client raises whatever its transport raises
        raise InputError(f"model.path: {path} cannot be downloaded ({first_line(error)}); {WANTED}") from error
