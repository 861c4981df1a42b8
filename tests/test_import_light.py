"""Import and load stay light: ingestion starts thousands of workers."""

import subprocess
import sys

import pytest

HEAVY = ("sklearn", "scipy", "pandas", "pyarrow", "resiliparse", "fastwarc", "tqdm", "matplotlib", "training")

PROGRAM = """
import sys
{action}
print(*sorted({{name.partition('.')[0] for name in sys.modules}} & set({heavy!r})))
"""


@pytest.mark.parametrize(
    "action",
    [
        "import spamfilter",
        "import spamfilter; spamfilter.Predictor.load().predict('A page.\\nBest casino bonus!').clean_text()",
        "import spamfilter.cli; spamfilter.cli.build_parser()",
        "import spamfilter.cli; spamfilter.cli.main(['scan', '-'])",
    ],
)
def test_nothing_heavy_is_imported_by(action: str) -> None:
    program = PROGRAM.format(action=action, heavy=HEAVY)
    result = subprocess.run(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == ""


def test_joblib_is_imported_only_when_processes_are_asked_for() -> None:
    program = PROGRAM.format(
        action="import spamfilter; list(spamfilter.Predictor.load().predict_many(['x']))", heavy=("joblib",)
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_the_library_prints_nothing() -> None:
    program = (
        "import spamfilter; p = spamfilter.Predictor.load(); p.predict('x').clean_text(); list(p.predict_many(['y']))"
    )
    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("", "")
