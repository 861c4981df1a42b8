"""Build hook: compiles ``spamfilter/kernel*.c`` if a C compiler is there; without one the package stays pure Python.

``CC`` chooses the compiler; ``SPAMFILTER_KERNEL=0`` leaves the kernel out.
"""

import os
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
    "spamfilter/kernel_lines.c",
    "spamfilter/kernel_spans.c",
    "spamfilter/kernel_pages.c",
    "spamfilter/kernel_batch.c",
)
LIBRARY = "spamfilter/_kernel.so"
FLAGS = ("-O3", "-std=c99", "-ffp-contract=off", "-fno-math-errno", "-fPIC", "-shared")
"""Neither ``-march=native`` nor ``-ffast-math``: it runs on any machine of its kind and rounds as numpy does.

``-O3`` since gcc lays loops out for vectors only then: boundary scores take half the time.
"""


class KernelHook(BuildHookInterface[Any]):
    """Adds the compiled kernel to wheels, and puts it beside its source for editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tag the wheel for this platform if that succeeded."""
        if self.target_name != "wheel":
            return
        self._folder = tempfile.TemporaryDirectory()
        library = Path(self._folder.name, "_kernel.so")
        built = self._wanted() and self._compiled(library)
        if version == "editable":
            in_place = Path(self.root, LIBRARY)
            # Anew, not overwritten: a process that has the old library mapped keeps it.
            in_place.unlink(missing_ok=True)
            if built:
                shutil.copy(library, in_place)
        elif built:
            build_data["force_include"][str(library)] = LIBRARY
        if built:
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled: the wheel has its copy."""
        if self.target_name == "wheel":
            self._folder.cleanup()

    def _wanted(self) -> bool:
        return os.environ.get("SPAMFILTER_KERNEL") != "0" and sys.platform in ("linux", "darwin")

    def _compiled(self, library: Path) -> bool:
        compiler = shlex.split(os.environ.get("CC") or "cc")
        command = [*compiler, *FLAGS, *(str(Path(self.root, source)) for source in SOURCES), "-o", str(library), "-lm"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            self.app.display_warning(f"no compiled kernel, numpy will do its work: {error}")
            return False
        return True
