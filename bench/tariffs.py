"""What a battery earns under real tariffs: the shipped models and plain policies on the homes and weeks of the demo's test; writes `bench/tariffs.md`.

.venv/bin/python bench/tariffs.py
"""

import argparse
import datetime
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import cpu
from energymvp.backtest.score import score
from energymvp.backtest.simulate import MODES, backtest
from energymvp.data.readers.tariffs import read_tariff
from energymvp.forecast.windows import Windows, fill_by_habit
from energymvp.planner import Planner, demo_store
from energymvp.planning.outlook import plain_outlook
from energymvp.units import STEPS_PER_DAY, utc

TARIFFS = {  # name in the table -> tariff and what export earns
    "EV2-A, export unpaid": ("pge-ev2-a", "none"),
    "EV2-A, export 8 cents": ("pge-ev2-a", 8),
    "E-TOU-C, net metering": ("pge-e-tou-c", "import"),
    "TOU-D-PRIME, export 5 cents": ("sce-tou-d-prime", 5),
    "Agile, export unpaid": ("octopus-agile", "none"),
}
POLICIES = [
    "7-day mean + optimizer",
    "yesterday + optimizer",
    "T2 decisions",
    "T2 price + optimizer",
    "7-day mean, as modes",
    "T2, as modes",
    "perfect foresight",
]
TIMER, BEST = "timer", "perfect foresight"


def timer(outlook, soc, reserve, site):
    "Fill at the day's least price, and serve the home the rest of the time."
    buy, _ = outlook.prices(site)
    return np.where(buy <= buy.min(1, keepdims=True) + 1e-9, site.battery.max_charge, -np.maximum(outlook.load, 0))


def as_it_comes(windows):
    "An outlook whose load is the actual one: an inverter that serves the home follows the load and needs no forecast."
    ahead = lambda home, step: windows.ahead(windows.load, step, STEPS_PER_DAY, windows.load.shape[1], home)
    return lambda home, step, observed: replace(
        plain_outlook("week_mean", windows, home, step), load=np.nan_to_num(ahead(home, step)).astype(float)
    )


def rows_of(planner, windows, start, stop, source, export):
    "(mode, policy) -> row of the score, and the bill without a battery."
    out = {}
    site = replace(planner.site, tariff=read_tariff(source, export=export))
    others = {TIMER: (as_it_comes(windows), timer)}
    for mode in MODES:
        runs, scored = backtest(
            windows, planner.models, start, stop, site, mode, 0.2, [TIMER, *POLICIES, "no battery"], others=others, progress=False
        )
        table = score(runs, scored, windows, start, site).set_index("policy")
        out |= {(mode, name): row for name, row in table.iterrows()}
    return out


def write(found, homes, span, path):
    text = f"{datetime.date.today()}, {cpu()}, Python {platform.python_version()}. Made by `bench/tariffs.py`.\n\n"
    text += (
        f"{homes} homes of the demo, {span}, the battery of the demo (13.5 kWh), the shipped models: trained on ten of these homes up to where "
        "this span begins, on market prices, and on no tariff. Tariffs of 2026 on the days of 2017: what these homes would pay under them. "
        "`timer` fills the battery at the day's least price and serves the home, as it comes, the rest of the time: what an inverter does "
        "that is set by hand; it sees the load of each half hour, as an inverter does, where a committed plan in kWh only expects it; as modes it follows it, too. "
        "Share of what perfect foresight saves at the tariff, in %; the bill is in cents per home and day, with tiers and fixed charges. What is "
        "left in the battery at the end of the span counts for nothing: a policy that fills it on the last evening for the day after pays "
        "for that, which is up to 5 cents a day here (in a week of one home looked at closely, the points between committed and replanned at E-TOU-C were this alone).\n\n"
    )
    names = [TIMER, *POLICIES[:-1]]
    for mode in MODES:
        text += f"| {mode}, % of best | {' | '.join(found)} |\n| --- |{' ---: |' * len(found)}\n"
        for name in names:
            if (mode, name) not in next(iter(found.values())):
                continue  # what is planned again at every reading needs no modes
            cells = [f"{r[mode, name].share_of_perfect_foresight_percent:.1f}" for r in found.values()]
            text += f"| {name} | {' | '.join(cells)} |\n"
        if mode == MODES[0]:
            for name in (BEST, "no battery"):
                what = "perfect foresight saves, cents a day" if name == BEST else "bill without a battery, cents a day"
                column = "profit_cents_per_day" if name == BEST else "bill_cents_per_day"
                text += f"| {what} | {' | '.join(f'{r[mode, name][column]:.0f}' for r in found.values())} |\n"
        text += "\n"
    Path(path).write_text(text.rstrip() + "\n")


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--weeks", type=int, default=10)
    p.add_argument("--out", default="bench/tariffs.md")
    args = p.parse_args()
    planner = Planner.pretrained()
    with demo_store() as store:
        start, panel = planner.test_panel(store, utc(planner.models.meta["spans"]["test"]))
    windows = Windows(fill_by_habit(panel))
    first = panel.step(start)
    stop = min(first + args.weeks * 7 * STEPS_PER_DAY, panel.step(panel.span[1]))
    found = {name: rows_of(planner, windows, first, stop, *how) for name, how in TARIFFS.items()}
    span = f"{panel.ts[first].tz_convert(panel.timezone):%Y-%m-%d} to {panel.ts[stop - 1].tz_convert(panel.timezone):%Y-%m-%d}"
    write(found, len(panel.households), span, args.out)
    print(Path(args.out).read_text())
