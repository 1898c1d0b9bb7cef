"""T1 and what a practitioner would take instead, on the demo's homes and days; writes `bench/consumption.md`.

python -m venv .venv-peers
.venv-peers/bin/pip install -c constraints.txt torch==2.13.0
.venv-peers/bin/pip install -c constraints.txt -r bench/requirements-peers.txt -e .
.venv-peers/bin/python bench/consumption.py
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
from mlforecast import MLForecast  # noqa: E402
from mlforecast.lag_transforms import RollingMean, SeasonalRollingMean, SeasonalRollingQuantile  # noqa: E402
from neuralforecast import NeuralForecast  # noqa: E402
from neuralforecast.losses.pytorch import MAE  # noqa: E402
from neuralforecast.models import NHITS, PatchTST, TiDE  # noqa: E402

from common import cpu, demo, given  # noqa: E402
from energymvp.config import load_config  # noqa: E402
from energymvp.data.calendar import midnights  # noqa: E402
from energymvp.data.panel import Panel, fill_gaps  # noqa: E402
from energymvp.data.schema import APPLIANCES  # noqa: E402
from energymvp.training.split import divide  # noqa: E402
from energymvp.files import fingerprint  # noqa: E402
from energymvp.forecast.checkpoints import load_checkpoint  # noqa: E402
from energymvp.forecast.forecasts import forecast_load  # noqa: E402
from energymvp.forecast.windows import Windows  # noqa: E402
from energymvp.training.split import hold_out  # noqa: E402
from energymvp.training.train import train  # noqa: E402
from energymvp.units import HALF_HOUR, STEPS_PER_DAY, STEPS_PER_WEEK, grid  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
DAY, WEEK, MONTH = STEPS_PER_DAY, STEPS_PER_WEEK, 4 * STEPS_PER_WEEK
SPANS, GROUPS = dict(week=WEEK, day=DAY), ("train", "held-out", "further")
FURTHER = ("household/refit2_ukdale2_30min.parquet", "Europe/London")
log = lambda *a: print(f"{datetime.datetime.now():%H:%M:%S}", *a, flush=True)


@dataclass
class Spots:
    "Decisions that are scored: homes and steps of one panel; targets from `stop` on are unknown."

    group: str
    windows: Windows
    home: np.ndarray
    step: np.ndarray
    stop: int


@dataclass
class Job:
    "What a row may use: homes that are trained on, and the step at which the peers' training ends."

    panel: Panel
    windows: Windows
    train_homes: list
    spans: object
    stop: int
    config: object
    preset: str
    out: Path
    quick: bool


def further(folder, name, tz, parts=None):
    "A panel for each home of the file, no prices: its whole load as `misc`, or less the `parts`, column -> appliance; what upstream filled with zeros is missing."
    df = pd.read_parquet(Path(folder) / name)
    for house, d in df[~df.gap_filled_zero].groupby("house"):
        ts = d.timestamp.dt.tz_localize(tz, ambiguous=np.ones(len(d), bool), nonexistent="NaT").dt.tz_convert("UTC")
        d = d.assign(ts=ts)[ts.notna()].drop_duplicates("ts")
        clock = grid(d.ts.min(), d.ts.max() + HALF_HOUR)
        load = np.full(len(clock), np.nan)
        load[clock.get_indexer(d.ts)] = d.total_kwh
        measured, energy, none = np.isfinite(load), np.zeros((1, len(clock), 9), np.float32), np.full(len(clock), np.nan, np.float32)
        filled, n = fill_gaps(load)
        energy[0, :, -1] = filled
        for column, appliance in (parts or {}).items():
            own = np.zeros(len(clock))
            own[clock.get_indexer(d.ts)] = np.nan_to_num(d[column])
            own = np.minimum(own, energy[0, :, -1])
            energy[0, :, APPLIANCES.index(appliance)] += own
            energy[0, :, -1] -= own
        yield Panel(clock, [house], energy, none, none, tz, "", "", dict(consumption=n, prices=0), measured[None])


def options(doc, folder):
    "Options of a bench that runs home by home: `data`, `seeds`, `out` and `only`."
    p = argparse.ArgumentParser(description=doc.splitlines()[0])
    p.add_argument("--data", default=os.environ.get("ENERGYMVP_BENCH_DATA"), help=f"folder with {FURTHER[0]}")
    p.add_argument("--seeds", type=int, default=3, help="of T1")
    p.add_argument("--out", type=Path, default=ROOT / "runs" / folder, help="results of homes that are there are kept")
    p.add_argument("--only", nargs="+", help="homes to run; the others are taken from --out")
    return p


def spots(group, windows, homes, start, stop):
    "Every local midnight at which the library itself would decide."
    home, step = windows.decision_points(start, stop)
    k = np.isin(step, midnights(windows.panel.ts, windows.panel.timezone)) & np.isin(home, homes)
    return Spots(group, windows, home[k], step[k], stop)


def score(places, forecast):
    "group -> day and week -> MAE in percent of the mean load, and with quantiles the share in the band, mean over homes; and of each home."
    each = {}
    for s in places:
        f = forecast(s.windows, s.home, s.step)
        low, f, high = f.swapaxes(0, 1) if f.ndim == 3 else (None, f, None)
        truth = s.windows.ahead(s.windows.true_load, s.step, WEEK, s.stop, s.home)
        assert f.shape == truth.shape and np.isfinite(f).all()
        held, found = None if low is None else (low <= truth) & (truth <= high), each.setdefault(s.group, {})
        for h in np.unique(s.home):
            for span, n in SPANS.items():
                k = (s.home == h) & np.isfinite(truth[:, :n]).all(1)
                if k.any():
                    home, came = s.windows.panel.households[h], truth[k, :n]
                    found.setdefault(span, {})[home] = 100 * float(np.abs(f[k, :n] - came).mean() / came.mean())
                    if held is not None:
                        found.setdefault(f"{span}, in the band", {})[home] = 100 * float(held[k, :n].mean())
    return {g: {s: float(np.mean(list(v.values()))) for s, v in x.items()} for g, x in each.items()}, each


def whole(x):
    "Without gaps: what is unknown is taken from a week later, and where nothing comes later from a week before."
    x = np.array(x, np.float32)
    for a, b in ((np.s_[..., :-WEEK], np.s_[..., WEEK:]), (np.s_[..., WEEK:], np.s_[..., :-WEEK])):
        for _ in range(x.shape[-1] // WEEK):
            x[a] = np.where(np.isnan(x[a]), x[b], x[a])
    return np.nan_to_num(x)


def history(windows, home, step, n):
    "(N, n) readings before each decision without gaps, and each one's level (N, 1)."
    at = step[:, None] + np.arange(-n, 0)
    x = whole(np.where(at >= 0, windows.load[home[:, None], np.maximum(at, 0)], np.nan))
    return x, np.maximum(x.mean(1, keepdims=True), 1e-3)


def clock_of(windows):
    "(n, 5): sine and cosine of time of day and weekday, and whether it is a weekend, on the local clock."
    weekend = windows.panel.ts.tz_convert(windows.panel.timezone).dayofweek >= 5
    return np.column_stack([windows.calendar[:, :4], weekend]).astype(np.float32)


def frame(at, values, clock, ts, **more):
    "A long frame of N series: `at` (N, n) steps, before and after the panel too, `values` (N, n) or None, and the clock."
    n, start = len(ts), ts[0].tz_localize(None).to_datetime64()
    known = np.where(at < 0, at % WEEK, np.where(at >= n, n - WEEK + (at - n) % WEEK, at))  # outside, the same hour of a week inside
    df = dict(unique_id=np.repeat(np.arange(len(at)), at.shape[1]), ds=(start + at * HALF_HOUR.to_timedelta64()).ravel())
    df |= dict(y=values.ravel()) if values is not None else {}
    df |= {f"c{i}": clock[known, i].ravel() for i in range(clock.shape[1])}
    return pd.DataFrame(df | {k: v.ravel() for k, v in more.items()})


# --- rows: (job, seed) -> (forecast, seconds of training, parameters)


def naive(job, seed):
    return lambda w, home, step: w.consumption(home, step)[1].numpy(), 0.0, 0


def trained(job, seed):
    "T1 trained on the job's homes."
    config = replace(job.config, seed=seed, split=replace(job.config.split, held_out_homes=0))  # they are left out here, for any seed
    if job.quick:
        p = config.presets[job.preset]
        p = replace(p, consumption=replace(p.consumption, epochs=1, batches=5))
        config = replace(config, presets={job.preset: p})
    folder = job.out / f"t1_{seed}"
    homes = job.panel.homes([job.panel.households[h] for h in job.train_homes])
    train(homes, config, folder, job.preset, ("consumption",), until=job.spans.test, device="cpu")
    return load_checkpoint(folder, "consumption")[0]


def t1(job, seed):
    a = time.perf_counter()
    model = trained(job, seed)
    seconds, parameters = time.perf_counter() - a, sum(p.numel() for p in model.parameters())
    return lambda w, home, step: forecast_load(model, w, home, step, quantiles=True), seconds, parameters


# LightGBM: a model for each day ahead (direct, no forecast is fed back), or one that is fed its own forecasts day by day
TREES = dict(
    objective="l1",
    n_estimators=500,
    learning_rate=0.05,
    num_leaves=31,
    min_child_samples=200,
    colsample_bytree=0.5,
    subsample=0.7,
    subsample_freq=1,
)
DIRECT = False


def lags_of(d):
    "Lags and slot statistics that are known `d` days ahead."
    near = DAY * d
    slots = [SeasonalRollingMean(DAY, n, 1) for n in (7, 28)] + [SeasonalRollingQuantile(0.5, DAY, n, 1) for n in (7, 28)]
    slots += [SeasonalRollingQuantile(p, DAY, 28, 1) for p in (0.25, 0.75)] + [RollingMean(n, 1) for n in (DAY, WEEK, MONTH)]
    weekday = [SeasonalRollingMean(WEEK, 4, 1), SeasonalRollingQuantile(0.5, WEEK, 4, 1)]
    beside = {near + 2: [SeasonalRollingMean(DAY, 7, 1)], near + DAY - 2: [SeasonalRollingMean(DAY, 7, 1)]}
    transforms = {near: slots, **beside}
    transforms[WEEK] = transforms.get(WEEK, []) + weekday
    return sorted({DAY * j for j in range(d, d + 7)} | {WEEK * j for j in (1, 2, 3, 4)}), transforms


def lightgbm(job, seed, trees=None, direct=None):
    trees, direct, a = trees or TREES, DIRECT if direct is None else direct, time.perf_counter()
    w, parts = job.windows, []
    for i, h in enumerate(job.train_homes):
        start = int(np.argmax(np.isfinite(w.load[h])))
        x = whole(w.load[h, start : job.stop])
        at = np.arange(start, job.stop)[None]
        known = np.isfinite(w.true_load[h, at]).astype(np.float32)
        parts.append(frame(at, x[None] / x.mean(), clock_of(w), w.panel.ts, weight=known).assign(unique_id=i))
    df, models = pd.concat(parts, ignore_index=True), []
    for d in range(1, 8 if direct else 2):
        lags, transforms = lags_of(d)
        more = dict(n_estimators=20) if job.quick else {}
        model = lgb.LGBMRegressor(**{**trees, **more}, random_state=seed, num_threads=int(THREADS), verbosity=-1)
        models.append(MLForecast({"f": model}, freq="30min", lags=lags, lag_transforms=transforms))
        models[-1].fit(df, static_features=[], weight_col="weight")
        log(f"LightGBM, day {d}: {time.perf_counter() - a:.0f} s")
    seconds = time.perf_counter() - a

    def forecast(w, home, step):
        x, level = history(w, home, step, MONTH)
        past = frame(step[:, None] + np.arange(-MONTH, 0), x / level, clock_of(w), w.panel.ts)
        out = np.zeros((len(home), WEEK), np.float32)
        ahead = step[:, None] + np.arange(WEEK)
        for d, m in enumerate(models, 1):
            n = DAY * d if direct else WEEK
            coming = frame(ahead[:, :n], None, clock_of(w), w.panel.ts)
            f = m.predict(n, new_df=past, X_df=coming).f.to_numpy().reshape(len(home), n)
            out[:, DAY * (d - 1) if direct else 0 : n] = f[:, DAY * (d - 1) if direct else 0 :]
        return np.maximum(out * level, 0)

    leaves = sum(m.models_["f"].booster_.trees_to_dataframe().left_child.isna().sum() for m in models)
    return forecast, seconds, int(leaves)


# The networks: one for the week and one for the day, on windows of each home scaled by its level before them
NETS = {
    "NHITS": (
        NHITS,
        dict(
            mlp_units=[[256, 256]] * 3,
            n_pool_kernel_size=[8, 4, 1],
            n_freq_downsample=[24, 6, 1],
            dropout_prob_theta=0.3,
            learning_rate=1e-3,
            num_lr_decays=3,
        ),
        dict(week=500, day=600),
    ),
    "PatchTST": (
        PatchTST,
        dict(
            patch_len=24,
            stride=24,
            hidden_size=64,
            linear_hidden_size=128,
            n_heads=4,
            encoder_layers=2,
            dropout=0.2,
            fc_dropout=0.2,
            revin=False,
            learning_rate=1e-3,
            num_lr_decays=3,
        ),
        dict(week=400, day=500),
    ),
    "TiDE": (
        TiDE,
        dict(hidden_size=128, decoder_output_dim=16, temporal_decoder_dim=64, dropout=0.3, learning_rate=1e-3, num_lr_decays=3),
        dict(week=300, day=400),
    ),
}
EXOG = {"NHITS": ["c4"], "PatchTST": [], "TiDE": [f"c{i}" for i in range(5)]}  # of the clock
PAST = 2 * WEEK  # input of the networks
PIECE = dict(step_size=8, batch_size=32, windows_batch_size=128)  # a window every four hours


def pieces(job, past, horizon):
    "Cuts of the training homes, each with a week of decisions, scaled by the level of what comes first; their frame."
    w, step, parts, n = job.windows, PIECE["step_size"], [], 0
    length = past + horizon + WEEK - step
    ends = midnights(w.panel.ts, w.panel.timezone)
    ends = ends[ends <= job.stop][::-7]
    for h in job.train_homes:
        start = int(np.argmax(np.isfinite(w.load[h])))
        at = ends[ends - length >= start][:, None] + np.arange(-length, 0)
        x, known = whole(w.load[h, start : job.stop]), np.isfinite(w.true_load[h, at]).astype(np.float32)
        level = np.maximum(x[at - start][:, :past].mean(1, keepdims=True), 0.02)
        parts.append(frame(at, x[at - start] / level, clock_of(w), w.panel.ts, available_mask=known))
        parts[-1]["unique_id"] += n
        n += len(at)
    return pd.concat(parts, ignore_index=True)


def network(name):
    def row(job, seed, settings=None, steps=None, past=PAST):
        kind, default, most = NETS[name]
        settings, steps, a, nets = {**default, **(settings or {})}, steps or most, time.perf_counter(), {}
        exog = dict(futr_exog_list=EXOG[name]) if EXOG[name] else {}
        for span, n in SPANS.items():
            if span not in steps:
                continue
            trainer = dict(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
            more = dict(loss=MAE(), max_steps=10 if job.quick else steps[span], random_seed=seed, valid_batch_size=128)
            more |= dict(inference_windows_batch_size=128, enable_model_summary=False)
            net = kind(h=n, input_size=past, alias="f", **settings, **PIECE, **exog, **more, **trainer)
            nets[span] = NeuralForecast([net], freq="30min")
            df = pieces(job, past, n)
            nets[span].fit(df[["unique_id", "ds", "y", "available_mask", *EXOG[name]]])
            log(f"{name}, {span}: {df.unique_id.nunique()} pieces, {time.perf_counter() - a:.0f} s")
        seconds = time.perf_counter() - a

        def forecast(w, home, step):
            x, level = history(w, home, step, past)
            clock, out = clock_of(w), np.zeros((len(home), WEEK), np.float32)
            names, before = ["unique_id", "ds", *EXOG[name]], frame(step[:, None] + np.arange(-past, 0), x / level, clock, w.panel.ts)
            for span, n in SPANS.items():
                if span in nets:
                    coming = frame(step[:, None] + np.arange(n), None, clock, w.panel.ts)[names]
                    f = nets[span].predict(before[[*names, "y"]], futr_df=coming if exog else None)
                    out[:, :n] = f.f.to_numpy().reshape(len(home), n)  # the week first, then the day over it
            return np.maximum(out * level, 0)

        return forecast, seconds, sum(p.numel() for n in nets.values() for p in n.models[0].parameters())

    return row


ROWS = {"naive bar": naive, "LightGBM": lightgbm, **{n: network(n) for n in NETS}, "T1": t1}
ONCE = ("naive bar", "LightGBM")  # rows that no seed changes much


def table(head, body):
    return "\n".join("| " + " | ".join(map(str, r)) + " |" for r in (head, ["---"] * len(head), *body))


def read(out, ask):
    "Rows of this folder that answer the same question: row -> list of results, one a seed."
    found = {}
    for f in sorted(out.glob("row_*.json")):
        r = json.loads(f.read_text())
        if all(r.get(k) == v for k, v in ask.items()):
            found.setdefault(r["row"], []).append(r)
        else:
            log(f"{f.name} is of other days, homes or settings: left out")
    return {n: found[n] for n in ROWS if n in found}


def verdict(found, groups):
    "Which row is best in each column; a lead within the spread of seeds is called even."
    wins, columns = {}, [(g, s) for g in groups for s in ("day", "week")]
    for g, s in columns:
        mean, noise = ({n: f([r["score"][g][s] for r in rs]) for n, rs in found.items()} for f in (np.mean, np.std))
        best, *rest = sorted(mean, key=mean.get)
        text = f"{g} homes, {s} ({mean[best]:.1f}"
        if rest:
            even = mean[rest[0]] - mean[best] <= noise[best] + noise[rest[0]]
            text += f", {'even within the spread of seeds with' if even else 'next'} {rest[0]} {mean[rest[0]]:.1f}"
        wins.setdefault(best, []).append(text + ")")
    out = [f"{n} is best in {len(w)} of {len(columns)} columns: {', '.join(w)}." for n, w in sorted(wins.items(), key=lambda x: -len(x[1]))]
    if "T1" not in found:
        return " ".join([*out, "T1 has not been run."])
    least = np.mean([r["seconds"] for r in found["T1"]])
    short = [n for n, rs in found.items() if n not in ("T1", "naive bar") and np.mean([r["seconds"] for r in rs]) < least]
    out += [] if "T1" in wins else ["T1 is best in none."]
    return " ".join(out + ([f"Trained for less time than T1: {', '.join(short)}."] if short else []))


def write(found, job, places, args, path):
    groups = [g for g in GROUPS if any(s.group == g for s in places)]

    columns = [(g, s) for g in groups for s in ("day", "week")]
    names = [f"{g} homes: {s}" for g, s in columns]

    def cells(rs, of=""):
        each = [[r["score"][g][s + of] for r in rs] for g, s in columns]
        return [f"{np.mean(x):.1f}" + (f" ± {np.std(x):.1f}" if len(x) > 1 else "") for x in each]

    body = [(n, len(rs), *cells(rs), f"{np.mean([r['seconds'] for r in rs]):.0f}", f"{rs[0]['parameters']:,}") for n, rs in found.items()]
    head = ("model", "seeds", *names, "training s", "parameters")
    libs = ", ".join(f"{n} {version(n)}" for n in ("torch", "numpy", "pandas", "lightgbm", "mlforecast", "neuralforecast"))
    homes = {g: len({(id(s), h) for s in places if s.group == g for h in s.home}) for g in groups}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    span = f"{places[0].windows.panel.ts[places[0].step.min()]:%d %B %Y} to {places[0].windows.panel.ts[places[0].stop - 1]:%d %B %Y}"
    band = ""
    if "T1" in found:
        band = "\nThe share of the half hours in T1's band from 0.1 to 0.9, which should hold 80 %, mean over homes.\n\n"
        band += table(("%", *names), [("T1", *cells(found["T1"], ", in the band"))]) + "\n"
    sure = " A smoke run (`--quick`): the figures mean nothing." if args.quick else ""
    text = f"""{datetime.date.today()}, {cores} cores of {cpu()}, {THREADS} thread{"s" if THREADS != "1" else ""}, Python {platform.python_version()}, {libs}. Made by `{args.command}`.{sure}

T1 and what a practitioner would take instead, trained on the same {len(job.train_homes)} homes of the demo data and scored on the {args.span} span, {span}, at every local midnight. {", ".join(f"{n} {g}" for g, n in homes.items())} homes; held-out and further ones were never trained on, and further ones (two in the United Kingdom, all their days) lie in other years. Mean absolute error in percent of the home's mean load, mean over homes, day and week ahead; ± is the spread of the seeds.

{table(head, body)}

{verdict(found, groups)}
{band}
T1 and the peers train up to {job.spans.validation:%d %B %Y}; T1 stops by the weeks from then to {job.spans.test:%d %B %Y}, and the settings of the peers were chosen on these weeks. LightGBM (mlforecast, absolute error) {"has one model for each day ahead" if DIRECT else "has one model that is fed its own forecast day by day"}, with lags of days and weeks, slot means, medians and quartiles and the local clock; the networks (neuralforecast, absolute error) have one model for the day and one for the week, two weeks of input, each home scaled by its own level, and but for PatchTST the local clock of the days to come. Parameters of LightGBM are its leaves.
"""
    path.write_text(text)
    print("\n" + text)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--only", nargs="+", choices=list(ROWS), help="rows to run; the others are taken from --out")
    p.add_argument("--seeds", type=int, default=3, help="of T1 and the networks")
    p.add_argument("--out", type=Path, default=ROOT / "runs" / "bench_consumption")
    p.add_argument("--data", default=os.environ.get("ENERGYMVP_BENCH_DATA"), help=f"folder with {FURTHER[0]}")
    p.add_argument("--preset", default="small", help="of T1")
    p.add_argument("--span", choices=("test", "validation"), default="test", help="validation: to choose settings; peers train up to it")
    p.add_argument("--quick", action="store_true", help="a smoke run")
    args = p.parse_args()
    args.command = "bench/consumption.py" + given(p, args, ("preset", "quick"))
    torch.set_num_threads(int(THREADS))
    for name in ("pytorch_lightning", "lightning", "lightning.pytorch", "lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    config = load_config()
    panel = demo(config)
    windows, spans = Windows(panel), divide(panel, config.split)
    held_out = hold_out(panel.households, config.split.held_out_homes, config.seed)
    index = {k: [i for i, h in enumerate(panel.households) if (h in held_out) == (k == "held-out")] for k in ("train", "held-out")}
    start, stop = (panel.step(t) for t in ((spans.test, spans.end) if args.span == "test" else (spans.validation, spans.test)))
    places = [spots(g, windows, index[g], start, stop) for g in index]
    if args.data:
        for q in further(args.data, *FURTHER):
            w = Windows(q)
            places.append(spots("further", w, [0], 0, len(q.ts)))
    job = Job(panel, windows, index["train"], spans, min(start, panel.step(spans.validation)), config, args.preset, args.out, args.quick)
    ask = dict(
        spots=fingerprint(*(x for s in places for x in (s.home, s.step))),
        groups=[s.group for s in places],
        span=args.span,
        quick=args.quick,
    )
    log(f"{sum(len(s.home) for s in places)} decisions, {', '.join(f'{s.group} {len(s.home)}' for s in places)}")
    for name in args.only or ROWS:
        for old in args.out.glob(f"row_{args.span}_{name.replace(' ', '_')}_*.json"):
            if json.loads(old.read_text())["quick"] == args.quick:
                old.unlink()  # results of one row are of one run
        for seed in range(config.seed, config.seed + (1 if name in ONCE or args.quick else args.seeds)):
            log(f"{name}, seed {seed}")
            forecast, seconds, parameters = ROWS[name](job, seed)
            mean, each = score(places, forecast)
            result = dict(row=name, seed=seed, score=mean, homes=each, seconds=seconds, parameters=int(parameters), **ask)
            args.out.mkdir(parents=True, exist_ok=True)
            (args.out / f"row_{args.span}_{name.replace(' ', '_')}_{seed}{'_quick' if args.quick else ''}.json").write_text(
                json.dumps(result, indent=1)
            )
            log(f"{name}, seed {seed}: {seconds:.0f} s, " + ", ".join(f"{g} {s} {x:.1f}" for g, v in mean.items() for s, x in v.items()))
    final = args.span == "test" and not args.quick
    write(read(args.out, ask), job, places, args, ROOT / "bench" / "consumption.md" if final else args.out / f"{args.span}.md")


if __name__ == "__main__":
    main()
