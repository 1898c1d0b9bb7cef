"""Run every tutorial as a fresh Colab runtime would: alone in an empty folder, with torch but without energymvp.

Each notebook's own first cell installs the library with pip from its git address, which here leads to a copy of this
working tree. `wheel_check.py` calls `run` with the environment that it has made.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from test_notebooks import NEEDS_SUPABASE

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = ROOT / "nbs" / "tutorials"
GIT = "https://github.com/energymvp/energymvp"
USERDATA = "import os\n\n\ndef get(name):\n    return os.environ[name]\n"
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
nb = nbformat.read(sys.argv[1], 4)
NotebookClient(nb, timeout=1200, kernel_name="python3", resources=dict(metadata=dict(path="."))).execute()
"""


def outside():
    "The environment variables of a shell that knows nothing of this checkout."
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "IN_TEST", "VIRTUAL_ENV")}


def pretend_colab(bin):
    "Modules and a start-up hook that make the environment say that it is Colab."
    site = Path(
        subprocess.check_output([bin / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True).strip()
    )
    (site / "google" / "colab").mkdir(parents=True)
    (site / "google" / "colab" / "__init__.py").touch()
    (site / "google" / "colab" / "userdata.py").write_text(USERDATA)
    (site / "colab.pth").write_text("import google.colab\n")


def remote(tree, folder):
    "A git repository of a source tree, and the environment in which git finds it at the library's public address."
    shutil.copytree(tree, folder)
    name = ["-c", "user.name=check", "-c", "user.email=check@localhost"]
    for args in (["init", "-q"], ["add", "-A"], [*name, "commit", "-q", "-m", "a copy"]):
        subprocess.run(["git", *args], cwd=folder, check=True)
    return dict(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0=f"url.file://{folder}.insteadOf", GIT_CONFIG_VALUE_0=GIT)


def run(tree, bin, tmp):
    "Run the tutorials in the environment `bin`; what failed."
    env = outside()
    env |= remote(tree, tmp / "remote") | dict(
        PATH=f"{bin}{os.pathsep}{env['PATH']}",
        PIP_CONSTRAINT=str(ROOT / "constraints.txt"),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        PYTHONWARNINGS="ignore",
    )
    pretend_colab(bin)
    failed = []
    for nb in sorted(TUTORIALS.glob("*.ipynb")):
        subprocess.run([bin / "python", "-m", "pip", "uninstall", "-q", "-y", "energymvp"], env=env, check=True)
        empty = tmp / nb.stem
        empty.mkdir()
        shutil.copy(nb, empty)
        stack = [sys.executable, ROOT / ".ci/supabase_stack.py", "run"] if nb.name in NEEDS_SUPABASE else []
        start = time.monotonic()
        p = subprocess.run([*stack, bin / "python", "-c", EXECUTE, nb.name], cwd=empty, env=env, text=True, capture_output=True)
        print(f"{'FAILED' if p.returncode else 'ok':7} {time.monotonic() - start:6.1f} s  {nb.name}, alone, as in Colab", flush=True)
        if p.returncode:
            print(p.stderr[-3000:])
            failed.append(f"{nb.name} failed as a fresh Colab runtime would run it")
    return failed
