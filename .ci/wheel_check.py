"""Build the source archive and from it the wheel, install the wheel in a new environment, use it in an empty folder, and run the tutorials as Colab would."""

import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import colab_check

ROOT = Path(__file__).resolve().parents[1]
LIB = "energymvp"
SKIP = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", ".ipynb_checkpoints", "*.egg-info", "build", "dist", "runs", "_proc", "_docs", ".env"
)
ALLOWED = re.compile(
    rf"{LIB}/(?:\w+/)*\w+\.py|{LIB}/demo_data/(?:[^/]+\.parquet|SHA256SUMS)|{LIB}/default_config/[^/]+\.yaml|{LIB}/sql_schema/[^/]+\.sql|{LIB}/templates/[^/]+\.html|{LIB}/schemas/[^/]+\.json|{LIB}/tariffs/[^/]+\.json|{LIB}/pretrained/(?:README\.md|(?:consumption|trading)\.(?:json|safetensors))|{LIB}-[^/]+\.dist-info/.*"
)
NEEDED = [
    rf"{LIB}/__init__\.py",
    rf"{LIB}/demo_data/.*\.parquet",
    rf"{LIB}/demo_data/SHA256SUMS",
    rf"{LIB}/default_config/config\.yaml",
    rf"{LIB}/sql_schema/schema\.sql",
    rf"{LIB}/templates/report\.html",
    rf"{LIB}/schemas/plan\.json",
    rf"{LIB}/pretrained/trading\.safetensors",
    rf"{LIB}/tariffs/pge-ev2-a\.json",
    r".*/licenses/LICENSE",
]


def sh(*cmd, cwd, quiet=False):
    "Run a command and show what it prints, where `quiet` only if it fails; its seconds."
    print("$", *[str(c).replace(str(cwd.parent), ".") for c in cmd], flush=True)
    start = time.monotonic()
    p = subprocess.run(
        cmd, cwd=cwd, env=colab_check.outside(), text=True, **(dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT) if quiet else {})
    )
    if p.returncode:
        sys.exit(f"{p.stdout or ''}wheel: a step failed with exit status {p.returncode}: {' '.join(map(str, cmd))}")
    return time.monotonic() - start


def contents(wheel):
    "Check what is in the wheel; the problems found."
    names = zipfile.ZipFile(wheel).namelist()
    stray = [f"stray file in the wheel: {n}" for n in names if not ALLOWED.fullmatch(n)]
    return stray + [f"missing in the wheel: {pat}" for pat in NEEDED if not any(re.fullmatch(pat, n) for n in names)]


def main():
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp).resolve()
        src, dist, empty = tmp / LIB, tmp / "dist", tmp / "empty"
        shutil.copytree(ROOT, src, ignore=SKIP)
        empty.mkdir()
        sh(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, src, cwd=empty, quiet=True)
        (wheel,) = dist.glob("*.whl")
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB")
        problems = contents(wheel)

        sh(sys.executable, "-m", "venv", tmp / "venv", cwd=empty)
        bin = tmp / "venv" / "bin"
        pip = [bin / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", ROOT / "constraints.txt"]
        sh(*pip, "torch==2.13.0", cwd=empty)
        sh(*pip, wheel, cwd=empty)
        sh(
            bin / "python",
            "-c",
            f"import {LIB}; print({LIB}.__version__, 'from site-packages:', 'site-packages' in {LIB}.__file__)",
            cwd=empty,
        )
        seconds = min(sh(bin / "python", "-c", f"import {LIB}", cwd=empty) for _ in range(2))
        print(f"import {LIB} takes {seconds:.2f} s, Python's own start included")
        sh(bin / LIB, "--help", cwd=empty)
        print(f"the quick demo took {sh(bin / LIB, 'demo', '--quick', '--out', 'out', cwd=empty):.1f} s")
        for name in ("results.json", "report.html"):
            made = empty / "out" / name
            if not made.exists() or not made.stat().st_size:
                problems.append(f"the demo left no {name}")
        sh(bin / LIB, "doctor", cwd=empty)
        sh(bin / LIB, "tariff", "check", "pge-ev2-a", cwd=empty)
        sh(*pip, "nbclient", "ipykernel", cwd=empty)
        shutil.rmtree(src / "build", ignore_errors=True)
        problems += colab_check.run(src, bin, tmp)
    for p in problems:
        print(f"wheel: {p}")
    print(f"wheel: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
