"""A thousand homes on one machine: writes bench/scale.md.

The homes are those of the demo, scaled and moved by days and weeks, in a DuckDB file. Each figure is of a process of its own, with its
processor time and the most memory that it held: reading all homes into a panel, an evaluation of one plan a day, the plans of some homes
one after the other, each with its reads and its JSON, and two looks of the loop that runs all of them.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from energymvp.data.schema import APPLIANCES
from energymvp.data.stores import LocalStore
from energymvp.live.command import SAFE
from energymvp.live.loop import Loop
from energymvp.planner import Planner, demo_store
from energymvp.units import day_start

from common import cpu, given

ZONE, START = "America/Los_Angeles", "2017-05-01"
DAY = pd.Timedelta(days=1)


def start():
    return day_start(pd.Timestamp(START), ZONE)


def make_store(path, homes, days, before=30):
    "A file with so many homes, each one of the demo's at another scale and from another week on."
    rng, demo, n = np.random.default_rng(0), demo_store(), (days + before) * 48
    prices, first = demo.read("prices"), demo.series("consumption").start.min()
    own = [h for h in demo.distinct("consumption", "household_id")]
    read = {h: demo.read("consumption", household_id=h)[APPLIANCES].to_numpy() for h in own}
    ts = pd.date_range(start() - before * DAY, periods=n, freq="30min")
    with LocalStore(path) as store:
        store.upsert("prices", prices[(prices.ts >= ts[0]) & (prices.ts < ts[-1] + 2 * DAY)])
        for k in range(0, homes, 50):
            rows = []
            for i in range(k, min(k + 50, homes)):
                x = read[own[i % len(own)]]
                shift = 48 * 7 * int(rng.integers(0, 8)) + int(rng.integers(-2, 3)) + int((ts[0] - first) / pd.Timedelta("30min"))
                x = x[(shift + np.arange(n)) % (len(x) // 336 * 336)] * rng.uniform(0.6, 1.6)
                rows.append(pd.DataFrame(dict(household_id=f"home-{i:04}", ts=ts) | dict(zip(APPLIANCES, x.T))))
            store.upsert("consumption", pd.concat(rows, ignore_index=True))


def panel(store, planner, homes, days):
    "Read into a panel."
    return f"{planner.panel(store, None, start(), start() + days * DAY).energy.shape[1]:,} half hours a home"


def evaluate(store, planner, homes, days):
    "Evaluated, one plan a day."
    score = planner.evaluate(store, start=start(), stop=start() + days * DAY, modes=("committed",), progress=False)
    return f"T2, as modes: {score.results['trading']['committed'][next(iter(score.results['trading']['committed']))]['T2, as modes']['profit_cents_per_day']:.2f} cents a day"


def plans(store, planner, homes, days):
    "Planned, one home after the other, each with its reads and as JSON."
    names, at = [f"home-{i:04}" for i in range(min(homes, 100))], start() + 12 * pd.Timedelta(hours=1)
    planner.plan(store, names[0], at)
    begin = time.process_time()
    for h in names:
        json.dumps(planner.plan(store, h, at).to_dict(), default=str)
    return f"{1000 * (time.process_time() - begin) / len(names):.0f} ms of a core a plan"


def looks(store, planner, homes, days):
    "A look of the loop: every home planned anew; the next, five minutes later."
    at, took = start() + 12 * pd.Timedelta(hours=1), []
    store.delete("consumption", start=at)
    loop = Loop(planner, store, log=lambda event, **facts: None)
    for now in (at, at + pd.Timedelta(minutes=5)):
        states = pd.DataFrame(dict(household_id=list(loop.homes), ts=now, soc=0.5, received_at=now))
        store.upsert("states", states)
        begun, used = time.perf_counter(), time.process_time()
        told = loop.tick(now)
        took += [f"{time.perf_counter() - begun:.1f} s ({time.process_time() - used:.1f} of processor)"]
    if len(told) != homes or any(c.reason.startswith(SAFE) for c in told.values()):
        raise SystemExit(f"{homes - len(told)} homes are told nothing, or there is one without a plan")
    return "; ".join(took)


WORKS = dict(panel=panel, evaluate=evaluate, plans=plans, looks=looks)


def apart(what, path, homes, days):
    "Seconds, seconds of processor, GB at the most, and a word, of one work in a process of its own."
    cmd = [sys.executable, __file__, "--work", what, "--store", str(path), "--homes", str(homes), "--days", str(days)]
    return json.loads(subprocess.run(cmd, env=os.environ, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def work(args):
    planner = Planner.pretrained()
    with LocalStore(args.store, read_only=args.work != "looks") as store:
        wall, used = time.perf_counter(), time.process_time()
        word = WORKS[args.work](store, planner, args.homes, args.days)
        took = time.perf_counter() - wall, time.process_time() - used
    print(json.dumps([*took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, word]))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--homes", type=int, default=1000)
    ap.add_argument("--days", type=int, default=28, help="of the evaluation, and of the shorter panel")
    ap.add_argument("--year", type=int, default=365, help="days of the longer panel; 0: left out")
    ap.add_argument("--work", choices=WORKS, help=argparse.SUPPRESS)
    ap.add_argument("--store", help=argparse.SUPPRESS)
    args = ap.parse_args()
    if args.work:
        return work(args)
    rows, load = [], os.getloadavg()[0]
    for days, works in ((args.days, WORKS), (args.year, ["panel"])):
        if not days:
            continue
        with tempfile.TemporaryDirectory() as folder:
            make_store(path := Path(folder) / "homes.duckdb", args.homes, days)
            for what in works:
                wall, used, most, word = apart(what, path, args.homes, days)
                rows.append(f"| {WORKS[what].__doc__} | {days} | {wall:.1f} | {used:.1f} | {most:.1f} | {word} |")
                print(rows[-1], flush=True)
    head = (
        f"{datetime.date.today()}, {len(os.sched_getaffinity(0))} cores of {cpu()}, Python {platform.python_version()}, load average {load:.1f} at the start; {args.homes:,} homes made of the "
        f"demo's, one market, in a DuckDB file; panels with the four weeks before; `python bench/scale.py{given(ap, args, ('homes', 'days', 'year'))}`.\n"
    )
    table = ["| what | days | seconds | seconds of processor | GB at the most | |", "| --- | ---: | ---: | ---: | ---: | --- |", *rows]
    (Path(__file__).parent / "scale.md").write_text(head + "\n" + "\n".join(table) + "\n")


if __name__ == "__main__":
    main()
