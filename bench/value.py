"""What learning the value of stored energy earns on real-time markets, in % of perfect foresight; writes `bench/value.md`.

The prices are files of a folder, which may not travel with the library (`MARKETS` below says which):
.venv/bin/python bench/value.py --data FOLDER [--market ny ercot] [--seeds 42]
Default battery, empty at the start, no load, no reserve; the price of the current half hour observed, a decision every half hour. What is
`native` acts at each of the market's prices. The span that is scored is neither trained nor validated on.
"""

import argparse
import datetime
import itertools
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from common import copy_t1, cpu, given, spread
from energymvp.backtest.evaluate import choose_by_money
from energymvp.backtest.score import earned
from energymvp.backtest.simulate import BEST, NATIVE, backtest
from energymvp.config import load_config
from energymvp.data.panel import Panel
from energymvp.data.schema import APPLIANCES
from energymvp.files import shipped
from energymvp.forecast.checkpoints import load_models
from energymvp.forecast.windows import Windows
from energymvp.planner import demo_store
from energymvp.planning.outlook import model_outlook, plain_outlook, with_value
from energymvp.planning.plan import plan_by_optimum, plan_by_value
from energymvp.site.site import Site
from energymvp.training.train import train
from energymvp.units import STEPS_PER_DAY

ROOT = Path(__file__).resolve().parents[1]
DOLLARS = 10  # per MWh in a cent per kWh
T2, BARE, USUAL, LEARNED = "T2 decisions", "T2, nothing learned of the value", "T2, untrained", "T2, the learned value alone"
PROGRAMME = "stochastic programme"
DAY_AHEAD, WEEK = "day-ahead price + optimizer", "7-day mean + optimizer"
ROWS = [T2, LEARNED, PROGRAMME, BARE, USUAL, DAY_AHEAD, WEEK]


def frame(file, columns, minutes):
    "Half hours of a file: their starts, the mean price and day-ahead price (n,), and the prices of the intervals (n, k)."
    df = pd.read_parquet(file).rename(columns=dict(interval_start_utc="ts")).sort_values("ts")
    ts = pd.DatetimeIndex(df.ts).as_unit("ns")
    grid = pd.date_range(ts[0].ceil("30min"), ts[-1].floor("30min"), freq=f"{min(minutes, 30)}min")
    df = df.set_axis(ts).reindex(grid, method="ffill", limit=1 if minutes == 60 else None)
    k = max(30 // minutes, 1)
    n = len(df) // k * k
    real, ahead = (None if c is None else df[c].to_numpy(float)[:n].reshape(-1, k) / DOLLARS for c in columns)
    ahead = np.full(len(real), np.nan) if ahead is None else ahead[:, 0]
    return grid[:n:k], real.mean(1), ahead, np.repeat(real, 6 // k, 1) if k > 1 else None


NY, NODES, CAISO = "nyiso_rt_da_30min_2011_2018", "caiso_nodes_rt_30min_2016_2020", "caiso_rtm_dlap_hourly_2023"
MARKETS = dict(  # name -> what it is, and (node, file, columns, minutes, clock, first day, first day scored, day after)
    ny=("New York 2018, day-ahead known, three years of half hours to learn from", [(z, NY, (f"{z}_rt", f"{z}_da"), 30, "Etc/GMT+5", "2014-12-01", "2018-01-01", "2019-01-01") for z in ("NYC", "LONGIL", "NORTH", "WEST")]),
    ny_blind=("New York 2018, without day-ahead prices", [(z, NY, (f"{z}_rt", None), 30, "Etc/GMT+5", "2014-12-01", "2018-01-01", "2019-01-01") for z in ("NYC", "LONGIL", "NORTH", "WEST")]),
    nodes=("Californian nodes 2020, no day-ahead prices, to 2019", [(z, NODES, (z, None), 30, "Etc/GMT+8", "2016-07-19", "2020-01-01", "2021-01-01") for z in ("WALNUT", "WESTLNDS")]),
    ercot=("ERCOT, September to December 2024, day-ahead known, to August", [("HUB", "ercot_hub_rt_da_load_15min_2024", ("rt", "da"), 15, "America/Chicago", "2024-01-01", "2024-09-01", "2024-12-31")]),
    caiso=("California load zones, November and December 2023", [(z, CAISO, (f"DLAP_{z}_usd_per_mwh", None), 60, "America/Los_Angeles", "2023-01-01", "2023-11-01", "2023-12-31")  for z in ("PGAE", "SCE", "SDGE", "VEA")]),
)  # fmt: skip


FINE = {
    z: ("nyiso_rt_da_5min_2017_2018", (f"{z}_rt", f"{z}_da"), 5) for z in ("NYC", "WEST")
}  # node -> file, columns and minutes of its prices by the market's own interval


def panels(folder, node, file, columns, minutes, zone, first, start, stop):
    "What is trained on, a home of the demo and one with next to no load, and what is scored, the latter."
    ts, real, ahead, fine = frame(Path(folder) / "prices" / f"{file}.parquet", columns, minutes)
    inside = (ts >= pd.Timestamp(first, tz=zone)) & (ts < pd.Timestamp(stop, tz=zone))
    ts, real, ahead, fine = ts[inside], real[inside], ahead[inside], None if fine is None else fine[inside]
    with demo_store("fontana-01") as store:
        used = store.read("consumption", household_id="fontana-01").set_index("ts")[APPLIANCES].to_numpy()[: 52 * 7 * STEPS_PER_DAY]
    energy = np.zeros((2, len(ts), len(APPLIANCES)), np.float32)
    energy[0] = np.resize(used, energy[0].shape)
    energy[1, :, -1] = np.random.default_rng(0).uniform(1e-6, 2e-6, len(ts))
    f32 = lambda x: None if x is None else x.astype(np.float32)
    both = Panel(ts, ["home", "none"], energy, f32(real), f32(ahead), zone, node, "RTM", {}, interval_price=f32(fine))
    return both.homes(["none", "home"]), both.homes(["none"])


def site(wear):
    config = load_config(rules=dict(reserve_intervals=0), battery=dict(wear=wear), backtest=dict(adders=[]))
    return config, Site.from_config(config)


def learn(panel, others, start, seed, wear, folder):
    "The models of one node, which learn the value of stored energy from the others, too; and the seconds that it took."
    config = replace(site(wear)[0], seed=seed)
    config = replace(config, split=replace(config.split, held_out_homes=0))
    copy_t1(shipped("data/pretrained", "pretrained"), folder)
    began = time.perf_counter()
    train(panel, config, folder, models=("trading",), until=start, progress=False, device="cpu", also=tuple(others))
    gate = choose_by_money(folder, panel, config, homes=1)["gate"]
    return load_models(folder), gate, time.perf_counter() - began


def score(models, panel, start, wear, mode):
    "Cents of each day, policy -> list."
    windows, home_site = Windows(panel), site(wear)[1]
    begin, stop = panel.step(start), len(panel.ts)
    seen = windows.by_interval() if mode == NATIVE else windows
    none = lambda step: np.zeros((len(step), STEPS_PER_DAY))

    def of(m):
        def outlook(home, step, observed):
            found = model_outlook(m, seen, home, step, observed, none(step))
            return with_value(found, m, seen, home, step, home_site)

        return outlook

    variants = {T2: models, LEARNED: models.changed(base_share=0.0)}
    variants[BARE] = models.changed(base_share=1.0, by_programme=False)
    variants[USUAL] = variants[BARE].changed(mix_share=0.0, error_persistence=0.95)
    if models.trading.size["price_states"]:
        variants[PROGRAMME] = models.changed(base_share=1.0, by_programme=True)
    others = {name: (of(m), plan_by_value) for name, m in variants.items()}
    for name, kind in ((DAY_AHEAD, "day_ahead"), (WEEK, "week_mean")):
        if mode != NATIVE and (kind != "day_ahead" or np.isfinite(panel.day_ahead).any()):
            plain = lambda home, step, observed, kind=kind: replace(plain_outlook(kind, seen, home, step, observed), load=none(step))
            others[name] = (plain, plan_by_optimum)
    runs, there = backtest(windows, None, begin, stop, home_site, mode, 0.2, [*others, BEST], progress=False, others=others)
    cents = {r.policy: earned(r, there, windows, begin, home_site)[0] for r in runs}
    return {k: [float(x.sum()) for x in np.array_split(v, round(there.sum() / STEPS_PER_DAY))] for k, v in cents.items()}


def share(days, policy):
    "% of perfect foresight over all days of a run, or of several."
    return 100 * sum(np.sum(d[policy]) for d in days) / sum(np.sum(d[BEST]) for d in days)


def apart(days, one, other, draws=1000):
    "Points by which one policy is ahead of another, and where 95 % of the resamples of whole weeks lie, the same for all nodes."
    weeks = [{k: [sum(x) for x in np.array_split(d[k], len(d[k]) // 7)] for k in (one, other, BEST)} for d in days]
    gain, best = (np.mean([np.array(w[one]) - w[other] if k else w[BEST] for w in weeks], 0) for k in (1, 0))
    rows = np.random.default_rng(0).integers(len(gain), size=(draws, len(gain)))
    low, high = np.quantile(100 * gain[rows].sum(1) / best[rows].sum(1), (0.025, 0.975))
    return f"{100 * gain.sum() / best.sum():+.1f} ({low:+.1f} to {high:+.1f})"


def table(records):
    "Markdown of one market: a row a policy, nodes as columns and their mean."
    lines, usual = [], [r["gate"] for r in records]
    for mode, wear in dict.fromkeys((mode, r["wear"]) for mode in ("replanned", NATIVE) for r in records if mode in r["days"]):
        of = {}
        for r in records:
            if r["wear"] == wear and mode in r["days"]:
                of.setdefault(r["node"], []).append(r["days"][mode])
        rows = [p for p in ROWS if all(p in d for days in of.values() for d in days)]
        text = [f"| {'half hours' if mode != NATIVE else 'each price of the market'}, wear {wear:g} | {' | '.join(of)} | mean |"]
        text += [f"| --- |{' ---: |' * (len(of) + 1)}"]
        for p in rows:
            by = [[share([d], p) for d in days] for days in of.values()]
            text += [f"| {p} | {' | '.join(spread(x) for x in by)} | {np.mean([np.mean(x) for x in by]):.1f} |"]
        best = [np.mean(days[0][BEST]) for days in of.values()]
        text += [f"| perfect foresight, cents a day | {' | '.join(f'{x:.1f}' for x in best)} | {np.mean(best):.1f} |"]
        first = [days[0] for days in of.values()]
        ahead = "; ".join(f"{p} {apart(first, T2, p)}" for p in rows if p != T2)
        lines += ["\n".join(text), f"{T2} ahead, in points, and where 95 % of 1,000 resamples of whole weeks lie (first seed): {ahead}."]
    said = lambda r, g: (
        f"{r['node']} {r['seed']} (wear {r['wear']:g}): persistence {g['persistence']:g}, {'the programme' if g['by_programme'] else 'what is expected'} as base, {next(iter(g['base_share'].values()), 1):g} of it"
    )
    lines += [f"Chosen on validation: {'; '.join(map(said, records, usual))}."]
    return "\n\n".join([*lines, f"Training and choosing: {np.mean([r['seconds'] for r in records]):.0f} s a node and seed."])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--market", nargs="*", default=list(MARKETS), choices=list(MARKETS))
    p.add_argument("--nodes", nargs="*", help="some of a market's nodes; each still learns from all")
    p.add_argument("--seeds", nargs="*", type=int, default=[42])
    p.add_argument("--wear", nargs="*", type=float, default=[0.0, 0.5])
    p.add_argument("--alone", action="store_true", help="each node learns from itself only")
    p.add_argument("--out", nargs="*", default=[str(ROOT / "bench" / "value.json")], help="results; those of the first file are added to")
    args = p.parse_args()
    records = [r for f in args.out if Path(f).exists() for r in json.loads(Path(f).read_text())]
    for market, node in [(m, n) for m in args.market for n in MARKETS[m][1] if args.nodes is None or n[0] in args.nodes]:
        train_on, scored = panels(args.data, *node)
        others = [] if args.alone else [panels(args.data, *n)[0] for n in MARKETS[market][1] if n is not node]
        start = pd.Timestamp(node[6], tz=node[4]).tz_convert("UTC")
        fine = FINE.get(node[0]) if market == "ny" else None
        finer = scored if fine is None else panels(args.data, node[0], *fine, *node[4:])[1]
        for wear, seed in itertools.product(args.wear, args.seeds):
            with tempfile.TemporaryDirectory() as folder:
                models, gate, seconds = learn(train_on, others, start, seed, wear, Path(folder) / "run")
            days = dict(replanned=score(models, scored, start, wear, "replanned"))
            if finer.interval_price is not None:
                days[NATIVE] = score(models, finer, start, wear, NATIVE)
            records += [dict(market=market, node=node[0], seed=seed, wear=wear, days=days, gate=gate, seconds=seconds)]
            shares = {m: {k: round(share([d], k), 1) for k in d} for m, d in days.items()}
            print(f"{datetime.datetime.now():%H:%M:%S}", market, node[0], seed, wear, shares, gate, flush=True)
            Path(args.out[0]).write_text(json.dumps(records))
    there = [m for m in MARKETS if any(r["market"] == m for r in records)]
    made = "" if there == list(MARKETS) else f" --market {' '.join(there)}"
    said = f"{datetime.date.today()}, {cpu()}. Made by `bench/value.py --data FOLDER{made}{given(p, args, ['seeds', 'wear', 'alone'])}`."
    about = __doc__.split("FOLDER [--market ny ercot] [--seeds 42]\n")[1].strip()
    order = lambda m: [r for n in MARKETS[m][1] for r in records if r["market"] == m and r["node"] == n[0]]
    parts = [f"### {MARKETS[m][0]}\n\n{table(order(m))}" for m in there]
    (ROOT / "bench" / "value.md").write_text("\n\n".join([said, about, *parts]) + "\n")


if __name__ == "__main__":
    main()
