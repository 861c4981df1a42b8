"""Output of the training programs is written whole or not at all, and looked at before the work begins."""

import errno
from pathlib import Path

import pytest

from spamfilter import InputError
from training.output_files import check_output_file, whole_file


def test_looking_whether_a_file_could_be_written_keeps_what_is_there_and_leaves_no_new_file(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("mine")
    check_output_file(tmp_path / "old.md")
    check_output_file(tmp_path / "new" / "page.md")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["old.md"]
    assert (tmp_path / "old.md").read_text() == "mine"


@pytest.mark.parametrize("name", ["folder", "file/page.md"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=f"{name}: cannot be written"):
        check_output_file(tmp_path / name)


def test_a_file_is_there_once_it_is_whole(tmp_path: Path) -> None:
    """With the rights of any new file, and under the name that a link leads to."""
    (tmp_path / "link.md").symlink_to(tmp_path / "page.md")
    (tmp_path / "other.md").write_text("x")
    with whole_file(tmp_path / "link.md") as stream:
        stream.write("a name that is no UTF-8: \udcff")
        assert not (tmp_path / "page.md").exists()
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == "a name that is no UTF-8: \\udcff"
    assert (tmp_path / "page.md").stat().st_mode == (tmp_path / "other.md").stat().st_mode
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_what_ends_the_writing_leaves_the_older_file_and_nothing_beside_it(
    error: BaseException, tmp_path: Path
) -> None:
    path = tmp_path / "page.md"
    path.write_text("older")

    def write_half() -> None:
        with whole_file(path) as stream:
            stream.write("half a page")
            raise error

    with pytest.raises(type(error)) as caught:
        write_half()
    assert [one.name for one in tmp_path.iterdir()] == ["page.md"]
    assert path.read_text() == "older"
    assert getattr(caught.value, "filename", str(path)) == str(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to play the full disk")
def test_a_device_is_written_as_it_is() -> None:
    """Nothing takes the place of a device, and a full one is named."""
    check_output_file(Path("/dev/null"))
    with whole_file(Path("/dev/null")) as stream:
        stream.write("a page")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(OSError, match="/dev/full") as caught, whole_file(Path("/dev/full")) as stream:
        stream.write("a page")
    assert caught.value.errno == errno.ENOSPC
