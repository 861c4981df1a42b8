"""Build hook: compiles ``spamfilter/kernel*.c`` if a C compiler is there; without one the package stays pure Python.

``CC`` chooses the compiler; ``SPAMFILTER_KERNEL=0`` leaves the kernel out.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = (
    "spamfilter/kernel.c",
    "spamfilter/kernel_words.c",
    "spamfilter/kernel_lines.c",
    "spamfilter/kernel_context.c",
    "spamfilter/kernel_stretches.c",
    "spamfilter/kernel_phrases.c",
    "spamfilter/kernel_spans.c",
    "spamfilter/kernel_pages.c",
    "spamfilter/kernel_batch.c",
)
LIBRARY, NEWER_LIBRARY = "spamfilter/_kernel.so", "spamfilter/_kernel_avx2.so"
FLAGS = ("-O3", "-std=c99", "-ffp-contract=off", "-fno-math-errno", "-fPIC", "-shared")
"""Neither ``-march=native`` nor ``-ffast-math``: it runs on any machine of its kind and rounds as numpy does.

``-O3`` since gcc lays loops out for vectors only then: boundary scores take half the time.
"""
NEWER_FLAGS = ("-mavx2", "-mbmi2")
"""Of a second library, which ``kernel.py`` takes where the machine can run it; ``-ffp-contract=off`` keeps the bits."""


class KernelHook(BuildHookInterface[Any]):
    """Adds the compiled kernel to wheels, and puts it beside its source for editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tag the wheel for this platform if that succeeded."""
        if self.target_name != "wheel":
            return
        self._folder = tempfile.TemporaryDirectory()
        built = self._built(Path(self._folder.name)) if self._wanted() else {}
        if version == "editable":
            for name in (LIBRARY, NEWER_LIBRARY):
                in_place = Path(self.root, name)
                # Anew, not overwritten: a process that has the old library mapped keeps it.
                in_place.unlink(missing_ok=True)
                if name in built:
                    shutil.copy(built[name], in_place)
        else:
            build_data["force_include"].update({str(path): name for name, path in built.items()})
        if built:
            build_data["pure_python"] = False
            system = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{system}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled: the wheel has its copy."""
        if self.target_name == "wheel":
            self._folder.cleanup()

    def _wanted(self) -> bool:
        return os.environ.get("SPAMFILTER_KERNEL") != "0" and sys.platform in ("linux", "darwin")

    def _built(self, folder: Path) -> dict[str, Path]:
        """The libraries that could be compiled, by their places in the package."""
        wanted = {LIBRARY: FLAGS}
        if platform.machine().lower() in ("x86_64", "amd64"):
            wanted[NEWER_LIBRARY] = (*FLAGS, *NEWER_FLAGS)
        built = {}
        for name, flags in wanted.items():
            path = folder / Path(name).name
            if not self._compiled(path, flags):
                break
            built[name] = path
        return built

    def _compiled(self, library: Path, flags: tuple[str, ...]) -> bool:
        compiler = shlex.split(os.environ.get("CC") or "cc")
        command = [*compiler, *flags, *(str(Path(self.root, source)) for source in SOURCES), "-o", str(library), "-lm"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            self.app.display_warning(f"no {library.name}, others will do its work: {error}")
            return False
        return True
