"""Run the pages of `nbs/explain` that hold outputs and store what comes; with --check only say whether a text would change.

`python .ci/pages.py nbs/62a_report.figures.ipynb nbs/tutorials/own_data.ipynb` stores the outputs of other notebooks, as after training anew.

The docs tools show stored outputs, so a table that is made from code is as old as the last run of its page. Pictures are
stored with 64 colours and not compared: their pixels depend on the machine's fonts.
"""

import base64
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("MPLBACKEND", "Agg")


def texts(cell):
    "What a cell's outputs say."
    of = lambda o: o.get("text") or o["data"].get("text/markdown") or o["data"].get("text/plain")
    return ["".join(of(o)) for o in cell.get("outputs", []) if "image/png" not in o.get("data", {})]


def smaller(cell):
    "Store the pictures of a cell with few colours."
    from PIL import Image

    for out in cell.get("outputs", []):
        if "image/png" in out.get("data", {}):
            small, picture = io.BytesIO(), base64.b64decode("".join(out["data"]["image/png"]))
            Image.open(io.BytesIO(picture)).convert("RGB").quantize(64).save(small, "png", optimize=True)
            out["data"]["image/png"] = base64.b64encode(small.getvalue()).decode() + "\n"


def run(path):
    "The cells of a page as they stand, and as they are after running it."
    from execnb.nbio import read_nb
    from execnb.shell import CaptureShell

    alone = path.parent.name == "tutorials"  # it leaves files
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty if alone else path.parent)
        new = _run(read_nb(path), CaptureShell())
        os.chdir(ROOT)
    return json.loads(path.read_text()), new


def _run(nb, shell):
    "The cells after running them, without progress bars."
    for cell in nb.cells:  # one that gives nothing any more must not keep what it gave
        if cell.cell_type == "code":
            cell.outputs = []
    shell.run_all(nb, exc_stop=True, preproc=lambda cell: "eval: false" in cell.source)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr" and "\r" not in "".join(o.get("text", ""))]
    return json.loads(json.dumps(nb))


def main():
    wrong, named = [], [Path(a).resolve() for a in sys.argv[1:] if not a.startswith("-")]
    for path in named or sorted((ROOT / "nbs/explain").glob("*.ipynb")):
        if not named and not any(c.get("outputs") for c in json.loads(path.read_text())["cells"]):
            continue
        old, new = run(path)
        if not named and [texts(c) for c in old["cells"]] == [texts(c) for c in new["cells"]]:
            continue
        wrong.append(path)
        if "--check" not in sys.argv:
            for was, now in zip(old["cells"], new["cells"]):
                was |= {"outputs": now["outputs"]} if was["cell_type"] == "code" else {}
                smaller(was)
            path.write_text(json.dumps(old, indent=1, ensure_ascii=False) + "\n")
            subprocess.run([Path(sys.executable).parent / "nbdev_clean", "--fname", path], check=True, cwd=ROOT)
    if wrong and "--check" in sys.argv:
        sys.exit(
            "\n".join(f"{p.relative_to(ROOT)} holds other tables than the code gives: run `python .ci/pages.py` and commit" for p in wrong)
        )


if __name__ == "__main__":
    main()
