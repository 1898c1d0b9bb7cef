"""The exact optimizer against solvers, side by side on the demo's prices and homes; writes `bench/optimizer.md`.

With `--cpu` it counts the CPU time of this process, on one core, for a machine that is busy with other things.
"""

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import highspy
import numpy as np
from common import cpu
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.sparse import bmat, coo_array, eye_array

from energymvp.site.battery import Battery
from energymvp.data.panel import load_panel
from energymvp.data.ingest import ingest_demo
from energymvp.data.stores import LocalStore
from energymvp.optimizer.optimum import dispatch, perfect_foresight, value_slopes

ROOT = Path(__file__).resolve().parents[1]
PEER = "energypylinear==1.4.1"  # with old pins, so it lives in an environment of its own
YEAR, BATCH, SPREAD = 17_520, 10_000, 5.0
b = Battery()
BUSY = "--cpu" in sys.argv[1:]
TIME = time.process_time if BUSY else time.perf_counter
CORES = sorted(os.sched_getaffinity(0))[: 1 if BUSY else None] if hasattr(os, "sched_getaffinity") else []
LOAD = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
rows = []


def cores(n):
    if CORES:
        os.sched_setaffinity(0, CORES[:n])


def clock(f, repeat, least=0.0):
    "Median seconds of one call."
    f()
    t, end = [], TIME() + least
    while len(t) < repeat or TIME() < end:
        a = TIME()
        f()
        t.append(TIME() - a)
    return float(np.median(t))


def say(seconds):
    unit, scale = ("s", 1) if seconds >= 1 else ("ms", 1e3) if seconds >= 1e-3 else ("µs", 1e6)
    return f"{seconds * scale:.3g} {unit}"


def row(problem, method, seconds, ours, difference=None, aim=None, single=None):
    "One line of the table; `ours` and `single` are our seconds on all cores and on one."
    ratio, like = seconds / ours, seconds / (single or ours)
    verdict = "" if aim is None else f"{aim}: {'met' if ratio >= aim else 'MISSED'}"
    if aim is not None and ratio >= aim > like:
        verdict += " with all cores, missed on one"
    times = lambda x: f"{x:,.0f}" if x >= 10 else f"{x:.2g}"
    diff = "" if difference is None else difference if isinstance(difference, str) else f"{difference:.0e}"
    rows.append((problem, method, say(seconds), times(ratio), times(like), diff, verdict))
    print(" | ".join(rows[-1]), flush=True)


def demo():
    "Half-hourly prices (n,), the few below zero set to zero so that an LP can follow, and the homes' loads (homes, n)."
    with tempfile.TemporaryDirectory() as tmp, LocalStore(Path(tmp) / "demo.duckdb") as store:
        ingest_demo(store)
        p = load_panel(store, "America/Los_Angeles")
    known = np.isfinite(p.price)
    return np.maximum(p.price[known].astype(float), 0), p.load[:, known].astype(float)


def program(T):
    "The linear programme of T half hours: stored in, stored out, import, export, charge; and its limits. Costs and loads come later."
    one, none = eye_array(T), coo_array((T, T))
    keep = one - eye_array(T, k=-1)
    A = bmat([[-one, one, none, none, keep], [-one / b.eta, one * b.eta, one, -one, none]]).tocsc()
    up, down = b.max_charge * b.eta, b.max_discharge / b.eta
    lower = np.repeat([0.0, 0, 0, 0, b.energy_min], T)
    upper = np.repeat([up, down, np.inf, np.inf, b.energy_max], T)
    return A, lower, upper


def costs(price, sell):
    zero = np.zeros(2 * len(price))
    return np.concatenate([zero, price, -sell, zero[: len(price)]])


def right(load):
    return np.concatenate([[b.energy_min], np.zeros(len(load) - 1), load])


def alone(price, sell, load):
    "Cents that the household pays without a battery."
    return np.where(load > 0, price, sell) @ load


class Highs:
    "highspy with the model kept: only costs and the right-hand side change, and the last basis is the start."

    def __init__(self, T):
        A, lower, upper = program(T)
        lp, inf = highspy.HighsLp(), highspy.kHighsInf
        lp.num_col_, lp.num_row_ = 5 * T, 2 * T
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.zeros(5 * T), lower, np.where(np.isfinite(upper), upper, inf)
        lp.row_lower_ = lp.row_upper_ = np.zeros(2 * T)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = A.indptr, A.indices, A.data
        self.h, self.cols, self.rows = highspy.Highs(), np.arange(5 * T, dtype=np.int32), np.arange(2 * T, dtype=np.int32)
        self.h.setOptionValue("output_flag", False)
        self.h.passModel(lp)

    def __call__(self, price, sell, load):
        rhs = right(load)
        self.h.changeColsCost(len(self.cols), self.cols, costs(price, sell))
        self.h.changeRowsBounds(len(self.rows), self.rows, rhs, rhs)
        self.h.run()
        assert self.h.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return alone(price, sell, load) - self.h.getInfo().objective_function_value


class Scipy:
    def __init__(self, T):
        self.A, lower, upper = program(T)
        self.bounds = np.column_stack([lower, upper])

    def __call__(self, price, sell, load):
        r = linprog(costs(price, sell), A_eq=self.A, b_eq=right(load), bounds=self.bounds, method="highs")
        assert r.status == 0, r.message
        return alone(price, sell, load) - r.fun


def honest(price, limit):
    "HiGHS with a binary at each negative price, which an LP would use to burn energy: profit, whether proven best."
    T = len(price)
    A, lower, upper = program(T)
    neg = np.flatnonzero(price < 0)
    k, n = len(neg), np.arange(len(neg))
    pick = coo_array((np.ones(k), (n, neg)), shape=(k, T)).tocsr()
    up, down = upper[0], upper[T]
    both = bmat([[pick, None, coo_array((k, 3 * T)), -up * eye_array(k)], [None, pick, coo_array((k, 3 * T)), down * eye_array(k)]])
    A = bmat([[A, coo_array((2 * T, k))], [both.tocsc()[:, : 5 * T], both.tocsc()[:, 5 * T :]]]).tocsr()
    rhs, most = right(np.zeros(T)), up / b.eta + down * b.eta
    con = LinearConstraint(A, np.concatenate([rhs, np.full(2 * k, -np.inf)]), np.concatenate([rhs, np.zeros(k), np.full(k, down)]))
    r = milp(
        np.concatenate([costs(price, price), np.zeros(k)]),
        constraints=con,
        bounds=(np.append(lower, np.zeros(k)), np.append(np.where(np.isinf(upper), most, upper), np.ones(k))),
        integrality=np.append(np.zeros(5 * T), np.ones(k)),
        options=dict(mip_rel_gap=1e-9, time_limit=limit),
    )
    return (None if r.x is None else -r.fun), r.status == 0


def against(solver, price, sell, load, n, profit):
    "Median seconds a day of `solver` over the first `n` days, and the largest difference in profit."
    solver(price[0], sell[0], load[0])
    t, got = [TIME()], []
    for i in range(n):
        got.append(solver(price[i], sell[i], load[i]))
        t.append(TIME())
    return float(np.median(np.diff(t))), np.abs(np.array(got) - profit[:n]).max()


PEER_CODE = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import energypylinear as epl
p = json.load(sys.stdin)
out = []
for price in p["price"]:
    a = time.perf_counter()
    r = epl.Battery(electricity_prices=price, **p["battery"]).optimize(verbose=False)
    s = time.perf_counter() - a
    x = r.results
    out.append((s, -sum(c * (i - e) for c, i, e in zip(price, x["site-import_power_mwh"], x["site-export_power_mwh"]))))
print("RESULT", json.dumps(out[1:]))
"""


def peer(price, profit):
    """energypylinear as its user would call it. It knows megawatts, one price of all losses while charging, and no lower bound of
    the charge: energy is counted as it leaves the battery, from the bottom up, and all sizes are times a thousand."""
    home = ROOT / ".venv-bench"
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    battery = dict(
        power_mw=b.charge_power,
        capacity_mwh=b.usable * b.eta,
        efficiency_pct=b.efficiency,
        initial_charge_mwh=0.0,
        final_charge_mwh=None,
        freq_mins=30,
    )
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", home], check=True, capture_output=True, text=True)
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", PEER]
        subprocess.run(pip, check=True, capture_output=True, text=True)
        asked = json.dumps(dict(price=price[[0, *range(len(price))]].tolist(), battery=battery))
        r = subprocess.run([python, "-c", PEER_CODE], input=asked, check=True, capture_output=True, text=True)
        t, got = np.array(json.loads(r.stdout.split("RESULT")[1])).T
        return float(np.median(t)), float(np.abs(got - profit).max())
    except Exception as e:  # a peer that cannot be installed must not stop the run
        return ((getattr(e, "stderr", None) or str(e)).strip().splitlines() or ["no reason given"])[-1][:120]


def main():
    price, load = demo()
    rng = np.random.default_rng(0)
    at, home = rng.integers(0, len(price) - 48, 40 * BATCH)[:, None] + np.arange(48), rng.integers(0, len(load), 40 * BATCH)
    good = np.isfinite(load[home[:, None], at]).all(1)
    at, home = at[good][:BATCH], home[good][:BATCH]
    P, L = price[at], load[home[:, None], at]
    none = np.zeros_like(P)
    assert len(P) == BATCH
    best = lambda p, **k: perfect_foresight(p, b, soc_start=b.energy_min, **k)
    print(f"{len(price)} half hours of prices, {BATCH} household-days", flush=True)

    cores(1)
    day = clock(lambda: best(P[0]), 2000)
    row("one day, one call", "perfect_foresight, 1 core", day, day)
    worth = value_slopes(P[0], b)[1:]
    for what, call in (
        ("perfect_foresight, load and a price of export", lambda: best(P[0] + SPREAD, sell_price=P[0], load=L[0])),
        ("value_slopes", lambda: value_slopes(P[0], b)),
        ("dispatch", lambda: dispatch(P[0], b, worth, soc_start=b.energy_min)),
    ):
        row("one day, one call", f"{what}, 1 core", clock(call, 2000), day)
    aims = dict(scipy=500, highspy=40, year=100)
    below = P - np.quantile(price, 0.1)
    tenth = "a tenth of prices negative"
    for name, buy, sell, l in (("no load", P, P, none), ("load, 5-cent spread", P + SPREAD, P, L), (tenth, below, below, none)):
        more = dict(sell_price=sell, load=l) if l is L else {}
        cores(1)
        o = best(buy, **more)
        single = clock(lambda buy=buy, more=more: best(buy, **more), 25) / BATCH
        cores(len(CORES))
        both = clock(lambda buy=buy, more=more: best(buy, **more), 25) / BATCH
        cores(1)
        what = f"{BATCH:,} days, {name}"
        row(what, f"perfect_foresight, {max(len(CORES), 1)} cores", both, both, single=single)
        row(what, "perfect_foresight, 1 core", single, both, single=single)
        for method, solver, n, aim in (
            ("scipy linprog (HiGHS), one LP a day", Scipy(48), 300, aims["scipy"]),
            ("highspy, model kept and warm", Highs(48), 1000, aims["highspy"]),
        ):
            s, diff = against(solver, buy, sell, l, n, o.profit)
            burns = f"{diff:.0e}, since it burns energy in the losses"
            row(what, method, s, both, burns if name == tenth else diff, None if name == tenth and "highspy" in method else aim, single)
            if name == "no load":
                row("one day, one call", method, s, day, diff)
        if name == "no load":
            got = peer(P[:5], o.profit[:5])
            if isinstance(got, str):
                rows.append((what, PEER, "failed", "", "", got, ""))
            else:
                row(what, PEER.replace("==", " "), got[0], both, got[1], single=single)

        if name == tenth:
            s, diff = against(lambda p, *_: honest(p, 60)[0], buy, sell, l, 100, o.profit)
            row(what, "scipy milp (HiGHS), binaries where negative", s, both, diff, aims["scipy"], single)

    year = np.resize(price, YEAR)
    gap = np.quantile(year, 0.18)
    for name, p in (("one year", year), (f"one year, {(year < gap).mean():.0%} of prices negative", year - gap)):
        o = best(p)
        ours = clock(lambda p=p: best(p), 25)
        row(name, "perfect_foresight, 1 core", ours, ours)
        if p.min() >= 0:
            for method, make in (("scipy linprog (HiGHS)", Scipy), ("highspy", Highs)):
                solver = make(YEAR)
                a = TIME()
                got = solver(p, p, np.zeros(YEAR))
                row(name, method, TIME() - a, ours, abs(got - o.profit), aims["year"])
        else:
            limit, a = 300, TIME()
            got, done = honest(p, limit)
            took = TIME() - a
            what = "no plan found" if got is None else f"{abs(got - o.profit):.0e}" if done else f"{o.profit - got:.3g} short, stopped"
            row(name, "scipy milp (HiGHS), binaries where negative", took, ours, what, aims["year"])

    print("linearity", flush=True)
    cores(1)
    long, wide = [], []
    for T in (48, 480, 4800, 17_520, 175_200):
        x = np.resize(price, T)
        long.append((T, clock(lambda x=x: best(x), 3, 0.5) / T))
    for n in (1, 10, 100, 1000, 10_000):
        wide.append((n, clock(lambda n=n: best(P[:n]), 3, 0.5) / n))
    cores(len(CORES))
    write(long, wide)


def write(long, wide):
    table = lambda head, body: "\n".join("| " + " | ".join(map(str, r)) + " |" for r in (head, ["---"] * len(head), *body))
    libs = ", ".join(f"{n} {version(n)}" for n in ("numpy", "numba", "scipy", "highspy"))
    missed = [f"{r[0]} against {r[1]} ({r[3]} times, aim {r[6].split(':')[0]})" for r in rows if "MISSED" in r[6]]
    alone = "" if any("missed on one" in r[6] for r in rows) else ", and with one"
    text = f"""{datetime.date.today()}, {max(len(CORES), 1)} cores of {cpu()}, Python {platform.python_version()}, {libs}; load average {LOAD} at the start. Made by `{"python bench/optimizer.py --cpu`: CPU time, not wall time, since the machine was busy" if BUSY else "make bench`"}.

Prices (the few below zero set to zero) and homes of the demo data, half-hourly, default battery, empty at the start. {"CPU time" if BUSY else "Time"} is the median, per day for days and per year for years; solvers run on one core, so the batches have two ratios; the difference in profit is the largest one, in cents.

{table(("problem", "method", "time", "times ours", "ours on one core", "difference", "aim"), rows)}

{"Aims missed: " + "; ".join(missed) + "." if missed else f"All aims are met, with all cores in the batches{alone}."} The solvers stop at tolerances of their own, which is what the small differences are.

Linear in length and in number, on one core:

{table(("half hours in one series", *(f"{n:,}" for n, _ in long)), [("ns per half hour", *(f"{t * 1e9:.0f}" for _, t in long))])}

{table(("days in one call", *(f"{n:,}" for n, _ in wide)), [("µs per day", *(f"{t * 1e6:.1f}" for _, t in wide))])}
"""
    (ROOT / "bench" / "optimizer.md").write_text(text)
    print("\n" + text)


if __name__ == "__main__":
    main()
