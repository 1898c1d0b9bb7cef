"""Label a store of many homes and say how long it took and how much memory: writes bench/labels.md.

The homes are copies of the demo's Fontana homes, each scaled by a factor of its own; the store is made in a temporary folder.
"""

import argparse
import datetime
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from energymvp.data.clean import clean_consumption
from energymvp.data.ingest import demo_files, ingest
from energymvp.data.stores import LocalStore


def make_store(path: Path, homes: int) -> int:
    "A store of so many homes over the demo's year; returns its half hours."
    consumption, prices = (pd.read_parquet(f) for f in demo_files())
    fontana = clean_consumption(consumption[consumption.household_id.str.startswith("fontana")])[0]
    real, scale, rows = [g for _, g in fontana.groupby("household_id")], np.random.default_rng(0).uniform(0.5, 1.5, homes), 0
    with LocalStore(path) as store:
        ingest(store, prices=prices)
        for start in tqdm(range(0, homes, 50), desc="making the store", unit="50 homes"):
            copies = range(start, min(start + 50, homes))
            many = [real[i % len(real)].assign(household_id=f"home-{i:05}", misc=lambda d, i=i: d.misc * scale[i]) for i in copies]
            rows += store.upsert("consumption", pd.concat(many))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, default=1000)
    homes = parser.parse_args().homes
    lines = ["| policy | half hours | time | peak memory |", "| --- | ---: | ---: | ---: |"]
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "homes.duckdb"
        half_hours = make_store(store, homes)
        for policy in ("optimal", "rules-optimal", "rules"):
            start = time.time()
            subprocess.run(
                [sys.executable, "-m", "energymvp.cli.app", "labels", "--store", store, "--policy", policy],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6  # of all runs so far
            lines.append(f"| {policy} | {half_hours:,} | {time.time() - start:.0f} s | {peak:.2f} GB |")
            print(lines[-1])
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    head = f"{datetime.date.today()}, {os.cpu_count()} cores{' of ' + cpu.group(1) if cpu else ''}; `python bench/labels.py --homes {homes}`, of which `energymvp labels` is timed.\n"
    (Path(__file__).parent / "labels.md").write_text(head + "\n" + "\n".join(lines) + "\n")
