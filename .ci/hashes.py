"""Write `hashes.txt`: the pins of `constraints.txt` with the SHA-256 of each of their files on PyPI, for `pip install --require-hashes`."""

import argparse
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
HEAD = f"# Made from constraints.txt by {Path(__file__).relative_to(ROOT)}: the wheels of CPython 3.11 to 3.14, and the source of what has none.\n"
OURS = re.compile(r"-(py3|py2\.py3|cp31[1-4])-|-cp3\d+-abi3-")  # a wheel's Python
BUILDS = ("torch",)  # a machine's own choice: its CPU and CUDA builds lie on indexes of their own


def pins():
    "Name and version of each pin."
    text = (ROOT / "constraints.txt").read_text()
    return [tuple(line.split("==")) for line in text.split() if "==" in line and not line.startswith(BUILDS)]


def hashes(pin):
    "A pin's requirement, a hash a line."
    name, version = pin
    url = f"https://pypi.org/simple/{re.sub(r'[-_.]+', '-', name).lower()}/"
    with urlopen(Request(url, headers={"Accept": "application/vnd.pypi.simple.v1+json"}), timeout=60) as answer:
        files = json.load(answer)["files"]
    stem = re.compile(rf"{re.sub(r'[-_.]+', '[-_.]+', name)}-{re.escape(version)}(-.*\.whl|\.tar\.gz|\.zip)$", re.IGNORECASE)
    files = {f["filename"]: f["hashes"]["sha256"] for f in files if stem.match(f["filename"])}
    taken = {h for f, h in files.items() if f.endswith(".whl") and OURS.search(f)} or set(files.values())
    if not taken:
        raise SystemExit(f"PyPI has no file of {name}=={version}")
    marker = "" if any("linux" not in f for f in files) else ' ; sys_platform == "linux"'
    return f"{name}=={version}{marker} \\\n" + " \\\n".join(f"    --hash=sha256:{h}" for h in sorted(taken)) + "\n"


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--check", action="store_true", help="only say whether hashes.txt has the pins of constraints.txt")
    out = ROOT / "hashes.txt"
    if ap.parse_args().check:
        same = re.findall(r"^(\S+)==(\S+)", out.read_text(), re.MULTILINE) == pins()
        print(
            "hashes.txt has the pins of constraints.txt" if same else f"hashes.txt has other pins than constraints.txt: run {sys.argv[0]}"
        )
        return 0 if same else 1
    with ThreadPoolExecutor(8) as pool:
        out.write_text(HEAD + "".join(pool.map(hashes, pins())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
