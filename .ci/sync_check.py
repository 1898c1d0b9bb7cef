"""Is `energymvp/` what the notebooks export? Exports a copy and compares; changes nothing here and needs no git."""

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIB = "energymvp"


def sources(folder):
    return {p.relative_to(folder) for p in folder.rglob("*.py")}


def main():
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(tmp) / ROOT.name
        copy.mkdir()
        shutil.copy(ROOT / "settings.ini", copy)
        (copy / LIB).mkdir()
        shutil.copy(ROOT / LIB / "__init__.py", copy / LIB)  # written by hand, but for the version
        shutil.copytree(ROOT / "nbs", copy / "nbs", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        env = {k: v for k, v in os.environ.items() if k != "IN_TEST"}
        subprocess.run([Path(sys.executable).with_name("nbdev_export")], cwd=copy, env=env, check=True)
        new, old = copy / LIB, ROOT / LIB
        both = sources(new) & sources(old)
        differ = {p for p in both if not filecmp.cmp(new / p, old / p, shallow=False)}
        wrong = sorted(differ | (sources(new) ^ sources(old)))
    for p in wrong:
        print(f"not what the notebooks export: {LIB}/{p}")
    print("run nbdev_export (edit the notebooks, not the package)" if wrong else f"{LIB}/ is what the notebooks export")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
