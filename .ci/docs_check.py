"""Stage the documentation with nbdev, render it with smalldocs and follow every link inside the site.

It all happens in a temporary copy. This proves the staging (show_doc, links to symbols, imports), the configuration
and the links. It does not prove Quarto's renderer, which makes the published site.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import yaml

ROOT = Path(__file__).resolve().parents[1]
LIB = "energymvp"
STAGE = """
from nbdev.doclinks import _build_modidx
from nbdev.quarto import nbdev_sidebar, refresh_quarto_yml
from nbdev.serve import proc_nbs
if __name__ == "__main__":
    refresh_quarto_yml()
    _build_modidx()
    nbdev_sidebar.__wrapped__()
    proc_nbs(force=True, n_workers=2)
"""


def copy_project(to):
    "What the site is made of; data and settings are linked, for modules that read them when imported."
    to.mkdir()
    for name in ("settings.ini", "_quarto.yml"):
        shutil.copy(ROOT / name, to)
    for name in ("nbs", LIB):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
    for name in ("data", "config"):
        if (ROOT / name).exists():
            (to / name).symlink_to(ROOT / name)


def rename_pages(proc):
    "Give each staged notebook the name of its page, which Quarto reads from `output-file`; follow it in links and sidebar."
    nbs = {p: json.loads(p.read_text()) for p in sorted(proc.rglob("*.ipynb"))}
    names = {}
    for p, nb in nbs.items():
        first = nb["cells"][0]  # nbdev puts the front matter there
        m = re.search(r"^output-file: (\S+)\.html\n", "".join(first["source"]), re.M)
        if first["cell_type"] == "raw" and m:
            names[p.name] = m[1] + ".ipynb"
            first["source"] = "".join(first["source"]).replace(m[0], "")
    name = re.compile(r"[^/\s\"'()#]+\.ipynb")

    def rename(text):
        return name.sub(lambda m: names.get(m[0], m[0]), text)

    for p, nb in nbs.items():
        for cell in nb["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = re.sub(r"\]\((?!\w+:)[^)]*", lambda m: rename(m[0]), "".join(cell["source"]))
        p.unlink()
        p.with_name(names.get(p.name, p.name)).write_text(json.dumps(nb))
    sidebar = proc / "sidebar.yml"
    sidebar.write_text(rename(sidebar.read_text()))


class Page(HTMLParser):
    "The links and the anchors of a page."

    def __init__(self, file):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(file.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs[k] for k in ("id", "name") if attrs.get(k)}
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])


def broken_links(out, site_url):
    "Links into the site, relative or with its full address, that lead to no page, or from a text to no such place."
    pages = {f.relative_to(out).as_posix(): Page(f) for f in out.rglob("*.html")}
    for name, page in pages.items():
        for href in page.links:
            url, anchor = urldefrag(urljoin(site_url + name, href))
            if not url.startswith(site_url):
                continue
            target = unquote(url.removeprefix(site_url).split("?")[0])
            target += "index.html" if target == "" or target.endswith("/") else ""
            by_nbdev = href.startswith(site_url)  # a link to a symbol: it opens the page even where the symbol has no entry
            if not (out / target).exists():
                yield f"{name}: {href} leads to no page"
            elif anchor and not by_nbdev and target in pages and unquote(anchor) not in pages[target].ids:
                yield f"{name}: {href} leads to no such place on the page"


def missing_pages(copy, out):
    "Modules whose notebook has no page."
    for py in sorted((copy / LIB).rglob("*.py")):
        m = re.search(r"File to edit: (\S+\.ipynb)", py.read_text())
        if py.name.startswith("_") or not m:
            continue
        nb = (py.parent / m[1]).resolve().relative_to((copy / "nbs").resolve())
        page = nb.with_name(re.sub(r"^\d+[a-zA-Z0-9]*_", "", nb.name.lower())[: -len(".ipynb")] + ".html")
        if not (out / page).exists():
            yield f"{py.relative_to(copy)} has no page {page}"


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--keep", type=Path, help="folder that gets the rendered site, for a browser to look at")
    args = ap.parse_args()
    cfg = yaml.safe_load((ROOT / "_quarto.yml").read_text())
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(tmp).resolve() / ROOT.name
        copy_project(copy)
        (copy / ".stage.py").write_text(STAGE)
        env = {k: v for k, v in os.environ.items() if k != "IN_TEST"} | {"PYTHONPATH": str(copy), "MPLBACKEND": "Agg"}
        staged = subprocess.run(
            [sys.executable, ".stage.py"], cwd=copy, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        print(staged.stdout.strip(), end="\n" if staged.stdout.strip() else "")
        if staged.returncode:
            print("docs: nbdev could not stage every notebook")
            return 1
        proc, problems = copy / "_proc", []
        rename_pages(proc)
        cmd = [sys.executable, "-m", "smalldocs.cli", "render", "--strict", "--quiet", str(proc)]
        render = subprocess.run(cmd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        problems += render.stdout.splitlines() or (["smalldocs failed"] if render.returncode else [])
        out = proc / "_docs"
        site = yaml.safe_load((proc / "nbdev.yml").read_text())["website"]
        pages = sorted(p.relative_to(out).as_posix() for p in out.rglob("*.html"))
        problems += broken_links(out, site["site-url"].rstrip("/") + "/")
        problems += missing_pages(copy, out)
        front = (out / "index.html").read_text() if "index.html" in pages else ""
        if not front:
            problems.append("there is no front page (nbs/index.ipynb)")
        elif any(item["text"] not in front for item in cfg["website"]["navbar"]["left"]) or "styles.css" not in front:
            problems.append("the front page lacks the navbar of _quarto.yml or the style sheet of nbs/_quarto.yml")
        if args.keep:
            shutil.copytree(out, args.keep, dirs_exist_ok=True)
    for p in problems:
        print(f"docs: {p}")
    print(f"docs: {len(pages)} pages, {len(problems)} problems (staging, configuration and links; Quarto's renderer is not tested)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
