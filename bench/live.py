"""A month of homes with panels run by the live loop: as it goes, with a fault every hour, loops killed for good among them, and by self-consumption; writes `bench/live.md`.

.venv/bin/python bench/live.py --days 31
"""

import argparse
import datetime
import platform
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from common import cpu, given
from energymvp.data.readers.tariffs import read_tariff
from energymvp.live.simulate import Faults, lived, simulate
from energymvp.optimizer.optimum import perfect_foresight
from energymvp.planner import Planner, demo_store
from energymvp.units import HALF_HOUR, day_start, utc

ZONE, SOC = "America/Los_Angeles", 0.5
TARIFFS = {"pge-ev2-a": ["fontana-01", "fontana-02", "fontana-03"], "sce-tou-d-prime": ["fontana-04", "fontana-05"]}  # export pays 8 cents
GOES, BAD, ALONE = "as it goes", "a fault every hour", "self-consumption"


def one(tariff, run, start, days):
    "The table of one run, its faults, commands, and what it took; beside the run as it goes also what the homes save by themselves, and at best."
    planner, homes = Planner.pretrained(tariff=read_tariff(tariff, export=8)), TARIFFS[tariff]
    begun, used = time.perf_counter(), time.process_time()
    with TemporaryDirectory() as folder, demo_store(*homes, solar=True) as source:
        how = dict(faults=Faults(), path=f"{folder}/live.duckdb") if run == BAD else {}
        found = simulate(planner, source, homes, start, days, soc=SOC, **how)
        took = dict(seconds=time.perf_counter() - begun, cpu=time.process_time() - used)
        there = lived(planner, source, homes, start, days, SOC) if run == GOES else []
    best, alone = sum(map(at_best, there)), sum(map(by_itself, there))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return dict(tariff=tariff, run=run, table=found.table, saved=found.saved, best=best, alone=alone, faults=found.faults, commands=len(found.commands), memory=memory, **took)  # fmt: skip


def by_itself(home):
    "Cents that a battery saves to which nobody talks."
    for t in pd.date_range(home.start, periods=len(home.load) * home.parts, freq=HALF_HOUR / home.parts):
        home.run(t)
    bill = home.site.bill(0.0, home.load, home.solar, home.buy, home.sell).sum()
    return float(bill - home.cents + home.worth * (home.stored - home.began))


def at_best(home):
    "Cents that a battery could have saved with hindsight, what it holds at the end counted as in a run."
    flows = dict(load=home.load, solar=home.solar, sell_price=home.sell, connection=home.site.connection)
    found = perfect_foresight(home.buy, home.site.battery, soc_start=home.began, end_value=home.worth, **flows)
    bill = lambda energy: home.site.bill(energy, home.load, home.solar, home.buy, home.sell).sum()
    return float(bill(0.0) - bill(found.energy) + home.worth * (found.soc[..., -1].item() - home.began))


def text(done, start, days, command):
    "The page."
    of = {(d["tariff"], d["run"]): d for d in done}
    total = lambda run, key="saved": sum(of[t, run][key] for t in TARIFFS)
    kinds = {k: sum(d["faults"].get(k, 0) for d in done if d["run"] == BAD) for k in of[[*TARIFFS][0], BAD]["faults"]}
    tables = {run: pd.concat([of[t, run]["table"] for t in TARIFFS]) for run in (GOES, BAD)}
    lines = [
        f"{datetime.date.today()}, {cpu()}, Python {platform.python_version()}. Made by `bench/live.py{command}`.", "",
        f"{days} days from {start:%Y-%m-%d} on, {sum(map(len, TARIFFS.values()))} homes of the demo with their panels, the shipped models, 13.5 kWh of battery each, a state and a "
        f"look every five minutes, half full at the start. Export pays 8 cents. "
        "The loop keeps the reserve of the rules, the usual load of an hour, for the home; a battery to which nobody talks and the best possible here do not, so both stand higher than in a backtest. T1 was trained on these homes, up to "
        "the middle of May 2017.", "",
        "| cents saved | " + " | ".join(f"{t} ({len(h)} homes)" for t, h in TARIFFS.items()) + " | all | of the best |",
        "| --- |" + " ---: |" * (len(TARIFFS) + 2),
    ]  # fmt: skip
    best = total(GOES, "best")
    row = lambda name, values: (
        f"| {name} | {' | '.join(f'{v:,.0f}' for v in values)} | {sum(values):,.0f} | {100 * sum(values) / best:.1f} % |"
    )
    lines += [row(name, [of[t, name]["saved"] for t in TARIFFS]) for name in (GOES, BAD)]
    lines += [row(ALONE, [of[t, GOES]["alone"] for t in TARIFFS])]
    lines += [row("perfect foresight", [of[t, GOES]["best"] for t in TARIFFS]), ""]
    t = tables[BAD]
    lines += [
        f"With faults the loop keeps {100 * total(BAD) / total(GOES):.1f} % of what it earns without. Faults: {', '.join(f'{k} {n}' for k, n in kinds.items())}. "
        f"Readings lost: {t.lost_readings.sum()}; steps in which a battery did what it cannot or may not: {t.infeasible_steps.sum()}; hours in which no command held and no fault "
        f"says why: {t.unexplained_hours.sum():.1f}; hours in which homes served themselves for safety: {t.safe_hours.sum():.1f} of {24 * days * len(t):,} "
        f"({tables[GOES].safe_hours.sum():.1f} as it goes).", "",
        "| run | tariff | commands | CPU seconds of a home's day | times as fast as time | peak memory, GB |", "| --- | --- | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for d in done:
        n = days * len(d["table"])
        lines.append(
            f"| {d['run']} | {d['tariff']} | {d['commands']:,} | {d['cpu'] / n:.1f} | {86400 * n / d['cpu']:,.0f} | {d['memory']:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--days", type=int, default=31)
    p.add_argument("--start", default="2017-03-01", help="first local day")
    p.add_argument("--out", default="bench/live.md")
    args = p.parse_args()
    start = day_start(utc(pd.Timestamp(args.start, tz=ZONE)), ZONE)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(one, tariff, run, start, args.days) for run in (GOES, BAD) for tariff in TARIFFS]
        done = [j.result() for j in jobs]
    Path(args.out).write_text(text(done, start.tz_convert(ZONE), args.days, given(p, args, ["days", "start"])))
    print(Path(args.out).read_text())
