"""Outputs are whole or absent."""

from pathlib import Path

import pytest

from easyhard.atomic import atomic_path, read_json, write_json
from easyhard.errors import InputError


def test_a_finished_block_leaves_the_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "x.txt"
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
    assert [path.name for path in target.parent.iterdir()] == ["x.txt"]


def test_a_broken_block_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "x.txt"
    target.write_text("old")

    def breaks() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        breaks()
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/x\.txt: cannot be written .*wanted"):
        write_json(tmp_path / "file" / "x.txt", {})
    with pytest.raises(InputError, match="No space left on device"):
        _fill("/dev/full")


def _fill(path: str) -> None:
    with atomic_path("unused"), Path(path).open("w") as full:
        full.write("x")


def test_json_round_trip_and_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"ü": [1, 2.5, None]})
    assert read_json(path) == {"ü": [1, 2.5, None]}
    path.write_text('{"a": ')
    with pytest.raises(InputError, match=r"x\.json: not a readable JSON file"):
        read_json(path)
