"""From what the caller names to shards: files found, formats by name, outputs planned and checked beforehand."""

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spamfilter.errors import InputError
from spamfilter.ingest.job import Format, Target

_COMPRESSED = ("", ".gz", ".zst")
SUFFIXES: tuple[tuple[str, Format], ...] = (
    *((f".warc.wet{end}", Format.WET) for end in _COMPRESSED),
    *((f".wet{end}", Format.WET) for end in _COMPRESSED),
    *((f".warc{end}", Format.WARC) for end in _COMPRESSED),
    *((f"{name}{end}", Format.JSONL) for name in (".jsonl", ".ndjson", ".json") for end in _COMPRESSED),
    *((f".txt{end}", Format.TEXT) for end in _COMPRESSED),
    (".parquet", Format.PARQUET),
    (".pq", Format.PARQUET),
)
"""Endings of file names and what they say; the first that fits counts."""
CONTROL_FOLDER = "_spamfilter"
CUTS_SUFFIX = ".cuts.jsonl.zst"
_LONGEST_NAME = 255
"""Bytes that file systems take as a name."""
_TARGET_SUFFIXES = {
    Target.TEXT: ".txt",
    Target.JSONL: ".jsonl",
    Target.JSONL_GZ: ".jsonl.gz",
    Target.JSONL_ZST: ".jsonl.zst",
    Target.PARQUET: ".parquet",
    Target.WET: ".warc.wet.gz",
    Target.WARC: ".warc.gz",
    Target.DOLMA: ".jsonl.gz",
}
_JSON_LINES = (Target.JSONL, Target.JSONL_GZ, Target.JSONL_ZST)
_FILTERED = {
    Format.TEXT: (Target.TEXT, *_JSON_LINES, Target.PARQUET),
    Format.JSONL: (*_JSON_LINES, Target.PARQUET, Target.TEXT),
    Format.PARQUET: (Target.PARQUET, *_JSON_LINES, Target.TEXT),
    Format.WET: (Target.WET, *_JSON_LINES, Target.PARQUET, Target.TEXT),
    Format.WARC: (
        Target.JSONL_ZST,
        Target.JSONL_GZ,
        Target.JSONL,
        Target.WET,
        Target.WARC,
        Target.PARQUET,
        Target.TEXT,
    ),
}
_PAGES = (Target.JSONL_ZST, Target.JSONL_GZ, Target.JSONL, Target.PARQUET, Target.DOLMA)
_ANNOTATED = {
    Format.TEXT: _PAGES,
    Format.JSONL: (*_JSON_LINES, Target.PARQUET, Target.DOLMA),
    Format.PARQUET: (Target.PARQUET, *_JSON_LINES, Target.DOLMA),
    Format.WET: _PAGES,
    Format.WARC: _PAGES,
}


@dataclass(frozen=True, slots=True)
class Shard:
    """One input file with the places of its outputs.

    Attributes:
        path: the input.
        name: its path relative to what the caller named, with slashes, for people and as an id; bytes that are not
            UTF-8 stand as ``\\udcNN``.
        format: what it holds.
        target: what ``output`` holds; never ``AUTO``.
        rejected, cuts: rejected pages, and what was cut from the others; written by a filter run only.
        errors: problems of this shard.
        marker: tells that the shard is done.
        is_filter: whether the run filters.
    """

    path: Path
    name: str
    format: Format
    target: Target
    output: Path
    rejected: Path
    cuts: Path
    errors: Path
    marker: Path
    is_filter: bool

    def outputs(self) -> dict[str, Path]:
        """All files that the shard may write, by what they are; not all need to come to be."""
        of_filter = {"rejected": self.rejected, "cuts": self.cuts} if self.is_filter else {}
        return {"output": self.output, **of_filter, "errors": self.errors}


def split_name(name: str) -> tuple[str, str, Format] | None:
    """Stem, suffix and format of a file name, or None if the suffix is not known."""
    lowered = name.lower()
    for suffix, kind in SUFFIXES:
        if lowered.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)], name[-len(suffix) :], kind
    return None


def as_utf8(name: str) -> str:
    """A name of a file as UTF-8 can hold it: a byte NN that is not UTF-8 becomes ``\\udcNN``."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def find_files(inputs: Iterable[str]) -> list[tuple[Path, str]]:
    """Files behind names of files, folders and globs, with the names they get in the output folder.

    In a folder, files of unknown suffix, those that begin with ``.`` or ``_``, and the lists of cuts of an earlier run
    are passed over. The order is that of ``inputs``, sorted by name within a folder or glob; a file that is named
    twice counts once.

    Raises:
        InputError: a name leads nowhere, to a pipe, or to a file whose suffix says nothing about its format; or a glob
            leads out of its fixed part.
    """
    found: dict[Path, tuple[Path, str]] = {}
    for name in inputs:
        path = Path(name)
        if path.is_dir():
            files = _in_folder(path)
            if not files:
                raise InputError(
                    f"{name}: no file in it has a suffix that says its format; known are {_known()}; lists of cuts "
                    f"(*{CUTS_SUFFIX}) count only if they are named"
                )
            base = path
        elif path.exists():
            files, base = [path], path.parent
        elif glob.has_magic(name):
            matches = sorted(Path(match) for match in glob.glob(name, recursive=True))
            files = [file for match in matches for file in (_in_folder(match) if match.is_dir() else [match])]
            base = _fixed_part(path)
            if not files:
                raise InputError(f"{name}: no file matches")
        else:
            raise InputError(f"{name}: no such file or folder")
        for file in files:
            if not file.is_file() and file.exists():
                raise InputError(f"{file} is no file, but a pipe or a device; write what it gives to a file first")
            if split_name(file.name) is None:
                raise InputError(f"{file}: the suffix does not say the format; rename it to one of {_known()}")
            below = Path(os.path.relpath(file, base))
            if ".." in below.parts:
                raise InputError(
                    f"{name}: {file} does not lie below {base}, so its outputs would not lie below the output folder; "
                    "leave '..' out of the glob behind its first wildcard, or name the file"
                )
            found.setdefault(_resolved(file), (file, below.as_posix()))
    return list(found.values())


def plan_shards(
    inputs: Sequence[str], output: Path, rejected: Path | None, target: Target, *, is_filter: bool
) -> list[Shard]:
    """Find the shards and plan their outputs.

    Raises:
        InputError: see ``find_files``; or the target cannot hold what comes out; or an output is an input, lies in
            an input folder, would be written twice, lies where the run keeps its books or has too long a name.
    """
    folders = [output] if rejected is None else [output, rejected]
    for folder in folders:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; name a folder for the output")
        for name in inputs:
            if Path(name).is_dir() and _resolved(folder).is_relative_to(_resolved(Path(name))):
                raise InputError(f"the output folder {folder} lies in the input {name}; choose one outside of it")
    if rejected is not None and _resolved(rejected) == _resolved(output):
        raise InputError(f"{output}: kept and rejected pages need folders of their own")
    control = _resolved(output / CONTROL_FOLDER)
    if rejected is not None and _resolved(rejected).is_relative_to(control):
        raise InputError(f"{rejected} lies where the run keeps its books; choose another folder for rejected pages")
    files = find_files(inputs)
    shards = [_shard(path, name, output, rejected or output, target, is_filter) for path, name in files]
    sources = {_resolved(path) for path, _ in files}
    taken: dict[Path, Path] = {}
    for shard in shards:
        _check_names(shard)
        for role, place in shard.outputs().items():
            resolved = _resolved(place)
            if resolved in sources:
                raise InputError(f"{place} would be written but is an input; choose another output folder")
            if taken.setdefault(place, shard.path) != shard.path:
                raise InputError(f"{place} would be written for {taken[place]} and for {shard.path}; run them apart")
            if role != "errors" and resolved.is_relative_to(control):
                raise InputError(
                    f"{place} would lie where the run keeps its books; leave {shard.path} out or give it another name"
                )
    for place, source in taken.items():
        for folder in place.parents:
            if folder in taken:
                raise InputError(
                    f"{folder} would be the output of {taken[folder]} and hold that of {source}; run them apart"
                )
    return shards


def _shard(path: Path, name: str, output: Path, rejected: Path, target: Target, is_filter: bool) -> Shard:
    parts = split_name(name)
    if parts is None:
        raise InputError(f"{path}: the suffix does not say the format; rename it to one of {_known()}")
    stem, _, kind = parts
    possible = (_FILTERED if is_filter else _ANNOTATED)[kind]
    if target is Target.AUTO:
        chosen = possible[0]
        keeps_name = chosen.value.startswith(kind.value)
    elif target in possible:
        chosen, keeps_name = target, False
    else:
        command = "filter" if is_filter else "annotate"
        raise InputError(
            f"{path}: {command} cannot write {kind.value} as {target.value}; possible: auto, {', '.join(possible)}"
        )
    side = ".parquet" if kind is Format.PARQUET and chosen in (Target.PARQUET, Target.DOLMA) else ".jsonl.zst"
    control = output / CONTROL_FOLDER
    return Shard(
        path=path,
        name=as_utf8(name),
        format=kind,
        target=chosen,
        output=output / (name if keeps_name else stem + _suffix(kind, chosen)),
        rejected=rejected / f"{stem}.rejected{side}",
        cuts=rejected / f"{stem}{CUTS_SUFFIX}",
        errors=control / "errors" / f"{name}.jsonl",
        marker=control / "shards" / f"{name}.json",
        is_filter=is_filter,
    )


def _check_names(shard: Shard) -> None:
    names = [place.name for place in (*shard.outputs().values(), shard.marker)]
    excess = max(len(os.fsencode(name)) for name in names) - _LONGEST_NAME
    if excess > 0:
        raise InputError(
            f"{shard.path}: the name is too long by {excess} for the suffixes of what is written for it (a name can "
            f"have {_LONGEST_NAME} bytes); rename the file"
        )


def _suffix(kind: Format, target: Target) -> str:
    # Many pages as text are a folder.
    return "" if target is Target.TEXT and kind is not Format.TEXT else _TARGET_SUFFIXES[target]


def _in_folder(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        # A link that leads nowhere is a file that cannot be read, which a run reports.
        if (path.is_file() or not path.exists())
        and split_name(path.name) is not None
        # Lines of pages are no pages: the folder of rejected pages is to be filtered again without them.
        and not path.name.endswith(CUTS_SUFFIX)
        and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )


def _resolved(path: Path) -> Path:
    # Unlike ``Path.resolve``, this does not fail at a link that leads to itself.
    return Path(os.path.realpath(path))


def _fixed_part(pattern: Path) -> Path:
    fixed = Path()
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _known() -> str:
    return ".txt, .jsonl, .ndjson, .json, .warc.wet, .wet, .warc (each also with .gz or .zst), .parquet, .pq"
