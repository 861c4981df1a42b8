"""A run over many shards: resumed, in parallel, with one summary."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from joblib import effective_n_jobs

from spamfilter.errors import InputError
from spamfilter.ingest.byte_files import OutputFile, output_size, remove_partials
from spamfilter.ingest.job import Job
from spamfilter.ingest.process import process_shard
from spamfilter.ingest.progress import Progress, ProgressBoard, end_with, poster
from spamfilter.ingest.report import ShardReport, total
from spamfilter.ingest.shards import CONTROL_FOLDER, Shard
from spamfilter.ingest.workers import call_in_workers
from spamfilter.model_store import CHECKSUM_FILE
from spamfilter.predictor import Predictor, default_model_folder

_TASK_BYTES = 32 << 20
_TASK_SHARDS = 256
_TASKS_A_WORKER = 4


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run goes about it; the outputs do not depend on it.

    Attributes:
        model: model folder; None for the shipped one.
        n_jobs: worker processes at most, as in joblib; no more are started than there are tasks.
        resume: skip shards that an earlier run of the same job has finished.
        overwrite: begin anew where an earlier run has left its outputs.
        part: number of this part and of all parts, from 1: only these shards are run.
    """

    model: Path | None = None
    n_jobs: int = 1
    resume: bool = False
    overwrite: bool = False
    part: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run has come to.

    Attributes:
        reports: of each shard, in order.
        total: their sum.
        resumed: how many shards an earlier run had finished.
        summary: the file that holds all of this as JSON.
        errors: the list of problems as JSON lines; it exists only if there are any.
    """

    reports: tuple[ShardReport, ...]
    total: ShardReport
    resumed: int
    summary: Path
    errors: Path

    @property
    def is_clean(self) -> bool:
        """Whether all input was used and no shard raised an alarm."""
        return not self.total.problems and not any(report.alarm for report in self.reports)


def run_shards(
    shards: Sequence[Shard],
    output: Path,
    job: Job,
    settings: RunSettings | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> RunResult:
    """Run ``job`` over ``shards``.

    Each shard's outputs are written beside and renamed when whole, then its marker is. A run that is killed leaves
    whole shards and partial files, one that ends with an error whole shards only; ``resume`` goes on with the others,
    and the files are the same as those of an unbroken run.

    Args:
        shards: see ``plan_shards``.
        output: the output folder; its subfolder ``_spamfilter`` holds markers, errors and the summary.
        on_progress: told now and then how far the run is, from another thread.

    Raises:
        InputError: there are outputs of an earlier run and neither ``resume`` nor ``overwrite`` is set; or the
            earlier run was of another job; or a file that no run has claimed lies where an output would, and
            ``overwrite`` is not set.
        ModelError: the model cannot be loaded.
        SpamfilterError: a worker process was killed.
        ProblemError: the first problem of a strict job.
        OSError: an output cannot be written.
    """
    settings = settings or RunSettings()
    part, parts = settings.part
    own = list(shards[part - 1 :: parts])
    control = output / CONTROL_FOLDER
    # Fails early and once, not in each worker.
    predictor = Predictor.load(settings.model)
    _check_rate(predictor, job)
    job = replace(job, model=_model_sum(settings))
    _claim(control, job, settings, shards)
    known = {place: report for place, shard in enumerate(own) if (report := _finished(shard))}
    if not settings.resume:
        for place in known:
            own[place].marker.unlink(missing_ok=True)
        known = {}
    resumed = len(known)
    waiting = [place for place in range(len(own)) if place not in known]
    places = [place for number in waiting for place in (*own[number].outputs().values(), own[number].marker)]
    remove_partials(places)
    sizes = [max(_size(shard.path), 0) for shard in own]
    with ProgressBoard(sizes, [place in known for place in range(len(own))], on_progress) as board:
        tasks = _tasks(own, waiting, sizes, settings.n_jobs)
        try:
            for done in _run_tasks(tasks, job, settings, predictor, board):
                known.update(done)
                board.finish(len(done))
        except BaseException:
            # The other workers were killed in the midst of theirs. The caller hears of what ended the run.
            with suppress(OSError):
                remove_partials(places)
            raise
    reports = [known[place] for place in range(len(own))]
    suffix = "" if parts == 1 else f".part-{part}-of-{parts}"
    result = RunResult(
        tuple(reports), total(reports), resumed, control / f"summary{suffix}.json", control / f"errors{suffix}.jsonl"
    )
    _write_summary(result, own, job)
    return result


def _check_rate(predictor: Predictor, job: Job) -> None:
    try:
        predictor.points.check_rate(job.task.max_false_positive_rate)
    except ValueError as error:
        raise InputError(str(error).replace("max_false_positive_rate=", "--max-false-positive-rate ")) from None


def _model_sum(settings: RunSettings) -> str:
    return hashlib.sha256(((settings.model or default_model_folder()) / CHECKSUM_FILE).read_bytes()).hexdigest()


def _claim(control: Path, job: Job, settings: RunSettings, shards: Sequence[Shard]) -> None:
    """See that the output folders are ours to write: without files at our places, or of the same job."""
    claim = json.dumps(job.settings(), indent=1, sort_keys=True) + "\n"
    place = control / "job.json"
    has_parts = settings.part[1] > 1
    # The shards of all parts, as the claim of one holds for all.
    foreign = None if settings.overwrite or place.exists() else _first_in_the_way(shards)
    # Looked up again: what is there may come from another part, which claims the folder before it writes.
    if foreign is not None and not place.exists():
        raise InputError(
            f"{foreign} is there already and would be overwritten, though no run has claimed {control.parent}; choose "
            "another folder, or give the file up with --overwrite"
        )
    if place.exists() and not settings.overwrite:
        # As bytes: a damaged one need not be UTF-8.
        same = place.read_bytes() == claim.encode("utf-8")
        if not settings.resume and not (has_parts and same):
            raise InputError(
                f"{control.parent} holds a run already; go on with --resume or begin anew with --overwrite"
            )
        if not same:
            raise InputError(
                f"the run in {control.parent} has other options or another model; give the same ones, choose another "
                "folder, or begin anew with --overwrite"
            )
    _write(place, claim)


def _first_in_the_way(shards: Sequence[Shard]) -> Path | None:
    """The first planned output that is there already."""
    places = [place for shard in shards for place in shard.outputs().values()]
    # Most runs begin in new folders: asking for these is cheap where a million files are planned.
    folders = {folder for folder in {place.parent for place in places} if folder.exists()}
    return next((place for place in places if place.parent in folders and os.path.lexists(place)), None)


def _finished(shard: Shard) -> ShardReport | None:
    """The report of an earlier run, if the input and all outputs are still as it left them."""
    try:
        marker = json.loads(shard.marker.read_text(encoding="utf-8"))
        report = ShardReport.from_json(marker["report"])
        places = shard.outputs()
        whole = all(output_size(places[role]) == size for role, size in report.outputs.items())
        same = marker["input"] == _fingerprint(shard.path)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return report if whole and same and report.status == "done" else None


def _fingerprint(path: Path) -> list[int]:
    try:
        facts = path.stat()
    except OSError:
        return []
    return [facts.st_size, facts.st_mtime_ns]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _tasks(shards: list[Shard], waiting: list[int], sizes: list[int], n_jobs: int) -> list[list[tuple[int, Shard]]]:
    """Group small shards, so that the model is not loaded for each, yet leave every worker a few tasks."""
    least = _TASKS_A_WORKER * effective_n_jobs(n_jobs)
    most_bytes = min(_TASK_BYTES, sum(sizes[place] for place in waiting) // least)
    most_shards = min(_TASK_SHARDS, len(waiting) // least)
    tasks: list[list[tuple[int, Shard]]] = []
    weight = 0
    for place in waiting:
        if not tasks or weight + sizes[place] > most_bytes or len(tasks[-1]) >= most_shards:
            tasks.append([])
            weight = 0
        tasks[-1].append((place, shards[place]))
        weight += sizes[place]
    return tasks


def _run_tasks(
    tasks: list[list[tuple[int, Shard]]], job: Job, settings: RunSettings, predictor: Predictor, board: ProgressBoard
) -> Iterator[dict[int, ShardReport]]:
    count = min(effective_n_jobs(settings.n_jobs), len(tasks))
    if count <= 1:
        for task in tasks:
            for one in task:
                yield _run_task([one], job, predictor, board.path, None)
        return
    own = os.getpid()
    yield from call_in_workers(_run_task, ((task, job, settings.model, board.path, own) for task in tasks), count)


def _run_task(
    task: list[tuple[int, Shard]], job: Job, model: Predictor | Path | None, board: Path, parent: int | None
) -> dict[int, ShardReport]:
    if parent is not None:
        end_with(parent)
    predictor = model if isinstance(model, Predictor) else Predictor.load(model)
    done = {}
    for place, shard in task:
        fingerprint = _fingerprint(shard.path)
        post = poster(board, place, parent)
        post(0)
        report = process_shard(shard, job, predictor, post)
        marker = {"input": fingerprint, "report": report.as_json()}
        _write(shard.marker, json.dumps(marker, indent=1) + "\n")
        post(max(_size(shard.path), 0))
        done[place] = report
    return done


def _write_summary(result: RunResult, shards: list[Shard], job: Job) -> None:
    summary: dict[str, Any] = {
        "settings": job.settings(),
        "total": result.total.as_json(),
        "files": [report.as_json() for report in result.reports],
    }
    _write(result.summary, json.dumps(summary, indent=1) + "\n")
    result.errors.unlink(missing_ok=True)
    lists = [shard.errors for shard in shards if shard.errors.exists()]
    if lists:
        merged = OutputFile(result.errors)
        try:
            for place in lists:
                merged.write(place.read_bytes())
            merged.commit()
        finally:
            merged.discard()


def _write(path: Path, text: str) -> None:
    file = OutputFile(path)
    try:
        file.write(text.encode("utf-8"))
        file.commit()
    finally:
        file.discard()
