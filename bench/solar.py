"""Homes with panels: how far off the solar forecast is, and what a battery saves under tariffs, by plans that are made anew at every reading and by plans of a day; writes `bench/solar.md`.

.venv/bin/python bench/solar.py --export NBT25.csv    # export values by month, day and hour, as `read_tariff` takes them
"""

import argparse
import datetime
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import cpu
from energymvp.backtest.simulate import AS_MODES, BEST, MODES, SELF, backtest
from energymvp.backtest.score import earned, score
from energymvp.data.ingest import ingest_demo
from energymvp.data.panel import load_panel, without_market
from energymvp.data.readers.tariffs import read_tariff
from energymvp.data.stores import LocalStore
from energymvp.forecast.windows import Windows, fill_by_habit
from energymvp.planner import Planner
from energymvp.planning.outlook import plain_outlook
from energymvp.planning.plan import plan_by_optimum, plan_by_value
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


def forecast_skill(windows, start, stop):
    "RMSE skill over yesterday of each home, of forecasts at midnight, by the hour, over all days with 28 days of history."
    steps = np.arange(start + 28 * STEPS_PER_DAY, stop - STEPS_PER_DAY)
    steps = steps[np.asarray(windows.panel.ts[steps].tz_convert(ZONE).hour == 0) & (windows.panel.ts[steps].minute == 0)]
    hours = lambda x: x.reshape(*x.shape[:-1], 24, 2).sum(-1)
    out, inside = [], []
    for h in range(len(windows.load)):
        home = np.full(len(steps), h)
        band = windows.solar_ahead(home, steps, band=True)
        true = windows.ahead(np.where(windows.panel.solar_measured, windows.solar, np.nan), steps, STEPS_PER_DAY, stop, home)
        before = windows.clock.to_steps(
            windows.wall_solar[h][windows.clock.at(steps)[:, None] - STEPS_PER_DAY + np.arange(STEPS_PER_DAY)], steps
        )
        whole = np.isfinite(true).all(1) & np.isfinite(before).all(1)
        error = lambda f: np.sqrt(((hours(f) - hours(true))[whole] ** 2).mean())
        out.append(1 - error(band[:, 1]) / error(before))
        light = whole[:, None] & (band[:, 2] > 0.01)
        inside.append(((band[:, 0] <= true) & (true <= band[:, 2]))[light].mean())
    return np.array(out), np.array(inside)


def shares(windows, models, start, stop, site, mode, policies, others):
    "policy -> (share of perfect foresight of each home, cents that each home and day saves), and the score."
    runs, scored = backtest(
        windows, models, start, stop, site, mode, 0.2, [*policies, *others, BEST, "no battery"], others=others, progress=False
    )
    cents = {r.policy: earned(r, scored, windows, start, site).sum(1) for r in runs}
    days = scored.sum(1) / STEPS_PER_DAY
    return {p: (100 * c / cents[BEST], c / days) for p, c in cents.items()}, score(runs, scored, windows, start, site).set_index("policy")
