"""Rows per second of each way into and out of a store: writes bench/stores.md.

Rows of consumption and of prices go into a DuckDB file, into a lake in a folder, into Supabase over HTTP, and into Supabase through COPY, and come back; the last
two on the Supabase of .ci/supabase_stack.py, on this machine, so the network's delay is not in the figures. The frames that come
back must be the ones that went in. `--before REV` measures the library of an earlier commit too, in turns with this one, and has a store
that the earlier one filled evaluated by both: every figure that both have must be the same to the last digit.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from energymvp.data.schema import APPLIANCES, table
from energymvp.data.stores import LocalStore
from energymvp.data.transfer import open_store
from energymvp.units import grid

ROOT = Path(__file__).parents[1]
WAYS = {
    "DuckDB file": 1.0,
    "lake in a folder": 1.0,
    "Supabase, COPY (SUPABASE_DB_URL set)": 1.0,
    "Supabase, HTTP": 0.1,
}  # and the share of the rows


def make_rows(name: str, n: int) -> pd.DataFrame:
    "So many rows of a table, a year a home or node."
    rng, ts = np.random.default_rng(0), grid("2023-01-01T00Z", "2024-01-01T00Z")
    series = -(-n // len(ts))
    times = dict(ts=np.tile(ts, series))
    keys = np.repeat([f"{name}-{i:04}" for i in range(series)], len(ts))
    if name == "consumption":
        return pd.DataFrame(dict(household_id=keys) | times | {a: rng.gamma(2, 0.1, len(keys)) for a in APPLIANCES}).iloc[:n]
    return pd.DataFrame(dict(node=keys, market="RTM") | times | dict(price_cents_kwh=rng.gamma(2, 2, len(keys)))).iloc[:n]


def size_of(folder: Path) -> int:
    "The bytes that its files take on disk."
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def measure(store, name: str, n: int, folder: Path | None = None) -> list:
    """Rows per second: written, written again over themselves, and read; what is read must be what was written.

    Of a store in a folder, too: milliseconds for one home or node, and bytes on disk a row, of all files, once the chores of a lake are done."""
    rows, rates = make_rows(name, n), []
    for work in (lambda: store.upsert(name, rows), lambda: store.upsert(name, rows), lambda: store.read(name)):
        start = time.perf_counter()
        got = work()
        rates.append(n / (time.perf_counter() - start))
    got = got[list(rows)]
    pd.testing.assert_frame_equal(got, rows.astype(got.dtypes).reset_index(drop=True), check_exact=True)
    if folder:
        if hasattr(store, "compact"):
            store.compact(name)
        one = {table(name).key[0]: rows.iloc[0, 0]}
        start = time.perf_counter()
        store.read(name, **one)
        rates += [1000 * (time.perf_counter() - start), size_of(folder) / n]
    store.delete(name, end="2030-01-01T00Z")
    return rates


def one_round(way: str, n: int) -> dict:
    "table -> rates of one way."
    from energymvp.data.supabase import SupabaseStore

    n, tables = int(n * WAYS[way]), ("consumption", "prices")
    with tempfile.TemporaryDirectory() as folder:
        if way.startswith("DuckDB"):
            return {t: measure(LocalStore(f"{folder}/{t}/rows.duckdb"), t, n, Path(folder) / t) for t in tables}
        if way.startswith("lake"):
            return {t: measure(open_store(f"lake:{folder}/{t}"), t, n, Path(folder) / t) for t in tables}
        sys.path.append(os.environ.get("STORES_STACK", str(ROOT / ".ci")))
        from supabase_stack import SupabaseStack

        with SupabaseStack() as stack:
            s = SupabaseStore(stack.url, stack.service_key, stack.db_url if "COPY" in way else None, progress=False)
            return {t: measure(s, t, n) for t in tables} | dict(version=stack.sql("show server_version")[0][0].split()[0])


def apart(way, n, tree):
    "A round in a process of its own, with the library of a folder."
    env = os.environ | dict(PYTHONPATH=str(tree), STORES_STACK=str(tree / ".ci"))
    cmd = [sys.executable, __file__, "--rows", str(n), "--way", way]
    return json.loads(subprocess.run(cmd, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


FILL = """
import pandas as pd
from energymvp.data.ingest import ingest, ingest_demo
from energymvp.data.stores import LocalStore
with LocalStore("before.duckdb") as s:
    ingest_demo(s)
    homes = s.distinct("consumption", "household_id")
    ingest(s, households=pd.DataFrame(dict(household_id=homes[:3], capacity=[10, 7, 13.5])))
    real = s.read("prices")
    s.upsert("prices", real.assign(market="RTM", price_cents_kwh=1.1 * real.price_cents_kwh + 0.3))
"""
EVALUATE = """
import json, sys
from energymvp.planner import Planner
score = Planner.load(sys.argv[1]).evaluate(sys.argv[2], market="RTM", start="2017-07-01T07Z", progress=False)
print(json.dumps(score.results, default=str))
"""


def different(a, b, path=""):
    "Where two results that have the same key have not the same value; what only the later one has is new."
    if isinstance(a, dict):
        return [d for k in a if k in b for d in different(a[k], b[k], f"{path}.{k}")]
    if isinstance(a, list):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in different(x, y, f"{path}.{i}")]
    return [] if a == b else [f"{path}: {a} before, {b} now"]


def evaluated_alike(trees):
    "How many figures of a store that the earlier library filled come out the same in both; raises where one does not."
    with tempfile.TemporaryDirectory() as folder:
        ask = lambda k, code, *args: (
            subprocess.run(
                [sys.executable, "-c", code, *args],
                env=os.environ | dict(PYTHONPATH=str(trees[k])),
                cwd=folder,
                check=True,
                stdout=subprocess.PIPE,
            ).stdout
        )
        ask("before", FILL)
        models, results = str(trees["before"] / "data" / "pretrained"), {}
        for k in trees:
            shutil.copy(f"{folder}/before.duckdb", f"{folder}/{k}_.duckdb")
            results[k] = json.loads(ask(k, EVALUATE, models, f"{k}_.duckdb").splitlines()[-1])
    apart = [d for d in different(results["before"], results["now"]) if not d.startswith((".energymvp", ".versions"))]
    assert not apart, apart[:5]
    return len(re.findall(r"-?\d+\.\d+", json.dumps(results["before"])))


def best(rounds, table):
    "The best of all rounds: the highest of the three rates, the least of what follows them, milliseconds and bytes a row."
    found = np.array([r[table] for r in rounds])
    return [*found[:, :3].max(0), *found[:, 3:].min(0)]


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--rows", type=int, default=1_000_000)
    p.add_argument("--rounds", type=int, default=3, help="of each way; the best counts")
    p.add_argument("--before", help="a commit whose library is measured too")
    p.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.way:
        return print(json.dumps(one_round(args.way, args.rows)))
    trees, version = {"now": ROOT}, ""
    with tempfile.TemporaryDirectory() as folder:
        if args.before:
            trees["before"] = Path(folder) / "before"
            subprocess.run(["git", "worktree", "add", "-q", "--detach", trees["before"], args.before], cwd=ROOT, check=True)
        lines = [
            "| way | table | write, rows/s | write again, rows/s | read, rows/s | read one, ms | bytes a row |"
            + (" now / before |" if args.before else ""),
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |" + (" --- |" if args.before else ""),
        ]
        try:
            if args.before:
                alike = evaluated_alike(trees)
                said = f"A store that {args.before} filled, evaluated by both on its real-time prices: all {alike} figures the same to the last digit.\n"
                print(said)
            for way in WAYS:
                rounds = {k: [] for k in trees}
                for _ in range(args.rounds):
                    for k, tree in trees.items():
                        rounds[k].append(apart(way, args.rows, tree))
                version = rounds["now"][0].get("version", version)
                for table in ("consumption", "prices"):
                    now = best(rounds["now"], table)
                    ratio = (
                        f" {', '.join(f'{x / y:.2f}' for x, y in zip(now[:3], best(rounds['before'], table)[:3], strict=True))} |"
                        if args.before
                        else ""
                    )
                    lines.append(f"| {way} | {table} | " + " | ".join([*(f"{x:,.0f}" for x in now), *[""] * (5 - len(now))]) + f" |{ratio}")
                    print(lines[-1], flush=True)
        finally:
            if args.before:
                subprocess.run(["git", "worktree", "remove", "--force", trees["before"]], cwd=ROOT, check=True)
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    before = f" --before {args.before}" if args.before else ""
    head = f"{datetime.date.today()}, {os.cpu_count()} cores{' of ' + cpu.group(1) if cpu else ''}, Python {platform.python_version()}, "
    head += f"PostgreSQL {version} and PostgREST 12.0.2 on the same machine; a tenth of the rows over HTTP, best of {args.rounds} rounds; "
    head += f"`python bench/stores.py --rows {args.rows}{before}`.\n"
    head += "Bytes a row are of all files: a lake's, once compacted, still has what was replaced, for a week, until `vacuum`.\n"
    (Path(__file__).parent / "stores.md").write_text(head + "\n" + "\n".join(lines) + "\n" + (f"\n{said}" if args.before else ""))


if __name__ == "__main__":
    main()
