"""Run the notebooks as tests with nbdev, each in a process of its own, forked where that is safe from one that has imported what most
of them import. The last line printed is `N passed, N failed`."""

import argparse
import atexit
import contextlib
import gc
import importlib
import json
import os
import queue
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NBS = ROOT / "nbs"
OK, FAILED, SKIPPED = 0, 1, 77
GIVEN_SUPABASE = "train_from_supabase.ipynb"  # finds a Supabase of its own in the environment
NEEDS_SUPABASE = ("12_data.supabase.ipynb", GIVEN_SUPABASE)  # run only where .ci/supabase_stack.py can run


def find():
    "The notebooks to test: none whose name or folder starts with `_` or `.`, none under a folder with a `.notest` file."
    from nbdev.doclinks import nbglob

    def tested(nb):
        return not any((d / ".notest").exists() for d in [nb.parent, *nb.parent.parents] if d.is_relative_to(NBS))

    return sorted(nb for nb in (Path(f).resolve() for f in nbglob(NBS)) if tested(nb))


def without_supabase():
    "Why the notebooks that need a Supabase cannot run here, or nothing if they can."
    import supabase_stack

    try:
        supabase_stack.postgrest(), supabase_stack.postgres()
    except supabase_stack.Unavailable as e:
        return str(e)
    return None


OLD = ",".join(f"error::{w}" for w in ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning"))  # what is to go stops a test
SHAPED = ["energymvp.optimizer.value", "energymvp.planning"]  # rooms whose array shapes are checked at every call


def random_cases(n, seed=None):
    "What hypothesis draws in a notebook: so many cases a test, the same ones in every run of so many and of one seed."
    from hypothesis import HealthCheck, core, settings

    core.global_force_seed = seed
    usual = dict(deadline=None, suppress_health_check=list(HealthCheck))
    settings.register_profile("notebooks", max_examples=n, derandomize=seed is None, database=None, **usual)
    settings.load_profile("notebooks")


def run_here(nb, flags):
    "Run one notebook in this process, the way `nbdev_test` does; say how it ended by the exit status."
    from nbdev.config import get_config
    from jaxtyping import install_import_hook
    from nbdev.test import test_nb

    alone = tempfile.TemporaryDirectory() if nb.parent.name == "tutorials" else None  # as on a fresh machine, in an empty folder
    if alone:
        nb = Path(shutil.copy(nb, alone.name))
    install_import_hook(SHAPED, "beartype.beartype")
    with contextlib.ExitStack() as around:
        if nb.name == GIVEN_SUPABASE:
            from supabase_stack import SupabaseStack

            os.environ |= around.enter_context(SupabaseStack()).env
        passed, seconds = test_nb(nb, skip_flags=get_config().tst_flags.split(), force_flags=flags.split(), basepath=ROOT)
    return (OK if seconds else SKIPPED) if passed else FAILED  # nbdev gives no time to a notebook marked skip_exec


def environment():
    "The environment variables of every process that runs a notebook, unless they are set already."
    return {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": OLD} | os.environ


# what most notebooks import, so that it is read once and not by each: other people's libraries only, none of `energymvp`
LIBRARIES = (
    "nbdev.test jaxtyping beartype hypothesis IPython numpy pandas pyarrow.parquet duckdb numba torch torch._dynamo safetensors.torch "
    "matplotlib.pyplot pydantic.dataclasses pydantic.json_schema tqdm.auto jinja2 typer"
).split()


def run_forked(job):
    "Run a notebook in this fork, do what waits for the end, and end it there: to take the libraries apart, as a process does that ends of itself, costs a second."
    status = FAILED
    try:
        out = os.open(job["out"], os.O_WRONLY | os.O_APPEND)
        for fd, to in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, out)):
            os.dup2(to, fd)
        random_cases(job["cases"], job["seed"])
        status = run_here(Path(job["one"]), job["flags"])
        threading._shutdown()  # waits for threads
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
        status = FAILED
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)


def fork_on_request():
    "With the libraries imported, fork a process for every notebook that a line of JSON names; answer each with its exit status."
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):  # whose notebook says it better
            importlib.import_module(name)
    with contextlib.suppress(KeyError):
        sys.modules["numba"].njit(lambda: 0)()  # it reads half of itself when it first compiles
    answer = os.dup(1)
    gc.collect()
    gc.freeze()  # what is there is looked through by no fork, which would copy all of it
    for line in sys.stdin:
        job = json.loads(line)
        if not (pid := os.fork()):
            os.close(answer)
            run_forked(job)
        end = time.monotonic() + job["timeout"]
        while not (done := os.wait4(pid, os.WNOHANG))[0] and time.monotonic() < end:
            time.sleep(0.05)
        status = os.waitstatus_to_exitcode(done[1]) if done[0] else "timeout"
        if not done[0]:
            os.kill(pid, signal.SIGKILL)
            done = os.wait4(pid, 0)
        os.write(answer, (json.dumps((status, done[2].ru_utime + done[2].ru_stime)) + "\n").encode())
    os._exit(OK)


class Forks:
    "A process that has imported the libraries, and runs notebook after notebook in forks of itself."

    def __init__(self):
        cmd = [sys.executable, __file__, "--forks"]
        self.p = subprocess.Popen(cmd, cwd=ROOT, env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, **job):
        "One notebook's exit status, its seconds of CPU, and what it printed."
        with tempfile.NamedTemporaryFile() as out:
            self.p.stdin.write(json.dumps(job | dict(out=out.name)) + "\n")
            self.p.stdin.flush()
            answer = json.loads(self.p.stdout.readline() or '["the process that starts notebooks died", 0]')
            return *answer, Path(out.name).read_text(errors="replace")

    def close(self):
        self.p.stdin.close()
        self.p.wait()


def cpu_of_children():
    "Seconds of CPU that the processes ended so far have used."
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_apart(nb, flags, cases, seed, timeout, forks):
    "Run one notebook in a process of its own; its exit status, its seconds of CPU and of the clock, and what it printed."
    start = time.monotonic()
    if forks:
        mine = forks.get()
        try:
            status, cpu, out = mine.run(one=str(nb), flags=flags, cases=cases, seed=seed, timeout=timeout)
        finally:
            forks.put(mine)
    else:
        options = dict(one=nb, flags=flags, cases=cases) | ({} if seed is None else dict(seed=seed))
        cmd = [sys.executable, __file__, *(word for k, v in options.items() for word in (f"--{k}", str(v)))]
        how = dict(cwd=ROOT, env=environment(), timeout=timeout, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        before = cpu_of_children()
        try:
            p = subprocess.run(cmd, **how)
            status, out = p.returncode, p.stdout
        except subprocess.TimeoutExpired as e:
            out = e.stdout or ""
            status, out = "timeout", out.decode(errors="replace") if isinstance(out, bytes) else out
        cpu = cpu_of_children() - before  # and of what ended meanwhile beside it
    return status, cpu, time.monotonic() - start, re.sub(r"\x1b\[[0-9;]*m", "", out)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--workers", type=int, default=2, help="notebooks at a time")
    ap.add_argument("--flags", default="", help="cells with these flags run too, e.g. slow")
    ap.add_argument("--cases", type=int, default=100, help="of every random test")
    ap.add_argument("--seed", type=int, help="of the random tests; without one they are the same in every run")
    ap.add_argument("--timeout", type=float, default=1800, help="seconds that one notebook may take")
    ap.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    ap.add_argument("--forks", action="store_true", help=argparse.SUPPRESS)
    ap.add_argument("names", nargs="*", help="only notebooks with one of these in their path")
    args = ap.parse_args()
    os.chdir(ROOT)
    if args.forks:
        return fork_on_request()
    if args.one:
        random_cases(args.cases, args.seed)
        return run_here(args.one, args.flags)

    nbs = [nb for nb in find() if not args.names or any(n in str(nb.relative_to(NBS)) for n in args.names)]
    lacking, flags = without_supabase(), args.flags
    if lacking and not os.environ.get("CI_NEEDS_SUPABASE"):
        print(f"left out: {', '.join(nb.name for nb in nbs if nb.name in NEEDS_SUPABASE)}, cells marked supabase: {lacking}")
        nbs = [nb for nb in nbs if nb.name not in NEEDS_SUPABASE]
    else:
        flags += " supabase"  # a cell of another notebook that needs it, too
    seed = "" if args.seed is None else f", seed {args.seed}"
    print(f"testing {len(nbs)} notebooks, {args.workers} at a time{seed}", flush=True)
    failed, skipped = [], 0
    ours = [Forks() for _ in nbs[: args.workers]] if sys.platform == "linux" else []  # elsewhere a fork is not safe with these libraries
    forks = queue.SimpleQueue() if ours else None
    for f in ours:
        forks.put(f)
    with ThreadPoolExecutor(args.workers) as pool:
        how = flags, args.cases, args.seed, args.timeout, forks
        jobs = {pool.submit(run_apart, nb, *how): nb.relative_to(NBS) for nb in nbs}
        for n, job in enumerate(as_completed(jobs), 1):
            name, (status, cpu, seconds, out) = jobs[job], job.result()
            word = {OK: "ok", SKIPPED: "skipped"}.get(status, "FAILED")
            print(f"[{n:2}/{len(nbs)}] {word:7} {cpu:6.1f} s of CPU in {seconds:6.1f} s  {name}", flush=True)
            if word == "FAILED":
                failed.append((name, status, out))
            skipped += word == "skipped"
    for f in ours:
        f.close()
    for name, status, out in sorted(failed):
        print(f"\n===== {name} failed (exit status {status}) =====\n{out.rstrip()}")
    if skipped:
        print(f"{skipped} marked skip_exec and not run")
    passed = len(nbs) - len(failed) - skipped
    if not passed and not failed:
        print("no notebook was tested, and that counts as a failure")
    print(f"CPU time: {cpu_of_children() / 60:.1f} minutes")
    print(f"{passed} passed, {len(failed)} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
