"""What a home costs, and so what a thousand, a hundred thousand and ten million do: writes bench/fleet_cost.md.

Processor seconds and bytes of a home are measured on few homes, made as in bench/scale.py: a year of readings from CSV files into a lake,
a plan with its reads, a day of the loop, and four weeks of an evaluation of one plan a day. That these do not grow with the fleet is
measured, too: plans of more and more homes by more workers than there are cores, with all that the workers and the scheduler use. The rest
is multiplication, at the prices of a cloud that the options name.
"""

import argparse
import datetime
import os
import platform
import tempfile
import time
from pathlib import Path

import pandas as pd
from energymvp.data.ingest import ingest
from energymvp.data.stores import LocalStore
from energymvp.data.transfer import open_store
from energymvp.fleet.cluster import connected
from energymvp.fleet.work import Place, Way, evaluate_over, plans_over
from energymvp.live.loop import Loop

from common import cpu, given
from scale import DAY, make_store, start

FLEETS, YEAR = (1_000, 100_000, 10_000_000), 365
NOON = start() + pd.Timedelta(hours=12)


def used(work, *args):
    "Processor seconds of something done in this process, its threads included."
    begun = time.process_time()
    work(*args)
    return time.process_time() - begun


def quiet(folder, cluster=None):
    return Way(cluster, False, say=lambda *_: None, folder=Path(folder))


def read_a_year(homes, folder):
    "Processor seconds, and bytes in the lake, of a home's year from a CSV file."
    with tempfile.TemporaryDirectory() as tmp:
        make_store(source := f"{tmp}/year.duckdb", homes, YEAR - 30)
        with LocalStore(source, read_only=True) as s:
            for h in s.distinct("consumption", "household_id"):
                s.read("consumption", household_id=h).to_csv(f"{folder}/{h}.csv", index=False)
    with open_store(f"lake:{folder}/lake", progress=False) as lake:
        seconds = used(lambda: ingest(lake, sorted(Path(folder).glob("*.csv"))))
    size = sum(f.stat().st_size for f in Path(folder, "lake", "consumption").rglob("*.parquet"))
    return seconds / homes, size / homes


def live_day(path, planner, homes):
    "Processor seconds of a home's day: 48 looks with a plan, 240 without."
    with LocalStore(path) as store:
        store.delete("consumption", start=NOON)
        loop, took = Loop(planner, store, log=lambda event, **facts: None), []
        for k in range(4):
            now = NOON + pd.Timedelta(minutes=5 * k)
            states = pd.DataFrame(dict(household_id=list(loop.homes), ts=now, soc=0.5, received_at=now))
            took.append((used(store.upsert, "states", states) + used(loop.tick, now)) / homes)
    return 48 * took[0] + 240 * sum(took[1:]) / 3


def with_workers(place, names, workers):
    "Processor seconds of a home's plan, of all processes together, and seconds by the clock."
    with tempfile.TemporaryDirectory() as folder, connected(f"local:{workers}", say=lambda *_: None) as client:
        client.run(lambda: place.planner() and None)
        plans_over(place, quiet(folder, client), NOON, homes=names[: 20 * workers])  # each has compiled
        all_of = lambda: sum(client.run(time.process_time).values()) + time.process_time()
        before, begun = all_of(), time.perf_counter()
        plans_over(place, quiet(folder, client), NOON, homes=names)
        return (all_of() - before) / len(names), time.perf_counter() - begun


def fleet_rows(cost, size, args):
    "A line for each fleet: what it takes, and cents of a home and year."
    for n in FLEETS:
        hours = {k: n * s / 3600 for k, s in cost.items()}
        year = hours["ingest"] + YEAR * hours["live"] + hours["evaluate"]
        cents = (year * args.core_cents + n * size / 1e9 * 12 * args.gb_cents) / n
        yield (
            f"| {n:,} | {hours['ingest']:,.1f} | {n * size / 1e9:,.1f} | {60 * hours['plan']:,.1f} | {hours['live'] / 24:,.1f} | "
            f"{hours['evaluate']:,.0f} | {cents:.1f} |"
        )


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--homes", type=int, default=200)
    ap.add_argument("--workers", type=int, default=4)
    ap.add_argument("--core-cents", type=float, default=5.0, help="of a core for an hour")
    ap.add_argument("--gb-cents", type=float, default=2.5, help="of a gigabyte for a month")
    args, load, cost = ap.parse_args(), os.getloadavg()[0], {}
    with tempfile.TemporaryDirectory() as folder:
        cost["ingest"], size = read_a_year(20, folder)
        make_store(path := f"{folder}/homes.duckdb", args.homes, 28)
        place = Place(path)
        planner, names = place.planner(), [f"home-{i:04}" for i in range(args.homes)]
        planned = lambda homes: plans_over(place, quiet(folder), NOON, homes=homes)
        planned(names[:2])  # what is compiled
        cost["plan"] = used(lambda: planned(names)) / args.homes
        scored = lambda homes: evaluate_over(place, quiet(folder), start(), start() + 28 * DAY, homes)
        scored(names[:2])
        cost["evaluate"] = used(lambda: scored(names)) / args.homes * YEAR / 28
        sizes = [args.homes * k // 4 for k in (1, 2, 4)]
        slope = [(n, *with_workers(place, names[:n], args.workers)) for n in sizes]
        cost["live"] = live_day(path, planner, args.homes)
    head = (
        f"{datetime.date.today()}, {len(os.sched_getaffinity(0))} cores of {cpu()}, Python {platform.python_version()}, load average {load:.1f} at the start; "
        f"{args.homes} homes made of the demo's; `python bench/fleet_cost.py{given(ap, args, ('homes', 'workers', 'core_cents', 'gb_cents'))}`.\n"
    )
    lines = [
        head, "| of one home | |", "| --- | ---: |",
        f"| a year of half hours from a CSV file into a lake | {cost['ingest']:.2f} s of a core, {size / 1e6:.2f} MB |",
        f"| a plan, with its reads | {1000 * cost['plan']:.0f} ms of a core |",
        f"| a day of the loop: 48 plans, a look every five minutes | {cost['live']:.1f} s of a core, {100 * cost['live'] / 86400:.3f} % |",
        f"| a year evaluated, one plan a day | {cost['evaluate']:.1f} s of a core |", "",
        f"| plans by {args.workers} workers | ms of a core a home, all processes | seconds |", "| ---: | ---: | ---: |",
        *(f"| {n} homes | {1000 * c:.0f} | {s:.1f} |" for n, c, s in slope), "",
        f"Multiplied, at {args.core_cents:g} cents for an hour of a core and {args.gb_cents:g} for a gigabyte and month; a year is one reading in, the loop, and one evaluation.", "",
        "| homes | a year read in, core hours | GB | all planned once, core minutes | cores for the loop | a year evaluated, core hours | cents a home and year |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |", *fleet_rows(cost, size, args),
    ]  # fmt: skip
    (Path(__file__).parent / "fleet_cost.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
