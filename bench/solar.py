"""Homes with panels: how far off the solar forecast is, and what a battery saves under tariffs, by plans that are made anew at every reading and by plans of a day; writes `bench/solar.md`.

.venv/bin/python bench/solar.py --export NBT25.csv    # export values by month, day and hour, as `read_tariff` takes them
"""

import argparse
import datetime
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from common import cpu
from energymvp.backtest.score import settle
from energymvp.backtest.simulate import AS_MODES, BEST, SELF, backtest
from energymvp.data.panel import load_panel, without_market
from energymvp.data.readers.tariffs import read_tariff
from energymvp.forecast.windows import Windows, fill_by_habit
from energymvp.planner import Planner, demo_store
from energymvp.planning.outlook import plain_outlook
from energymvp.planning.plan import plan_by_optimum
from energymvp.site.connection import Connection
from energymvp.site.rate_table import RateRow, RateTable
from energymvp.units import STEPS_PER_DAY, utc

ZONE = "America/Los_Angeles"
SPANS = {  # name -> local days; the first is where constants were chosen
    "October to March": ("2016-10-01", "2017-04-01"),
    "August, September": ("2016-08-29", "2016-10-01"),
    "April to July": ("2017-04-01", "2017-08-01"),
}
PLAIN, KWH, OURS = "7-day mean, half-and-half sun", "7-day mean, half-and-half sun, as modes", "T2 decisions"


def tariffs(export):
    "name -> tariff; export values where a file gives them, else 8 cents."
    flat = RateTable("flat 30 / 8", ZONE, (RateRow("import", add=30), RateRow("export", add=8)))
    what, paid = ("NBT25", dict(export=export, unit="usd_kwh")) if export else ("8 cents", dict(export=8))
    return {
        f"EV2-A, {what}": read_tariff("pge-ev2-a", **paid),
        f"TOU-D-PRIME, {what}": read_tariff("sce-tou-d-prime", **paid),
        "EV2-A, export unpaid": read_tariff("pge-ev2-a", export="none"),
        "flat 30 / 8": flat,
    }


def half_and_half(windows, home, step, observed):
    "Kept plain on purpose: half of yesterday and half of the mean of four weeks."
    days = windows.clock.to_steps(windows.sky.usual[home[:, None], windows.clock.at(step)[:, None] + np.arange(STEPS_PER_DAY)], step)
    at = windows.clock.at(step)[:, None] - STEPS_PER_DAY + np.arange(STEPS_PER_DAY)
    sun = 0.5 * (np.nan_to_num(windows.clock.to_steps(windows.wall_solar[home[:, None], at], step)) + days)
    seen = windows.observed_slots(windows.solar_is_hourly[home, step], step) if observed else np.zeros_like(step)
    for k in (0, 1):
        m = seen > k
        sun[m, k] = windows.solar[home[m], step[m] + k]
    return sun.astype(float)


def plain(windows):
    "Outlook of the plain plan."
    return lambda home, step, observed: replace(
        plain_outlook("week_mean", windows, home, step, observed), solar=half_and_half(windows, home, step, observed)
    )


def forecast_skill(windows, stop):
    "Of each home: RMSE skill over yesterday of forecasts at midnight, by the hour, over all days with 28 days of history; and the share of daylight in the band."
    steps, out, inside = np.arange(28 * STEPS_PER_DAY, stop - STEPS_PER_DAY), [], []
    local = windows.panel.ts[steps].tz_convert(ZONE)
    steps = steps[np.asarray((local.hour == 0) & (local.minute == 0))]
    days = windows.clock.at(steps)[:, None] - STEPS_PER_DAY + np.arange(STEPS_PER_DAY)
    measured = np.where(windows.panel.solar_measured, windows.solar, np.nan)
    for h in range(len(windows.load)):
        home = np.full(len(steps), h)
        band, true = windows.solar_ahead(home, steps, band=True), windows.ahead(measured, steps, STEPS_PER_DAY, stop, home)
        before = windows.clock.to_steps(windows.wall_solar[h][days], steps)
        whole = np.isfinite(true).all(1) & np.isfinite(before).all(1)
        by_hour = [x[whole].reshape(-1, 24, 2).sum(-1) for x in (band[:, 1], before, true)]
        told, yesterday = (np.sqrt(((x - by_hour[2]) ** 2).mean()) for x in by_hour[:2])
        light = whole[:, None] & (band[:, 2] > 0.01)
        out.append(1 - told / yesterday)
        inside.append(((band[:, 0] <= true) & (true <= band[:, 2]))[light].mean())
    return np.array(out), np.array(inside)


FONTANA = 34.1, -117.4  # of all homes with panels


def young_skill(panel, places, first=4, last=21, every=14):
    "Of each home: RMSE skill over yesterday, by the hour, at midnights of its first three weeks, were it to begin on every fourteenth day."
    wrong = np.zeros((2, len(panel.households)))
    for start in range(0, len(panel.ts) - 30 * STEPS_PER_DAY, every * STEPS_PER_DAY):
        part = replace(panel, solar=np.where(np.arange(len(panel.ts)) < start, np.nan, panel.solar), solar_measured=None, places=places)
        windows = Windows(part)
        for h in range(len(panel.households)):
            steps = start + STEPS_PER_DAY * np.arange(first, last)
            home, day = np.full(len(steps), h), steps[:, None] + np.arange(STEPS_PER_DAY)
            true, before = panel.solar[h][day], panel.solar[h][day - STEPS_PER_DAY]
            whole = np.isfinite(true).all(1) & np.isfinite(before).all(1)
            by_hour = [x[whole].reshape(-1, 24, 2).sum(-1) for x in (windows.solar_ahead(home, steps), before, true)]
            wrong[:, h] += [((x - by_hour[2]) ** 2).sum() for x in by_hour[:2]]
    return 1 - np.sqrt(wrong[0] / wrong[1])


def limited_error(panel, share, known):
    "Hourly RMSE, kWh, of forecasts at midnight of what panels could make, where export is limited to a share of their peak; mean over homes."
    out = []
    for h in panel.households:
        one = panel.homes([h])
        limit = Connection(export_limit=round(2 * share * float(np.nanmax(one.solar)), 3))
        cut = np.minimum(one.solar, one.load + limit.export_limit / 2)
        windows, true = Windows(replace(one, solar=cut if known is not None else one.solar), limit if known else None), Windows(one)
        if known == "left out":
            windows.wall_solar = np.where(windows.clock.read(windows.limited), np.nan, windows.clock.read(windows.solar))
        steps = np.arange(28 * STEPS_PER_DAY, len(panel.ts) - STEPS_PER_DAY, STEPS_PER_DAY)
        home = np.zeros(len(steps), int)
        could = true.ahead(true.solar, steps, STEPS_PER_DAY, len(panel.ts), home)
        e = (windows.solar_ahead(home, steps) - could)[np.isfinite(could).all(1)].reshape(-1, 24, 2).sum(-1)
        out.append(np.sqrt((e**2).mean()))
    return float(np.mean(out))


def sun_alone(panel, stop):
    "The solar forecast with and without the home's place, in the first weeks, and under a limit of export."
    places = dict.fromkeys(panel.households, FONTANA)
    for name, p in (("no place", None), ("place", places)):
        skill, inside = forecast_skill(Windows(replace(panel, places=p)), stop)
        print(f"{name}: RMSE skill {skill.mean():.3f}, worst {skill.min():.3f}; {100 * inside.mean():.0f} % in the band", skill.round(3))
        print(f"  in the first three weeks {young_skill(panel, p).mean():.3f}")
    for share in (0.0, 0.25, 0.5):
        says = ("without a limit", None), ("as metered", False), ("left out where limited", "left out"), ("clear sky there", True)
        print(f"limit {share:g} of the peak, RMSE kWh:", {name: round(limited_error(panel, share, known), 3) for name, known in says})


ROWS = dict(
    replanned=["self-consumption", "cheap hours", PLAIN, "7-day mean + optimizer", "T2 price + optimizer", OURS],
    committed=["self-consumption", PLAIN, KWH, "T2 decisions", "T2, as modes"],
)


def shares(windows, models, start, stop, site, mode):
    "policy -> share of perfect foresight of each home in %, and cents that each saves a day; what a home pays a year without a battery and with each policy, dollars."
    others = {PLAIN: (plain(windows), plan_by_optimum)} | ({KWH: (plain(windows), AS_MODES)} if mode == "committed" else {})
    names = [*ROWS[mode], BEST, "no battery"]
    runs, scored = backtest(windows, models, start, stop, site, mode, 0.2, names, others=others, progress=False)
    settled = settle(scored, windows, start, site)
    cents = {r.policy: settled.earned(r).sum(1) for r in runs}
    paid = {r.policy: 3.65 * settled.bills(r) / (scored.sum(1) / STEPS_PER_DAY) for r in runs}
    return {p: 100 * c / cents[BEST] for p, c in cents.items()}, paid


def table(heads, rows):
    return [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}", *(f"| {' | '.join(r)} |" for r in rows), ""]


def write(found, skill, inside, homes, path, command):
    text = [f"{datetime.date.today()}, {cpu()}, Python {platform.python_version()}. Made by `bench/solar.py{command}`.", ""]
    text += [
        f"Homes {homes[0]} to {homes[-1]} with what their panels made, 13.5 kWh of battery each, the shipped models, no weather. T1 was trained on ten of "
        "these homes up to the middle of May 2017, so its part in the first spans is of its training time; it moves the days that may come half-way "
        "to its mean, which is worth 0.1 to 0.2 points. Constants were chosen on October to March; the other months were seen beside them. Prices of 2026 on "
        f"days of 2016 and 2017. `{PLAIN}` is the plain plan: half of yesterday's sun and half of the four-week mean, the optimizer on it. "
        "Share of perfect foresight, mean over homes, in brackets the worst home.", "",
        f"Solar forecast at midnight: RMSE skill over yesterday {skill.mean():.3f} in the mean of the homes, {skill.min():.3f} in the worst; "
        f"{100 * inside.mean():.0f} % of daylight in the band.", "",
    ]  # fmt: skip
    text += table(["home", *(h.removeprefix("fontana-") for h in homes)], [["RMSE skill", *(f"{x:.3f}" for x in skill)]])
    for mode, names in ROWS.items():
        for name in found:
            text += [f"**{name}**, {'a new plan at every reading' if mode == 'replanned' else 'one plan a day'}", ""]
            cell = lambda x: f"{x.mean():.1f} ({x.min():.1f})"
            text += table(["policy", *SPANS], [[p, *(cell(found[name][mode, s][0][p]) for s in SPANS)] for p in names])
    text += [
        "Home by home, April to July, a new plan at every reading: share of perfect foresight by the plain plan and by T2's decisions, and a year's bill in dollars.",
        "",
    ]
    for name in found:
        share, paid = found[name]["replanned", "April to July"]
        rows = [[label, *(f"{x:.1f}" for x in share[p])] for label, p in (("plain plan, %", PLAIN), ("T2 decisions, %", OURS))]
        rows += [[f"bill, {p}", *(f"{x:,.0f}" for x in paid[p])] for p in ("no battery", SELF, OURS, BEST)]
        text += [f"**{name}**", "", *table(["home", *(h.removeprefix("fontana-") for h in homes)], rows)]
    Path(path).write_text("\n".join(text).rstrip() + "\n")


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--export", help="file of export values by month, day and hour, in $/kWh, for two of the tariffs; else 8 cents")
    p.add_argument("--tariffs", type=int, default=4, help="so many of the four")
    p.add_argument("--out", default="bench/solar.md")
    p.add_argument("--sun", action="store_true", help="print only what the home's place and its export limit do to the solar forecast")
    args = p.parse_args()
    planner = Planner.pretrained()
    with demo_store(solar=True) as store:
        homes = store.distinct("meters", "household_id")
        panel = without_market(load_panel(store, ZONE, homes, need_prices=False))
    windows, stop = Windows(fill_by_habit(panel)), len(panel.ts) - 2
    if args.sun:
        raise SystemExit(sun_alone(windows.panel, stop))
    found, at = {}, lambda day: min(panel.step(utc(pd.Timestamp(day, tz=ZONE))), stop)
    for name, tariff in [*tariffs(args.export).items()][: args.tariffs]:
        site = replace(planner.site, tariff=tariff)
        found[name] = {(m, s): shares(windows, planner.models, at(a), at(z), site, m) for m in ROWS for s, (a, z) in SPANS.items()}
        print(name, {k: f"{v[0][ROWS[k[0]][-1]].mean():.1f}" for k, v in found[name].items()}, flush=True)
        write(found, *forecast_skill(windows, stop), homes, args.out, " --export NBT25.csv" if args.export else "")
    print(Path(args.out).read_text())
