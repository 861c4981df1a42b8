"""Small public sources of our own: pages, treebanks, and their pins."""

import gzip
import hashlib
import json
from pathlib import Path

from training.sources.pins import BenchmarkPin, PublicPins, SourcePin, TreebankPin

COMMIT = "0123456789ab"
PARAGRAPHS = [
    "The old mill by the river grinds rye and spelt for three villages.",
    "Every autumn the wheel is lifted out and its paddles are repaired by hand.",
    "Visitors may watch the stones turn on the first Sunday of the month.",
]
HEADLINES = [
    ("Council votes to widen the bridge before winter", "/news/council-votes-to-widen-the-bridge"),
    ("School choir wins first prize at the lake festival", "/news/school-choir-wins-first-prize"),
    ("Farmers warn of late frost in the northern orchards", "/news/farmers-warn-of-late-frost"),
]
PAGE = f"""<!doctype html><html><head><title>Mill</title><style>p {{}}</style></head><body class="has-menu">
<nav><ul><li><a href="/">Front page</a></li><li><a href="/mills">All our mills</a></li></ul></nav>
<main><h1>Visiting the old river mill</h1>
<p>{PARAGRAPHS[0]}</p><p><img alt="A wheel of oak">{PARAGRAPHS[1]}</p>
<p>All our mills</p><p>{PARAGRAPHS[2]}</p></main>
<aside>{"".join(f'<h3><a href="{address}">{text}</a></h3>' for text, address in HEADLINES)}</aside>
<p>A long remark about something else entirely, which nobody counted as part of the page.</p>
<footer><a href="/contact">Write to us</a><p>Copyright River Mill Society. All rights reserved.</p></footer>
<script>var hidden = "text";</script></body></html>"""
MAIN = "\n\n".join(["Visiting the old river mill", *PARAGRAPHS])


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def conllu(count: int, prefix: str = "Sentence number") -> bytes:
    blocks = [f"# sent_id = {i}\n# text = {prefix} {i} of ours.\n1\tSentence\t_\n" for i in range(count)]
    return "\n".join(blocks).encode()


def source_pin(name: str, folder: str, files: dict[str, bytes], *, commercial: bool = True) -> SourcePin:
    return SourcePin(
        name=name,
        repository=f"example/{name}",
        commit=COMMIT,
        licence="CC-BY-4.0" if commercial else "CC-BY-NC-4.0",
        commercial_use=commercial,
        attribution=f"{name} by its authors",
        mirror_folder=folder,
        files={path: sha256(data) for path, data in files.items()},
    )


def put(folder: Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def page_files(page_ids: tuple[str, ...]) -> dict[str, bytes]:
    truth = {"ground_truth": {"main_content": MAIN}, "_internal": {"page_type": {"primary": "article"}}}
    files = {}
    for page_id in page_ids:
        files[f"dev/html/{page_id}.html.gz"] = gzip.compress(PAGE.encode(), mtime=0)
        files[f"dev/ground-truth/{page_id}.json"] = json.dumps(truth).encode()
    return files


def small_mirror(mirror: Path) -> PublicPins:
    """Fill a mirror in the layout of the real one; returns its pins."""
    ids = ("0001", "0002", "0004")
    pages = page_files(ids)
    free = {"xx_free-ud-dev.conllu": conllu(130), "xx_free-ud-train.conllu": conllu(110, "Train")}
    bound = {"yy_bound-ud-dev.conllu": conllu(30, "Bound")}
    put(mirror / "wcxb", pages)
    put(mirror / "ud" / "UD_Free", free)
    put(mirror / "ud" / "UD_Bound", bound)
    return PublicPins(
        benchmark=BenchmarkPin(source_pin("wcxb", "wcxb", pages), ids),
        treebanks=(
            TreebankPin(source_pin("UD_Free", "ud/UD_Free", free), "xx", ("xx_free-ud-dev.conllu",)),
            TreebankPin(source_pin("UD_Bound", "ud/UD_Bound", bound, commercial=False), "yy", tuple(bound)),
        ),
    )
