"""T2 and what a practitioner would take instead, in cents, on real prices; writes `bench/decisions.md`.

The environment is that of `bench/consumption.py`, the prices are files of a folder (`DATA` below says which):
.venv-peers/bin/python bench/decisions.py --data FOLDER
.venv-peers/bin/python bench/decisions.py --data FOLDER --market day-ahead
"""

import argparse
import datetime
import json
import logging
import os
import platform
import time
import warnings
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

THREADS = os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
warnings.filterwarnings("ignore")
import lightgbm as lgb  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from neuralforecast import NeuralForecast  # noqa: E402
from neuralforecast.losses.pytorch import MAE, MSE  # noqa: E402
from neuralforecast.models import NHITS  # noqa: E402
from pytorch_lightning.callbacks import Callback  # noqa: E402

from common import copy_t1, cpu, demo, free, given, spread  # noqa: E402
from energymvp.backtest.score import earned  # noqa: E402
from energymvp.backtest.simulate import MODES, backtest  # noqa: E402
from energymvp.config import load_config  # noqa: E402
from energymvp.data.panel import Panel  # noqa: E402
from energymvp.training.split import divide  # noqa: E402
from energymvp.forecast.trading_features import PRICE_EXPECTED  # noqa: E402
from energymvp.files import fingerprint  # noqa: E402
from energymvp.forecast.checkpoints import load_checkpoint, load_models  # noqa: E402
from energymvp.forecast.forecasts import expected_load  # noqa: E402
from energymvp.forecast.windows import Windows  # noqa: E402
from energymvp.planning.outlook import Outlook, model_outlook  # noqa: E402
from energymvp.planning.plan import plan_by_optimum, plan_by_value  # noqa: E402
from energymvp.site.site import Site  # noqa: E402
from energymvp.training.split import hold_out  # noqa: E402
from energymvp.training.train import train  # noqa: E402
from energymvp.units import STEPS_PER_DAY, grid  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
DATA = {
    "real-time": ("prices/caiso_rtm_dlap_hourly_2023.parquet", 2023, "RTM"),
    "day-ahead": ("prices/caiso_dam_hourly_2019-02_2020-04.parquet", 2019, "DAM"),
}
SPANS = dict(test=(9, 11, 13), validation=(7, 9, 11))  # months: training ends, choosing ends and scoring starts, scoring ends
SETTINGS = [(adder, wear) for adder in (0, 2, 5) for wear in (0, 0.5)]  # cents/kWh
DAY, HOURS, MONTH = STEPS_PER_DAY, 24, 28  # half hours, hours ahead, days
HALF_HOURLY, TILE = ("sceaux",), 364 * STEPS_PER_DAY
BEST, T2, T2_PRICE, T2_BARE = "perfect foresight", "T2 decisions", "T2 price + optimizer", "T2 decisions, untrained"
T2_FREE = "T2 decisions, a free correction"
LGBM, NET = "LightGBM price + optimizer", "NHITS price + optimizer"
PLAIN = [BEST, "7-day mean + optimizer", "yesterday + optimizer", "rules"]
LOADS = {"T1's": T2, "the naive profile's": "T2 decisions, naive load", "the perfect": "T2 decisions, perfect load"}
LOADS_AT = (5, 0)  # adder and wear
POLICIES = [BEST, T2, T2_PRICE, T2_BARE, T2_FREE, LGBM, NET, *PLAIN[1:]]
MINE = [T2, T2_PRICE, T2_BARE]
PEERS = [LGBM, NET, *PLAIN[1:]]
BLIND = (
    "This market publishes its prices before the day, so whoever plans at midnight knows them, and the library uses them. Here they are "
    "withheld, from the library and from the peers alike: the table is about forecasting a calm price, not about what a plan earns there."
)
RESAMPLES, BLOCK = 4000, 7  # of the bootstrap; days
log = lambda *a: print(f"{datetime.datetime.now():%H:%M:%S}", *a, flush=True)


@dataclass
class Job:
    "One node: homes to train on and homes that are scored, and the steps at which training ends and scoring starts and ends."

    train: Panel
    windows: Windows
    choose: int
    start: int
    stop: int
    market: str
    out: Path
    quick: bool

    @property
    def price(self):
        "(hours,) cents/kWh."
        return self.windows.panel.price[::2].astype(float)


def price_file(folder, market):
    name, year, _ = DATA[market]
    df = pd.read_parquet(Path(folder) / name)
    df.columns = ["ts", *(c.removesuffix("_usd_per_mwh").removesuffix("_DAM").removeprefix("DLAP_") for c in df.columns[1:])]
    return df.assign(ts=pd.DatetimeIndex(df.ts).as_unit("ns")), year


def moved(demo, prices, node, year, market):
    "The demo's last 364 days, again and again by whole multiples of 364 days, under the prices of a node in one local year."
    start, end = (pd.Timestamp(year=y, month=1, day=1, tz=demo.timezone) for y in (year, year + 1))
    p = prices[(prices.ts >= start) & (prices.ts < end)]
    ts = grid(p.ts.iloc[0], p.ts.iloc[-1] + pd.Timedelta(hours=1))
    price, at = np.full(len(ts), np.nan, np.float32), ts.get_indexer(p.ts)
    for k in (0, 1):  # an hourly price holds for both half hours
        price[at + k] = p[node] / 10
    whole = np.flatnonzero(demo.measured.all(0))[-1] + 1
    i = whole - TILE + (np.arange(len(ts)) + int((ts[0] - demo.ts[whole - TILE]) / pd.Timedelta(minutes=30))) % TILE
    none = np.full(len(ts), np.nan, np.float32)
    return Panel(
        ts, demo.households, demo.energy[:, i], price, none, demo.timezone, node, DATA[market][2], {}, demo.measured[:, i]
    )  # fmt: skip


def chosen(homes, held_out, n):
    "The half-hourly home, the held-out ones, then the rest, up to `n`."
    order = [h for h in homes if h in HALF_HOURLY] + [h for h in homes if h in held_out] + list(homes)
    return list(dict.fromkeys(order))[: n or None]


def month(panel, year, m):
    "The step at which a month of the local year starts; 13 is the January after it."
    return panel.step(pd.Timestamp(year=year + m // 13, month=(m - 1) % 12 + 1, day=1, tz=panel.timezone))


def cases(windows, start, stop, make, names=(), settings=SETTINGS, modes=MODES):
    "Runs policies through the modes and settings: policy -> {setting: (cents in each half hour, error of the price)}."
    out, config = {}, load_config()
    for mode in modes:
        for adder, wear in settings:
            site = Site.from_config(config, adder=adder)
            site = replace(site, battery=replace(site.battery, wear=wear))
            others = make(site, (mode, adder, wear))
            known = [*names, *others]
            runs, active = backtest(windows, None, start, stop, site, mode, config.backtest.soc_start, known, progress=False, others=others)
            for r in runs:
                cents, (error, count) = earned(r, active, windows, start, site).sum(0), r.price_errors
                out.setdefault(r.policy, {})[mode, adder, wear] = (cents, error / count if count else np.nan)
    return out


def once(f):
    "An outlook that is kept for the policies that share it."
    known = {}

    def outlook(home, step, observed):
        key = (step[0], len(step), observed)
        if key not in known:
            known[key] = f(home, step, observed)
        return known[key]

    return outlook


# --- the library's models


def config_of(job, seed):
    "The library's defaults, with validation from `choose` to `start`; no home is held out here, whatever the seed."
    start, ts = job.train.span[0], job.train.ts
    share = (ts[job.start] - ts[job.choose] - pd.Timedelta(hours=12)) / (ts[job.start] - start)  # cut down to midnight
    config = load_config(seed=seed, split=dict(validation=float(share), held_out_homes=0))
    assert divide(job.train, config.split, ts[job.start]).validation == ts[job.choose]
    p = config.presets["small"]
    if job.quick:
        p = replace(p, **{k: replace(getattr(p, k), epochs=1, batches=3) for k in ("consumption", "trading")})
    return replace(config, presets=dict(small=p))


def teach(job, seed, what, folder, build=None):
    a, until = time.perf_counter(), job.train.ts[job.start]
    train(job.train, config_of(job, seed), folder, models=(what,), until=until, progress=False, build=build, device="cpu")
    seconds = time.perf_counter() - a
    log(f"{job.train.node}, seed {seed}: {dict(consumption='T1', trading='T2')[what]} trained, {seconds:.0f} s")
    return seconds


class Loads:
    "T1 of each seed, trained in this run, and its forecasts of the scored homes; they do not depend on the node."

    def __init__(self, resume=False):
        self.of, self.resume = {}, resume

    def __call__(self, job, seed):
        if seed not in self.of:
            folder, w = job.out / f"t1_{seed}", job.windows
            done = folder / "done"
            if not (self.resume and done.exists()):
                done.unlink(missing_ok=True)
                teach(job, seed, "consumption", folder)
                done.touch()
            model, _ = load_checkpoint(folder, "consumption")
            span = np.arange(job.choose, job.stop)
            past = w.load_ready[:, span]
            table = np.full((2, len(w.load), len(span), DAY), np.nan, np.float32)  # for plans that are renewed, and kept
            for committed, there in enumerate((past & np.isfinite(w.load[:, span]) & w.may_decide[:, span], past)):
                home, k = np.nonzero(there)
                for part in np.array_split(np.arange(len(home)), max(1, len(home) // 4096)):
                    h, s = home[part], k[part]
                    table[committed, h, s] = expected_load(model, w, h, span[s], committed=bool(committed), observed=not committed)[:, :DAY]
            self.of[seed] = folder, table, fingerprint(*model.state_dict().values())
            log(f"T1, seed {seed}: {np.isfinite(table[..., 0]).sum()} forecasts")
        folder, table, mark = self.of[seed]
        return folder, lambda home, step, observed: table[int(not observed), home, step - job.choose].astype(float), mark


def t2(job, seed, loads):
    "Both ways to act by T2, its decisions without the mix and with a free correction instead of it, and with other loads."
    t1, load, _ = loads(job, seed)
    folder, w = job.out / f"t2_{job.train.node}_{seed}", job.windows
    copy_t1(t1, folder)
    seconds = teach(job, seed, "trading", folder)
    models = load_models(folder)
    bare, loose = models.changed(mix_share=0.0), free(lambda f, build: teach(job, seed, "trading", f, build), folder)

    def perfect(home, step, observed):
        came = w.ahead(w.true_load, step, DAY, len(w.panel.ts), home)
        return np.where(np.isfinite(came), came, load(home, step, observed))

    def make(site, case):
        outlook = lambda f, m=models: once(lambda h, s, observed: model_outlook(m, w, h, s, observed, f(h, s, observed)))
        mine = outlook(load)
        out = {
            T2: (mine, plan_by_value),
            T2_PRICE: (mine, plan_by_optimum),
            T2_BARE: (outlook(load, bare), plan_by_value),
            T2_FREE: (outlook(load, loose), plan_by_value),
        }
        if case[1:] == LOADS_AT:
            out["T2 decisions, naive load"] = (outlook(lambda h, s, observed: w.consumption(h, s)[1].numpy()[:, :DAY]), plan_by_value)
            out["T2 decisions, perfect load"] = (outlook(perfect), plan_by_value)
        return out

    return cases(w, job.start, job.stop, make), seconds, ""


# --- the peers: for each hour (the last one known) the prices of the 24 hours after it


def peer(job, load, forecast):
    "An outlook from `forecast` (hours, 24); at half past, that of the hour, a half hour on."
    w, y = job.windows, job.price

    def outlook(home, step, observed):
        hour = step // 2
        if observed:
            hourly = np.column_stack([y[hour], forecast[hour]])
        else:
            hourly = forecast[hour - 1][:, [*range(HOURS), HOURS - 1]]
        at = (step % 2)[:, None] + np.arange(DAY)
        price = np.take_along_axis(np.repeat(hourly, 2, 1), at, 1)
        expected = load(home, step, observed)
        return Outlook(w.insert_observed(price, step), w.insert_observed(expected, step, home)) if observed else Outlook(price, expected)

    return outlook


def pick(job, load, forecasts):
    "Of each mode, the forecast whose plans earned most before the scored span: one home, adders 0 and 5."
    w = job.windows
    one = min((h for h in range(len(w.load)) if w.panel.households[h] not in HALF_HOURLY), default=0)
    alone = replace(job, windows=Windows(w.panel.homes([w.panel.households[one]])))
    start = max(job.choose, job.start - 7 * DAY) if job.quick else job.choose
    make = lambda site, case: {
        n: (peer(alone, lambda h, s, observed: load(np.full_like(h, one), s, observed), f), plan_by_optimum) for n, f in forecasts.items()
    }
    money = cases(alone.windows, start, job.start, make, settings=[(0, 0), (5, 0)])
    days = (job.start - start) / DAY
    cents = {m: {n: sum(c.sum() for (k, *_), (c, _) in v.items() if k == m) / days / 2 for n, v in money.items()} for m in MODES}
    log(", ".join(f"{m}: {n} {x:.1f}" for m, e in cents.items() for n, x in e.items()), "cents/day before the scored span")
    return {m: max(e, key=e.get) for m, e in cents.items()}


def week_mean(y):
    "(hours, 24): after each hour, the seven-day means of the hours that come."
    back = np.arange(len(y))[:, None, None] + np.arange(1, HOURS + 1)[:, None] - 24 * np.arange(1, 8)
    return np.where(back >= 0, y[np.maximum(back, 0)], np.nan).mean(-1)


SHARES = (0.5, 1.0)  # of the forecast, the rest is the seven-day mean: what its `trust` is to T2


def scored_peer(job, seed, loads, name, fit):
    "Fits both objectives, keeps objective and share that earned most in each mode, and scores them."
    _, load, _ = loads(job, seed)
    a = time.perf_counter()
    mean, fitted = week_mean(job.price), fit(job, seed)
    forecasts = {f"{n} {share:g}": mean + share * (f - mean) for n, f in fitted.items() for share in SHARES}
    seconds = time.perf_counter() - a
    log(f"{name}, {job.train.node}, seed {seed}: {seconds:.0f} s")
    picked = pick(job, load, forecasts)
    make = lambda site, case: {name: (peer(job, load, forecasts[picked[case[0]]]), plan_by_optimum)}
    return cases(job.windows, job.start, job.stop, make), seconds, ", ".join(f"{m} {n}" for m, n in picked.items())


def local_hours(job):
    "Hour and weekday of every hour of the grid and a day after it, local clock."
    ts = job.windows.panel.ts
    t = pd.date_range(ts[0], periods=len(ts) // 2 + HOURS, freq="h").tz_convert(job.windows.panel.timezone)
    return np.asarray(t.hour), np.asarray(t.dayofweek)


def price_features(job, at):
    "After each hour of `at`, (N, 24) each: LightGBM's columns, and the level and spread that its target is measured by."
    y, n, (hour, weekday) = job.price, len(at), local_hours(job)
    k = np.arange(1, HOURS + 1)
    ahead = at[:, None] + k
    back = ahead[..., None] - 24 * np.arange(1, MONTH + 1)
    days = np.where(back >= 0, y[np.maximum(back, 0)], np.nan)
    week = days[..., :7]
    level, spread = week.mean(-1), week.std(-1)
    scale = np.maximum(level.std(1, keepdims=True) + spread.mean(1, keepdims=True), 0.1)
    wide = lambda x: np.broadcast_to(x, (n, HOURS))
    recent = (y[at[:, None] - np.arange(6)] - level[:, [HOURS - 1 - i for i in range(6)]]) / scale
    past = lambda m: y[at[:, None] - np.arange(m)].mean(1, keepdims=True)
    columns = [wide(k), hour[ahead], weekday[ahead], *(wide(recent[:, i : i + 1]) for i in range(6))]
    columns += [wide(recent[:, :3].mean(1, keepdims=True))]
    columns += [(days[..., d - 1] - level) / scale for d in (1, 2, 3, 7, 14)]
    columns += [(x - level) / scale for x in (np.nanmean(days, -1), np.median(week, -1), np.nanmedian(days, -1))]
    columns += [spread / scale, np.nanstd(days, -1) / scale, (level - level.mean(1, keepdims=True)) / scale]
    columns += [wide((past(24) - past(168)) / scale), wide(level.mean(1, keepdims=True) / scale)]
    return np.stack(columns, -1).astype(np.float32), level, wide(scale)


TREES = dict(learning_rate=0.03, num_leaves=15, min_child_samples=300, colsample_bytree=0.5, subsample=0.7, subsample_freq=1, reg_lambda=10)


def lightgbm(job, seed):
    "Direct, the horizon as a feature, one model of the node's series for each objective."
    y, out, hours = job.price, {}, len(job.price)
    span = lambda a, z: np.arange(a, z - HOURS)  # hours after which 24 are known before z
    x, target = [], []
    for at in (span(14 * 24, job.choose // 2), span(job.choose // 2 - 1, job.start // 2)):  # training, stopping
        columns, level, scale = price_features(job, at)
        x.append(columns.reshape(-1, columns.shape[-1]))
        target.append(((y[at[:, None] + np.arange(1, HOURS + 1)] - level) / scale).ravel())
    at = np.arange(job.choose // 2 - 1, job.stop // 2)
    now, level, scale = price_features(job, at)
    for name in ("l2", "l1"):
        more = dict(n_estimators=20 if job.quick else 800, objective=name, random_state=seed, num_threads=int(THREADS), verbosity=-1)
        model = lgb.LGBMRegressor(**{**TREES, **more})
        model.fit(x[0], target[0], eval_set=[(x[1], target[1])], callbacks=[lgb.early_stopping(100, verbose=False)])
        out[name] = np.full((hours, HOURS), np.nan)
        out[name][at] = level + scale * model.predict(now.reshape(-1, now.shape[-1])).reshape(level.shape)
        log(f"LightGBM, {name}: {model.best_iteration_} trees")
    return out


NHITS_SETTINGS = dict(
    input_size=168,
    scaler_type="robust",
    mlp_units=[[128, 128]] * 3,
    n_pool_kernel_size=[4, 2, 1],
    n_freq_downsample=[12, 4, 1],
    dropout_prob_theta=0.3,
    learning_rate=1e-3,
    num_lr_decays=3,
    windows_batch_size=256,
)
STEPS, CHECK = 600, 50  # at most; steps between looks at the validation error
EXOG = [f"c{i}" for i in range(5)]


class Keep(Callback):
    "Keeps the weights of the best look at the validation error."

    def __init__(self):
        self.best = (np.inf, None)

    def on_validation_end(self, trainer, net):
        loss = float(trainer.callback_metrics.get("ptl/val_loss", np.inf))
        if not trainer.sanity_checking and loss < self.best[0]:
            self.best = (loss, {k: v.clone() for k, v in net.state_dict().items()})


def hourly_frame(job, at, values=True):
    "A long frame: each row of `at` (N, n), hours, is a series; local clock beside it."
    hour, weekday = local_hours(job)
    turn = 2 * np.pi * np.stack([hour / 24, weekday / 7], -1)
    clock = np.column_stack([np.sin(turn), np.cos(turn), weekday > 4]).astype(np.float32)
    ds = np.datetime64("2000-01-01") + at * np.timedelta64(1, "h")
    df = dict(unique_id=np.repeat(np.arange(len(at)), at.shape[1]), ds=ds.ravel())
    df |= dict(y=job.price[at].ravel()) if values else {}
    return pd.DataFrame(df | {c: clock[at, i].ravel() for i, c in enumerate(EXOG)})


def nhits(job, seed):
    "The window ends with the last hour known; each loss a network, its weights those of the least validation error."
    out, hours, n = {}, len(job.price), (job.start - job.choose) // 2
    df = hourly_frame(job, np.arange(job.start // 2)[None])
    at = np.arange(job.choose // 2 - 1, job.stop // 2)
    before = hourly_frame(job, at[:, None] + np.arange(1 - NHITS_SETTINGS["input_size"], 1))
    coming = hourly_frame(job, at[:, None] + np.arange(1, HOURS + 1), values=False)
    for name, loss in (("MSE", MSE()), ("MAE", MAE())):
        quiet = dict(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
        more = dict(max_steps=10 if job.quick else STEPS, val_check_steps=5 if job.quick else CHECK, early_stop_patience_steps=4)
        more |= dict(random_seed=seed, inference_windows_batch_size=512, valid_batch_size=512, callbacks=[Keep()], futr_exog_list=EXOG)
        net = NHITS(h=HOURS, alias="f", loss=loss, valid_loss=loss, **NHITS_SETTINGS, **more, **quiet)
        nf = NeuralForecast([net], freq="h")
        nf.fit(df, val_size=n)
        keep = next(c for c in nf.models[0].trainer_kwargs.pop("callbacks") if isinstance(c, Keep))
        nf.models[0].load_state_dict(keep.best[1])
        out[name] = np.full((hours, HOURS), np.nan)
        out[name][at] = nf.predict(before, futr_df=coming).f.to_numpy().reshape(len(at), HOURS)
        log(f"NHITS, {name}: validation error {keep.best[0]:.4f}")
    return out


KNOWN = {0: "the running hour known", 1: "the next hour known", **{k: f"the next {k} hours known" for k in (2, 3, 5)}}


def foresight(job, seed, loads):
    "Re-planned by the optimizer on the expected price, but for the next hours, whose price is known: what a better forecast could earn."
    w, (_, load, _) = job.windows, loads(job, seed)

    def make(site, case):
        @once
        def expected(home, step, observed):
            used = load(home, step, observed)
            price = w.correct_for_observed_price(w.trading(step)[..., PRICE_EXPECTED].astype(float), step)
            return Outlook(price, w.insert_observed(used, step, home))

        def knowing(hours):
            def outlook(home, step, observed):
                out, came = expected(home, step, observed), w.ahead(w.true_price, step, DAY, len(w.panel.ts))
                known = (np.arange(DAY) < (step % 2 == 0)[:, None] + 1 + 2 * hours) & np.isfinite(came)  # whole hours
                return replace(out, price=np.where(known, came, out.price))

            return outlook

        return {n: (knowing(k), plan_by_optimum) for k, n in KNOWN.items()}

    return cases(job.windows, job.start, job.stop, make, modes=("replanned",)), 0.0, ""


GROUPS = dict(
    plain=lambda job, seed, loads: (cases(job.windows, job.start, job.stop, lambda *_: {}, PLAIN), 0.0, ""),
    T2=t2,
    LightGBM=lambda job, seed, loads: scored_peer(job, seed, loads, LGBM, lightgbm),
    NHITS=lambda job, seed, loads: scored_peer(job, seed, loads, NET, nhits),
    foresight=foresight,
)
ONCE = dict(plain=[0], foresight=[42])  # groups that no seed changes, or hardly


# --- rows are kept in files and read back


def store(folder, group, node, seed, result, meta):
    "One file a group, node and seed."
    money, seconds, note = result
    arrays = {f"{p}|{m}|{a}|{w}": c for p, v in money.items() for (m, a, w), (c, _) in v.items()}
    errors = {f"{p}|{m}|{a}|{w}": e for p, v in money.items() for (m, a, w), (_, e) in v.items()}
    folder.mkdir(parents=True, exist_ok=True)
    meta = json.dumps(dict(group=group, node=node, seed=seed, seconds=seconds, note=note, errors=errors, **meta))
    np.savez_compressed(folder / f"{group}_{node}_{seed}.npz", meta=np.array(meta), **arrays)


def read(folder, nodes=None):
    "(meta of every node, rows {policy: {(node, seed): {case: cents}}}, errors, files) of what answers the same question in each node."
    files = [(f, np.load(f)) for f in sorted(folder.glob("*.npz"))]
    files = [(f, json.loads(str(z["meta"])), z) for f, z in files]
    base = {m["node"]: m for _, m, _ in files if m["group"] == "plain" and (nodes is None or m["node"] in nodes)}
    rows, errors, rows_read = {}, {}, []
    t1 = {}
    for _, m, _ in files:
        if m["t1"]:
            t1.setdefault((m["node"], m["seed"]), set()).add(m["t1"])
    for f, m, z in files:
        if m["node"] not in base:
            continue
        if m["data"] != base[m["node"]]["data"]:
            log(f"{f.name} is of other days, homes or prices: left out")
            continue
        rows_read.append(m)
        for key in z.files:
            if key != "meta":
                policy, mode, adder, wear = key.split("|")
                case = (mode, float(adder), float(wear))
                rows.setdefault(policy, {}).setdefault((m["node"], m["seed"]), {})[case] = z[key]
                errors.setdefault(policy, {}).setdefault(case, []).append(m["errors"][key])
    if any(len(v) > 1 for v in t1.values()):
        log("rows of one seed were made with different T1s: run them again together")
    for policy in list(rows):
        if {n for n, _ in rows[policy]} != set(base):
            log(f"{policy} is not there for every node: left out")
            del rows[policy]
    return base, rows, errors, rows_read


def per_seed(rows, nodes, policy):
    "Seeds that every node of a policy has."
    sets = [{s for n, s in rows[policy] if n == node} for node in nodes]
    return sorted(set.intersection(*sets))


def shares(rows, nodes, policy, case):
    "Of each seed: percent of perfect foresight, mean over nodes."
    best = {n: rows[BEST][n, 0][case].sum() for n in nodes}
    return [float(np.mean([100 * rows[policy][n, s][case].sum() / best[n] for n in nodes])) for s in per_seed(rows, nodes, policy)]


def series(rows, nodes, policy, case):
    "(n,) cents in each half hour, summed over homes and nodes, mean over seeds."
    return np.mean([sum(rows[policy][n, s][case] for n in nodes) for s in per_seed(rows, nodes, policy)], 0)


def bootstrap(difference):
    "Percent of resamples, by blocks of seven days that start at any day, in which the sum is above 0."
    rng, days = np.random.default_rng(0), len(difference) // DAY
    daily = difference[: days * DAY].reshape(days, DAY).sum(1)
    daily[-1] += difference[days * DAY :].sum()  # the hour by which a span is longer in autumn
    start = rng.integers(days, size=(RESAMPLES, -(-days // BLOCK)))
    at = (start[..., None] + np.arange(BLOCK)).reshape(RESAMPLES, -1)[:, :days] % days
    return float(100 * (daily[at].sum(1) > 0).mean())


def table(head, body, words=1):
    "Markdown; the first `words` columns are text."
    line = ["---"] * words + ["---:"] * (len(head) - words)
    return "\n".join("| " + " | ".join(map(str, r)) + " |" for r in (head, line, *body))


def verdict(rows, nodes, cases_of):
    "Who earns most in which column, ablations apart, and before which rival; a lead that the bootstrap is less than 90 % sure of is called even."
    out = []
    for mode, columns in cases_of.items():
        wins = {}
        for c in columns:
            money = {p: series(rows, nodes, p, c) for p in rows if p in POLICIES and p not in (BEST, T2_FREE)}
            best, *rest = sorted(money, key=lambda p: -money[p].sum())
            rest = [p for p in rest if not (best in MINE and p in MINE)]  # the best of the others
            name = f"adder {c[1]:g} wear {c[2]:g}"
            if rest:
                sure = bootstrap(money[best] - money[rest[0]])
                name += f" ({'even with' if sure < 90 else 'before'} {rest[0]})"
            wins.setdefault(best, []).append(name)
        order = sorted(wins.items(), key=lambda x: -len(x[1]))
        each = [f"{p} earns most in {len(w)} of {len(columns)} columns: {', '.join(w)}" for p, w in order]
        mine = "" if any(p in wins for p in (T2, T2_PRICE)) else "; T2 earns most in none"
        out.append(f"{dict(committed='Committed', replanned='Re-planned')[mode]}: {'; '.join(each)}{mine}.")
    return " ".join(out)


def section(market, base, rows, errors, rows_read):
    "The tables of one market."
    nodes = sorted(base)
    one, days = base[nodes[0]], sum(m["days"] for m in base.values())
    cases_of = {m: [(m, float(a), float(w)) for a, w in SETTINGS] for m in MODES}
    for p in rows:
        for c in rows[p][next(iter(rows[p]))]:
            lead = max(s for s in shares(rows, nodes, p, c))
            assert lead < 100 + 1e-6, f"{p} earned more than perfect foresight in {c}"
    policies = [p for p in POLICIES if p in rows]
    text = f"""## {market.capitalize()} market

Nodes {", ".join(nodes)}; homes {", ".join(one["homes"])} (never trained on: {", ".join(one["held_out"]) or "none"}). Training {one["spans"][0]} to {one["spans"][1]}, settings and stopping by {one["spans"][1]} to {one["spans"][2]}, scored {one["spans"][2]} to {one["spans"][3]}.
"""
    if market == "day-ahead":
        text += "\n" + BLIND + "\n"
    for mode, title in (("committed", "Committed: one plan a day, at local midnight"), ("replanned", "Re-planned at every reading")):
        head = ["% of perfect foresight", "seeds", *(f"adder {a:g}, wear {w:g}" for a, w in SETTINGS)]
        body = [(p, len(per_seed(rows, nodes, p)), *(spread(shares(rows, nodes, p, c)) for c in cases_of[mode])) for p in policies]
        text += f"\n### {title}\n\n{table(head, body)}\n"
    body = []
    for p in policies:
        cells = []
        for mode in MODES:
            c = (mode, 0.0, 0.0)
            cells.append(spread([sum(rows[p][n, s][c].sum() for n in nodes) / days for s in per_seed(rows, nodes, p)], 2))
            error = np.mean(errors[p][c])
            cells.append(f"{error:.2f}" if np.isfinite(error) else "-")
        body.append((p, *cells))
    head = ["adder 0, wear 0", *(f"{m}: {x}" for m in MODES for x in ("cents per home and day", "price MAE c/kWh"))]
    text += f"\n### Cents\n\n{table(head, body)}\n"
    body = []
    for mode, mine in (("committed", T2_PRICE), ("committed", T2), ("replanned", T2), ("replanned", T2_PRICE)):
        for p in PEERS:
            if mine in rows and p in rows:
                difference = [series(rows, nodes, mine, c) - series(rows, nodes, p, c) for c in cases_of[mode]]
                body.append((mode, mine, p, *(f"{d.sum() / days:+.2f} ({bootstrap(d):.0f} %)" for d in difference)))
    if body:
        head = ["mode", "T2", "against", *(f"adder {a:g}, wear {w:g}" for a, w in SETTINGS)]
        text += f"""
### Differences

Cents per home and day that T2 earns more than the peer, and in how many of {RESAMPLES} paired resamples (blocks of {BLOCK} days, all nodes and homes, mean over seeds) it earns more.

{table(head, body, 3)}
"""
    if all(p in rows for p in LOADS.values()):
        head, lines = ["T2 decisions with"], [[f"{name} load"] for name in LOADS]
        naive, perfect = LOADS["the naive profile's"], LOADS["the perfect"]
        for mode in MODES:
            case = (mode, *map(float, LOADS_AT))
            head += [
                f"{mode}: {what}"
                for what in ("% of perfect foresight", "% of the saving with the perfect load", "cents over the naive profile's")
            ]
            for line, p in zip(lines, LOADS.values()):
                saved = lambda n, s: 100 * rows[p][n, s][case].sum() / rows[perfect][n, s][case].sum()  # noqa: B023
                part = [np.mean([saved(n, s) for n in nodes]) for s in per_seed(rows, nodes, p)]
                more = series(rows, nodes, p, case) - series(rows, nodes, naive, case)
                line += [spread(shares(rows, nodes, p, case)), spread(part)]
                line += ["" if p == naive else f"{more.sum() / days:+.2f} ({bootstrap(more):.0f} %)"]
        text += f"""
### What the load forecast is worth

Adder {LOADS_AT[0]:g}, wear {LOADS_AT[1]:g}; in brackets in how many of the resamples it earns more. A committed plan counts on less than T1's mean, by T1's quantiles; the naive profile has none.

{table(head, lines)}
"""
    if all(p in rows for p in KNOWN.values()):
        head = ["% of perfect foresight", *(f"adder {a:g}, wear {w:g}" for a, w in SETTINGS)]
        body = [(p, *(spread(shares(rows, nodes, p, c)) for c in cases_of["replanned"])) for p in KNOWN.values()]
        text += f"""
### What foresight is worth

Re-planned by the optimizer on the expected price, had it known the price of the next hours.

{table(head, body)}
"""
    text += f"\n{verdict(rows, nodes, cases_of)}\n"
    notes = {g: sorted({f"{m['node']} {m['seed']}: {m['note']}" for m in rows_read if m["group"] == g and m["note"]}) for g in GROUPS}
    text += "\nChosen before the scored span. " + " ".join(f"{g}: {'; '.join(n)}." for g, n in notes.items() if n) + "\n"
    took = {
        g: np.mean([m["seconds"] for m in rows_read if m["group"] == g])
        for g in ("T2", "LightGBM", "NHITS")
        if any(m["group"] == g for m in rows_read)
    }
    return text + f"\nSeconds of training, a node and seed: {', '.join(f'{g} {s:.0f}' for g, s in took.items())}.\n"


def write(args, path):
    libs = ", ".join(f"{n} {version(n)}" for n in ("torch", "numpy", "pandas", "lightgbm", "neuralforecast"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    sure = " A smoke run (`--quick`): the figures mean nothing." if args.quick else ""
    text = f"""{datetime.date.today()}, {cores} cores of {cpu()}, {THREADS} thread{"s" if THREADS != "1" else ""}, Python {platform.python_version()}, {libs}. Made by `{args.command}`.{sure}

T2 and what a practitioner would take instead, on the same homes and days, in money. Californian prices of one year at each node, an hourly price in both half hours; the demo's homes, their last 364 days moved onto that year by whole multiples of 364 days (in UTC: where the summer times of the two years differ, a week at most, the homes are an hour off). Delivery adder and wear in cents/kWh. The mean is over nodes and seeds, ± half the range of the seeds; rows without a seed have one. Every price forecast sees the same: prices before the decision and, re-planned, that of the running hour. All price rows but the naive ones plan with T1's load. At half past, where the half-hourly home decides again, the peers' forecast of the hour is moved on by a half hour.

LightGBM is one model for a node, the horizon a feature, squared or absolute error in spreads of the week from the seven-day mean of the hour; NHITS (neuralforecast) has 168 hours of input, robust scaling and the local clock, squared or absolute error. Both stop by the validation span, and of the two objectives, whole or halfway to the seven-day mean of the hour, the one is kept, for each mode, whose plans earned most there. No model is trained again later. T2 and T1 are of the preset `small`.

"""
    for market in DATA:
        folder = args.out / f"{market}_{args.span}{'_quick' if args.quick else ''}"
        found = read(folder, args.nodes if market == args.market else None)
        if found[0] and BEST in found[1]:
            text += section(market, *found) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.rstrip() + "\n")
    print("\n" + text)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--only", nargs="+", choices=list(GROUPS), help="rows to run; the others are taken from --out")
    p.add_argument("--resume", action="store_true", help="keep rows, and T1, that --out has already: for a run that was broken off")
    p.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44], help="of T2, LightGBM and NHITS")
    p.add_argument("--nodes", nargs="+", help="of the price file; all by default")
    p.add_argument("--homes", type=int, default=4, help="how many are scored; 0: all. Training is on all of the market's")
    p.add_argument("--market", choices=list(DATA), default="real-time")
    p.add_argument("--data", default=os.environ.get("ENERGYMVP_BENCH_DATA"), help="folder with the price files")
    p.add_argument("--out", type=Path, default=ROOT / "runs" / "bench_decisions")
    p.add_argument("--span", choices=list(SPANS), default="test", help="validation: to choose settings; all spans lie two months earlier")
    p.add_argument("--quick", action="store_true", help="a smoke run: one node, one seed, few days")
    args = p.parse_args()
    if not args.data:
        p.error("--data FOLDER or ENERGYMVP_BENCH_DATA is needed: the prices are not part of the project")
    args.command = "bench/decisions.py" + given(p, args, ("market", "span", "homes", "nodes", "seeds", "quick"))
    torch.set_num_threads(int(THREADS))
    for name in (
        "pytorch_lightning",
        "lightning",
        "lightning.pytorch",
        "lightning_fabric",
        "lightning.fabric",
        "pytorch_lightning.utilities",
    ):
        logging.getLogger(name).setLevel(logging.ERROR)
    prices, year = price_file(args.data, args.market)
    args.nodes = args.nodes or list(prices.columns[1:])
    if unknown := [n for n in args.nodes if n not in prices.columns[1:]]:
        p.error(f"no node {unknown[0]}; there are {', '.join(prices.columns[1:])}")
    if args.quick:
        args.nodes, args.seeds = args.nodes[:1], args.seeds[:1]
    config, loads = load_config(), Loads(args.resume)
    homes = demo(config)
    held_out = hold_out(homes.households, config.split.held_out_homes, config.seed)
    out = args.out / f"{args.market}_{args.span}{'_quick' if args.quick else ''}"
    for node in args.nodes:
        panel = moved(homes, prices, node, year, args.market)
        scored = chosen(panel.households, held_out, args.homes)
        windows = Windows(panel.homes(scored))
        choose, start, stop = (month(panel, year, m) for m in SPANS[args.span])
        stop = min(start + 3 * DAY, stop) if args.quick else stop
        job = Job(
            panel.homes([h for h in panel.households if h not in held_out]), windows, choose, start, stop, args.market, out, args.quick
        )
        local = lambda step: f"{(panel.ts[0] + step * pd.Timedelta(minutes=30)).tz_convert(panel.timezone):%d %B %Y}"  # noqa: B023
        at = windows.panel.measured[:, start:stop]
        meta = dict(
            data=fingerprint(windows.panel.energy, windows.panel.price, np.array([choose, start, stop])), market=args.market, homes=scored,
            held_out=[h for h in scored if h in held_out], days=float(at.sum() / DAY), spans=[local(s) for s in (0, choose, start, stop)],
        )  # fmt: skip
        log(f"{node}: {len(scored)} homes, {at.sum() / DAY:.0f} days of homes, {meta['spans'][2]} to {meta['spans'][3]}")
        for group in args.only or GROUPS:
            for seed in ONCE.get(group, args.seeds):
                f = out / f"{group}_{node}_{seed}.npz"
                if args.resume and f.exists() and json.loads(str(np.load(f)["meta"]))["data"] == meta["data"]:
                    continue
                f.unlink(missing_ok=True)
                a = time.perf_counter()
                result = GROUPS[group](job, seed, loads)
                store(out, group, node, seed, result, dict(t1=loads(job, seed)[2] if group != "plain" else "", **meta))
                best = {n: v["replanned", 0, 0][0].sum() / meta["days"] for n, v in result[0].items() if ("replanned", 0, 0) in v}
                log(f"{group}, {node}, seed {seed}: {time.perf_counter() - a:.0f} s, " + ", ".join(f"{n} {c:.1f}" for n, c in best.items()))
    final = args.span == "test" and not args.quick
    write(args, ROOT / "bench" / "decisions.md" if final else args.out / f"{args.span}{'_quick' if args.quick else ''}.md")


if __name__ == "__main__":
    main()
