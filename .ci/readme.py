"""Write README.md from nbs/index.ipynb; with --check only say whether the two agree.

`python .ci/readme.py runs/demo` first takes over the figures and the picture of a finished `make demo` and runs the notebook on them.

`nbdev_readme` does the same through Quarto, which a plain machine does not have. Markdown cells are taken as they are,
code cells with the outputs that the notebook holds; `#| hide` leaves out a cell, `#| echo: false` its code.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def text(x):
    return "".join(x).strip("\n")


def readme() -> str:
    parts = []
    for cell in json.loads((root / "nbs/index.ipynb").read_text())["cells"]:
        source = text(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        flags = {line.removeprefix("#|").strip() for line in source.splitlines() if line.startswith("#|")}
        if "hide" in flags:
            continue
        code = text([line + "\n" for line in source.splitlines() if not line.startswith("#|")])
        if code and "echo: false" not in flags:
            parts.append(f"```python\n{code}\n```")
        for out in cell["outputs"]:
            data = out.get("data", {})
            if "text/markdown" in data:
                parts.append(text(data["text/markdown"]))
            elif "text" in out or "text/plain" in data:
                parts.append("```\n" + text(out.get("text") or data["text/plain"]) + "\n```")
    page = "\n\n".join(p for p in parts if p)
    page = re.sub(r"\]\((?=images/|[\w./]+\.ipynb[)#])", "](nbs/", page)
    note = "<!-- made from nbs/index.ipynb by .ci/readme.py: edit the notebook -->"
    return f"{note}\n\n{page}\n"


def picture(run: Path) -> bytes:
    "The first test day of a home that was never trained on: price, plan and charge."
    import pandas as pd

    from energymvp.site.battery import Battery
    from energymvp.data.panel import load_panel
    from energymvp.data.stores import LocalStore
    from energymvp.forecast.checkpoints import load_models
    from energymvp.planning.plan import make_plan
    from energymvp.report.figures import plot_plan
    from energymvp.report.look import png
    from energymvp.site.site import Site

    models = load_models(run)
    at = pd.Timestamp(models.meta["spans"]["test"])
    home = models.meta["held_out"][0]
    with LocalStore(run / "demo.duckdb", read_only=True) as store:
        panel = load_panel(store, models.meta["timezone"], [home], at - pd.Timedelta(days=29), at + pd.Timedelta(days=1))
    plan = make_plan(models, panel, home, at, 0.5, Site())
    return png(plot_plan(plan, Battery(), price=panel.price[-48:], title=f"{home}, the first day of the test"))


def take_over(run: Path) -> None:
    "The figures and the picture of a demo run into nbs/images, and the notebook run on them."
    from execnb.shell import CaptureShell

    shutil.copy(run / "results.json", root / "nbs/images/demo_results.json")
    (root / "nbs/images/plan.png").write_bytes(picture(run))
    book = root / "nbs/index.ipynb"
    os.chdir(root / "nbs")
    CaptureShell().execute(book, book, exc_stop=True)
    subprocess.run([Path(sys.executable).parent / "nbdev_clean", "--fname", book], check=True, cwd=root)


if __name__ == "__main__":
    runs = [a for a in sys.argv[1:] if not a.startswith("-")]
    if runs:
        take_over(Path(runs[0]).resolve())
    path, new = root / "README.md", readme()
    if "--check" not in sys.argv:
        path.write_text(new)
    elif not path.exists() or path.read_text() != new:
        sys.exit("README.md is not what nbs/index.ipynb says: run `python .ci/readme.py` and commit")
