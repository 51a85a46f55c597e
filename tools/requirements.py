"""Print the packages that pyproject.toml names, one a line: those to run ntipc, and those of the extras asked for."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def requirements(extras: list[str]) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chosen = [project["optional-dependencies"][extra] for extra in extras]
    return [*project["dependencies"], *(package for packages in chosen for package in packages)]


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1:] or ["dev"])))
