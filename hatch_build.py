"""Has the package hold the C libraries where they can be built; says so where not, and goes on."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent


class CLibraries(BuildHookInterface):
    """For wheels; an editable installation builds them when they are installed below a prefix."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or version == "editable":
            return
        sys.path.insert(0, str(ROOT / "src"))
        from openais.c_api.build import CannotBuild
        from openais.c_api.install import build_for_package

        directory = Path(self.directory) / "c-libraries"
        try:
            build_for_package(directory)
        except CannotBuild as error:
            self.app.display_warning(f"openais: the SA Forum C libraries are left out: {error}")
            self.app.display_warning("openais: `openais c-api --install PREFIX` builds them later")
            return
        build_data["force_include"][str(directory)] = "openais/c_api/built"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
