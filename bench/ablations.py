"""What each idea brings: the demo's homes and days with one part of the models taken out at a time; writes `bench/ablations.md`.

.venv/bin/python bench/ablations.py
.venv/bin/python bench/ablations.py --earlier 35 80 125  # T1's ideas on spans before the test, by which they are chosen: `bench/ablations_earlier.md`
"""

import argparse
import datetime
import os
import tempfile
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
from common import cpu, demo, free, given, spread

from energymvp.backtest.score import mean_scores, score, score_consumption
from energymvp.backtest.simulate import backtest
from energymvp.config import load_config
from energymvp.training.split import divide
from energymvp.forecast.checkpoints import load_checkpoint, load_models
from energymvp.forecast.forecasts import expected_load
from energymvp.forecast.load_model import LoadModel
from energymvp.forecast.windows import Windows
from energymvp.planning.outlook import model_outlook
from energymvp.planning.plan import plan_by_optimum, plan_by_value
from energymvp.site.site import Site
from energymvp.training.losses import price_objective
from energymvp.training.train import train
from energymvp.units import STEPS_PER_DAY

ADDERS = (0, 5)  # cents/kWh
LOADS = {"the mean": (0.3, 0.4, 0.3), "the median": (0.0, 1.0, 0.0), "the cautious": (0.5, 0.5, 0.0)}  # weights of T1's quantiles
PERSISTENCES = (0.0, 0.8, 0.98)  # of the error of a price that is observed, instead of the library's


class Blind(LoadModel):
    "T1 with an encoder that says nothing: the weights of the profiles are then the same for every home and day."

    def __init__(self, *size, **rest):
        super().__init__(*size, **rest)
        self.encoder.register_forward_hook(lambda encoder, x, out: 0 * out)


def squares(model, batch):
    "What T2 would learn by instead of money: squared errors in spreads of the market, up to three spreads."
    spread = model.scale(batch["x"])[1]
    return torch.nn.functional.smooth_l1_loss(model.mixture_price(batch["x"]) / spread, batch["price"] / spread, beta=3.0)


def both(model, batch):
    return squares(model, batch) + price_objective(model, batch, [Site().battery])


BLIND = "one mix of profiles for every home and day"
T1_IDEAS = {  # what: arguments of `train`
    BLIND: dict(build=dict(consumption=Blind)),
    "three tokens of eight hours": dict(build=dict(consumption=partial(LoadModel, tokens=3))),
    "three times as wide": dict(build=dict(consumption=lambda d_model, *rest: LoadModel(3 * d_model, *rest))),
    "without what has just been read": dict(build=dict(consumption=partial(LoadModel, half_lives=()))),
    "without the running average of weights": dict(smoothing=0.0),
}
T2_IDEAS = {"learned by its error": squares, "learned by SPO+ and its error": both}


def cents(models, others, windows, start, stop, config):
    "(mode, adder, row) -> share of perfect foresight in %; `others` are models with a T2 trained in another way."
    out, cache = {}, {}
    bare = models.changed(mix_share=0.0)

    def load(kind, home, step, observed):
        if kind == "the naive profile":
            return windows.consumption(home, step)[1].numpy()[:, :STEPS_PER_DAY]
        key = kind, step[0], len(step), observed
        if key not in cache:
            week = expected_load(models.consumption, windows, home, step, observed=observed, weights=LOADS[kind])
            cache[key] = week[:, :STEPS_PER_DAY]
        return cache[key]

    for mode in ("committed", "replanned"):
        best = "the cautious" if mode == "committed" else "the mean"
        rows = {
            "expected price, optimizer": (bare, best, plan_by_optimum),
            "expected price, decisions": (bare, best, plan_by_value),
            "T2's price, optimizer": (models, best, plan_by_optimum),
        }
        if mode == "replanned":
            for p in PERSISTENCES:
                rows[f"T2's price, decisions, persistence {p:g}"] = (models.changed(error_persistence=p), best, plan_by_value)
        rows["T2's price, decisions"] = (models, best, plan_by_value)
        rows |= {f"T2's price, decisions, {name}": (m, best, plan_by_value) for name, m in others.items()}
        rows |= {f"T2's price, decisions, load: {k}": (models, k, plan_by_value) for k in (*LOADS, "the naive profile") if k != best}
        for adder in ADDERS:
            site = Site.from_config(config, adder=adder)

            def outlook(m, kind, s=site):
                return lambda home, step, observed: model_outlook(m, windows, home, step, observed, load(kind, home, step, observed))

            mine = {name: (outlook(m, kind), decoder) for name, (m, kind, decoder) in rows.items()}
            names = ["7-day mean + optimizer", *mine, "perfect foresight"]
            runs, active = backtest(windows, models, start, stop, site, mode, policies=names, others=mine, progress=False)
            share = score(runs, active, windows, start, site).set_index("policy").share_of_perfect_foresight_percent
            out |= {(mode, adder, name): share[name] for name in names[:-1]}
    return out


def errors(model, windows, start, stop, train_homes):
    "Train homes and held-out homes: MAE of T1 in % of the mean load, day and week, and the share of the day inside the band in %."
    scores = score_consumption(model, windows, start, stop)
    groups = [{h: s for h, s in scores.items() if (h in train_homes) == known} for known in (True, False)]
    cells = (("day", "mae_share"), ("week", "mae_share"), ("day", "coverage"))
    return [100 * mean_scores(g)[span][what] for g in groups for span, what in cells]


def t1_ideas(panel, windows, config, folder, until=None):
    "T1, which stays in `folder`, and T1 without each idea -> `errors` from the end of training to the end, or to the test if `until` is before it."
    whole, out = divide(panel, config.split), {}
    stop = panel.step(whole.test if until else whole.end)

    def learn(what, at, **idea):
        done = train(panel, config, at, models=("consumption",), until=until, progress=False, **idea)
        model, _ = load_checkpoint(at, "consumption", Blind if what == BLIND else None)
        out[what] = errors(model, windows, panel.step(done["spans"].test), stop, done["households"])

    learn("T1", folder)
    for i, (what, idea) in enumerate(T1_IDEAS.items()):
        learn(what, f"{folder}_{i}", **idea)
    return out


def t1_table(rows):
    "Lines of the table: idea -> list of `errors`."
    head = [
        "| | train homes, day | train homes, week | train homes, in the band | held-out homes, day | held-out homes, week | held-out homes, in the band |"
    ]
    return [*head, "| --- |" + " ---: |" * 6, *(f"| {name} | {' | '.join(spread(v) for v in zip(*e))} |" for name, e in rows.items())]


def add(rows, new):
    for k, v in new.items():
        rows.setdefault(k, []).append(v)


def earlier(panel, windows, configs, ends):
    "Lines: T1's ideas, trained to so many days before the test and scored from there to it."
    lines, test = [], divide(panel, configs[0].split).test
    for days in ends:
        until, rows = test - pd.Timedelta(days=days), {}
        for config in configs:
            with tempfile.TemporaryDirectory() as tmp:
                add(rows, t1_ideas(panel, windows, config, f"{tmp}/t1", until))
        print(f"{days} days done", flush=True)
        what = "MAE of T1 in % of the mean load, and the share of the day in the band."
        lines += ["", f"Training to {until:%Y-%m-%d}, scored to {test:%Y-%m-%d}. {what}", "", *t1_table(rows)]
    return lines


def on_the_test(panel, windows, configs):
    "Lines: what each idea brings in money and in T1's error, on the test span."
    money, mae = {}, {}
    for config in configs:
        with tempfile.TemporaryDirectory() as tmp:
            folder = f"{tmp}/all"
            add(mae, t1_ideas(panel, windows, config, folder))
            again = partial(train, panel, config, models=("trading",), progress=False)
            spans = again(folder)["spans"]
            start, stop = panel.step(spans.test), panel.step(spans.end)
            models = load_models(folder)
            others = {"the mix alone": models.changed(mix_share=1.0)}
            for what, loss in T2_IDEAS.items():
                again(folder, losses=dict(trading=loss))
                others[what] = load_models(folder)
            others["a free correction instead of a mix"] = free(again, folder)
            add(money, cents(models, others, windows, start, stop, config))
            print(f"seed {config.seed} done", flush=True)
    lines = [
        "",
        f"Demo data, {panel.ts[start]:%Y-%m-%d} to {panel.ts[stop - 1]:%Y-%m-%d}, all homes, % of perfect foresight.",
    ]
    for mode in ("committed", "replanned"):
        lines += ["", f"| {mode} | adder 0 | adder 5 |", "| --- | ---: | ---: |"]
        for name in dict.fromkeys(n for m, _, n in money if m == mode):
            lines.append(f"| {name} | {' | '.join(spread(money[mode, a, name]) for a in ADDERS)} |")
    lines += [
        "",
        "MAE of T1 in % of the mean load, train homes and held-out homes, and how much of the day lies in the band that should hold 80 %.",
        "",
        *t1_table(mae),
    ]
    return lines


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    p.add_argument("--earlier", type=int, nargs="+", default=[], help="days before the test at which training ends; T1 alone")
    args = p.parse_args()
    head = (
        f"{datetime.date.today()}, {len(os.sched_getaffinity(0))} cores of {cpu()}, torch {version('torch')}. "
        f"Made by `bench/ablations.py{given(p, args, ('earlier',))}` with seeds {', '.join(map(str, args.seeds))}: the mean, and half the "
        "range after ±. The homes that are held out change with the seed."
    )
    panel = demo(load_config())
    windows = Windows(panel)
    configs = [load_config(seed=seed, split=dict(held_out_homes=2)) for seed in args.seeds]
    lines = earlier(panel, windows, configs, args.earlier) if args.earlier else on_the_test(panel, windows, configs)
    Path(__file__).with_name(f"ablations{'_earlier' if args.earlier else ''}.md").write_text("\n".join([head, *lines]) + "\n")
    print(head, *lines, sep="\n")


if __name__ == "__main__":
    main()
