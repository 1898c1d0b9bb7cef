"""Rows per second of each way into and out of a store: writes bench/stores.md.

A million rows of consumption go into a DuckDB file, into Supabase over HTTP, and into Supabase through COPY, and come back; the last
two on the Supabase of .ci/supabase_stack.py, on this machine, so the network's delay is not in the figures. The frames that come
back must be the ones that went in.
"""

import argparse
import datetime
import os
import platform
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from energymvp.data.schema import APPLIANCES
from energymvp.data.stores import LocalStore
from energymvp.data.supabase import SupabaseStore
from energymvp.units import grid

sys.path.append(str(Path(__file__).parents[1] / ".ci"))
from supabase_stack import SupabaseStack  # noqa: E402


def make_rows(n: int) -> pd.DataFrame:
    "So many rows of consumption, a year a home."
    rng, ts = np.random.default_rng(0), grid("2023-01-01T00Z", "2024-01-01T00Z")
    homes = -(-n // len(ts))
    keys = pd.DataFrame(dict(household_id=np.repeat([f"home-{i:04}" for i in range(homes)], len(ts)), ts=np.tile(ts, homes)))
    return keys.assign(**{a: rng.gamma(2, 0.1, len(keys)) for a in APPLIANCES}).iloc[:n]


def measure(store, rows: pd.DataFrame) -> list:
    "Seconds to write all rows, to write them again over themselves, and to read them; what is read must be what was written."
    seconds = []
    for work in (lambda: store.upsert("consumption", rows), lambda: store.upsert("consumption", rows), lambda: store.read("consumption")):
        start = time.perf_counter()
        got = work()
        seconds.append(time.perf_counter() - start)
    pd.testing.assert_frame_equal(got, rows.astype(got.dtypes).reset_index(drop=True), check_exact=True)
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    n = parser.parse_args().rows
    rows = make_rows(n)
    lines = ["| way | write, rows/s | write again, rows/s | read, rows/s |", "| --- | ---: | ---: | ---: |"]
    with tempfile.TemporaryDirectory() as folder:

        def row(name, store):
            lines.append(f"| {name} | " + " | ".join(f"{n / s:,.0f}" for s in measure(store, rows)) + " |")
            print(lines[-1], flush=True)

        with LocalStore(f"{folder}/rows.duckdb") as s:
            row("DuckDB file", s)
        for name, url in (("Supabase, COPY (SUPABASE_DB_URL set)", True), ("Supabase, HTTP", False)):
            with SupabaseStack() as stack:
                row(name, SupabaseStore(stack.url, stack.service_key, stack.db_url if url else None, progress=False))
                version = stack.sql("show server_version")[0][0].split()[0]
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    head = f"{datetime.date.today()}, {os.cpu_count()} cores{' of ' + cpu.group(1) if cpu else ''}, Python {platform.python_version()}, "
    head += f"PostgreSQL {version} and PostgREST 12.0.2 on the same machine; `python bench/stores.py --rows {n}`.\n"
    (Path(__file__).parent / "stores.md").write_text(head + "\n" + "\n".join(lines) + "\n")
