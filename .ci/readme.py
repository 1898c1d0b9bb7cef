"""Write README.md from nbs/index.ipynb; with --check only say whether the two agree.

`nbdev_readme` does the same through Quarto, which a plain machine does not have. Markdown cells are taken as they are,
code cells with the outputs that the notebook holds; `#| hide` leaves out a cell, `#| echo: false` its code.
"""

import json
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
    note = "<!-- made from nbs/index.ipynb by .ci/readme.py: edit the notebook -->"
    return "\n\n".join([note, *(p for p in parts if p)]) + "\n"


if __name__ == "__main__":
    path, new = root / "README.md", readme()
    if "--check" not in sys.argv:
        path.write_text(new)
    elif not path.exists() or path.read_text() != new:
        sys.exit("README.md is not what nbs/index.ipynb says: run `python .ci/readme.py` and commit")
