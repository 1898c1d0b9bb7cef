"""A fleet's evaluation on one worker and on two, and with a worker killed again and again: writes bench/cluster.md.

The homes are those of bench/scale.py in a DuckDB file, and the work is an evaluation of one plan a day, in blocks of homes. The
workers are started, and have loaded library and models, before the clock starts; a killed one is started again on the clock. What
comes out is compared to the last digit: no home is lost and none is there twice.
"""

import argparse
import datetime
import json
import os
import platform
import signal
import tempfile
import threading
import time
from pathlib import Path

import pandas as pd
from energymvp.fleet.cluster import connected
from energymvp.fleet.work import BLOCK, Place, Way, evaluate_over

from common import cpu, given
from scale import DAY, make_store, start


def loaded(place):
    "What a worker does before the clock starts."
    return place.planner().models.meta["node"]


class Killer(threading.Thread):
    "Kills the worker that has lived longest, every so many seconds."

    def __init__(self, client, every):
        super().__init__(daemon=True)
        self.client, self.every, self.killed, self.over = client, every, 0, threading.Event()

    def run(self):
        alive = list(self.client.run(os.getpid).values())
        while not self.over.wait(self.every):
            pids = [*self.client.run(os.getpid, on_error="ignore").values()]
            alive = [p for p in alive if p in pids] + [p for p in pids if p not in alive]
            if alive:
                os.kill(alive.pop(0), signal.SIGKILL)
                self.killed += 1


def timed(place, homes, days, workers, every):
    "Seconds of an evaluation, how many workers were killed, and its results."
    with connected(f"local:{workers}") as client, tempfile.TemporaryDirectory() as folder:
        client.run(loaded, place)
        killer = Killer(client, every)
        if every:
            killer.start()
        way, begin = Way(client, False, folder=Path(folder)), time.perf_counter()
        results, _ = evaluate_over(place, way, start(), start() + days * DAY)
        took = time.perf_counter() - begin
        killer.over.set()
        if every:
            killer.join()
    if len(results["scored_days"]) != homes:
        raise RuntimeError(f"{len(results['scored_days'])} homes of {homes} were scored")
    return took, killer.killed, json.dumps(results)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--homes", type=int, default=1200)
    ap.add_argument("--days", type=int, default=28, help="of the evaluation")
    ap.add_argument("--every", type=float, default=30, help="seconds from one killed worker to the next")
    args, load = ap.parse_args(), os.getloadavg()[0]
    rows, answers = [], []
    with tempfile.TemporaryDirectory() as folder:
        make_store(path := Path(folder) / "homes.duckdb", args.homes, args.days)
        place = Place(str(path))
        for workers, every in ((1, 0), (2, 0), (2, args.every)):
            took, killed, answer = timed(place, args.homes, args.days, workers, every)
            rows.append(dict(workers=workers, killed=killed, seconds=took))
            answers.append(answer)
            print(rows[-1], flush=True)
    if len({*answers}) > 1:
        raise RuntimeError("the answers of the runs differ")
    t = pd.DataFrame(rows)
    one, two, hit = t.seconds
    head = (
        f"{datetime.date.today()}, {len(os.sched_getaffinity(0))} cores of {cpu()}, Python {platform.python_version()}, load average {load:.1f} at the start; "
        f"{args.homes:,} homes made of the demo's in a DuckDB file, {args.days} days, one plan a day, in blocks of {BLOCK} homes on Dask's workers of this machine, "
        f"started before; in the last run the oldest worker is killed every {args.every:g} s; `python bench/cluster.py{given(ap, args, ('homes', 'days', 'every'))}`.\n"
    )
    lines = [f"| {r.workers} | {r.killed} | {r.seconds:.1f} | {args.homes / r.seconds:.1f} |" for r in t.itertuples()]
    table = ["| workers | killed | seconds | homes a second |", "| ---: | ---: | ---: | ---: |", *lines]
    told = (
        f"\nTwo workers are {one / two:.2f} times as fast as one; with workers killed the run takes {hit / two - 1:.0%} more time. "
        "The results of all three are the same to the last digit: every home is there once.\n"
    )
    (Path(__file__).parent / "cluster.md").write_text(head + "\n" + "\n".join(table) + "\n" + told)


if __name__ == "__main__":
    main()
