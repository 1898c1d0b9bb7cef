"""How fast: both transformers beside PatchTST with as many weights, in one run, and plans for 10,000 homes; writes `bench/speed.md`.

.venv-peers/bin/python bench/speed.py
"""

import argparse
import datetime
import os
import time
import warnings
from bisect import bisect_left
from importlib.metadata import version
from pathlib import Path

warnings.filterwarnings("ignore")
import numpy as np  # noqa: E402
import torch  # noqa: E402
from common import cpu  # noqa: E402
from neuralforecast.models import PatchTST  # noqa: E402

from energymvp.config import load_config, shipped  # noqa: E402
from energymvp.data.align import Panel  # noqa: E402
from energymvp.features.trading import TRADING_COLUMNS  # noqa: E402
from energymvp.models.consumption import ConsumptionModel, consumption_loss  # noqa: E402
from energymvp.battery import Battery  # noqa: E402
from energymvp.models.trading import TradingModel, spo_loss  # noqa: E402
from energymvp.optimizer import perfect_foresight  # noqa: E402
from energymvp.planning import decide, load_models, model_outlook, optimise  # noqa: E402
from energymvp.rules import Setting, reserve  # noqa: E402
from energymvp.training import Windows  # noqa: E402
from energymvp.units import STEPS_PER_DAY, STEPS_PER_WEEK, grid  # noqa: E402

BATCH = 128
weights = lambda model: sum(p.numel() for p in model.parameters())


def patchtst(horizon, size):
    "The PatchTST of the library with about `size` weights: two weeks in, its own patches of 24 half hours."
    make = lambda d: PatchTST(
        h=horizon, input_size=2 * STEPS_PER_WEEK, patch_len=24, stride=24, hidden_size=d, linear_hidden_size=2 * d, n_heads=4 if d % 4 == 0 else 2,
        encoder_layers=2, max_steps=1, enable_progress_bar=False, logger=False,
    )  # fmt: skip
    widths = range(4, 1024, 4)
    d = widths[bisect_left(widths, size, key=lambda d: weights(make(d)))]  # the first with as many weights, or the one before it
    return min((make(max(w, 4)) for w in (d - 4, d - 2, d)), key=lambda m: abs(weights(m) - size))


def rates(steps, seconds=12.0):
    "Windows per second of each of the steps, done in turns so that a machine's moods meet all of them; medians, warm."
    for step in 3 * steps:
        step()
    rounds, began = [], time.perf_counter()
    while time.perf_counter() - began < seconds:
        took = []
        for step in steps:
            a = time.perf_counter()
            step()
            took.append(time.perf_counter() - a)
        rounds.append(took)
    return BATCH / np.median(rounds, 0)


def trained(model, forward, loss):
    "A step of training."
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-4)

    def step():
        optimizer.zero_grad()
        loss(forward()).backward()
        optimizer.step()

    return step


def transformers(preset):
    "Rows of the table: what, model, preset, weights, training and inference in windows per second, and the same of PatchTST."
    size = load_config().presets[preset]
    torch.manual_seed(0)
    x, naive, past, week = torch.rand(BATCH, 48, 17), torch.rand(BATCH, 336), torch.rand(BATCH, 4, 336), torch.rand(BATCH, 336)
    t1 = ConsumptionModel(*(getattr(size.consumption, k) for k in ("d_model", "layers", "heads", "dropout")))
    t2 = TradingModel(*(getattr(size.trading, k) for k in ("d_model", "layers", "heads", "dropout")))
    rows, day = torch.rand(BATCH, 48, len(TRADING_COLUMNS)) + 1, torch.rand(BATCH, 48)
    soc, battery = np.full((BATCH, 2), 6.0), Battery()
    best = perfect_foresight(day.double().numpy(), battery, soc_start=soc[:, 0], soc_end_min=soc[:, 1]).energy
    jobs = {
        "consumption, a week": (t1, lambda: t1(x, naive, past), lambda out: consumption_loss(out, week, t1.level(x)), STEPS_PER_WEEK, week),
        "prices, a day": (
            t2, lambda: t2.mixed(rows), lambda p: spo_loss(p, day, t2.scale(rows)[1], battery, best, soc).mean(), STEPS_PER_DAY, day
        ),
    }  # fmt: skip
    for what, (model, forward, loss, horizon, target) in jobs.items():
        peer, past_y = patchtst(horizon, weights(model)), torch.rand(BATCH, 2 * STEPS_PER_WEEK, 1)
        window = dict(insample_y=past_y, insample_mask=torch.ones_like(past_y), futr_exog=None, hist_exog=None, stat_exog=None)
        look = lambda p=peer, w=window: p(w)
        training = rates([trained(model, forward, loss), trained(peer, look, lambda out, y=target: (out[..., 0] - y).abs().mean())])
        model.eval(), peer.eval()
        with torch.no_grad():
            inference = rates([forward, look])
        pairs = zip((weights(model), weights(peer)), training, inference)
        yield what, "T1" if horizon > STEPS_PER_DAY else "T2", preset, *next(pairs), *next(pairs)


def plans(homes):
    "Seconds for the plans of so many homes at one moment, forecasts included, by each decoder."
    models, setting, rng = load_models(shipped("data/pretrained", "pretrained")), Setting(), np.random.default_rng(0)
    ts = grid("2023-01-01T08Z", "2023-02-02T08Z")
    energy = np.zeros((homes, len(ts), 9), np.float32)
    energy[..., 8] = rng.gamma(2, 0.2, (homes, len(ts)))
    price = (3 + np.sin(np.arange(len(ts)) * 2 * np.pi / 48) + rng.normal(0, 0.3, len(ts))).astype(np.float32)
    panel = Panel(
        ts, [str(i) for i in range(homes)], energy, price, np.full(len(ts), np.nan, np.float32), "America/Los_Angeles", "N", "RTM", {}
    )
    windows, step = Windows(panel), len(ts) - 50
    home, at = np.arange(homes), np.full(homes, step)
    keep = reserve(windows.usual_load(step), setting.rules, setting.battery)
    soc = np.clip(rng.uniform(3, 12, homes), keep, None)
    model_outlook(models, windows, home[:10], at[:10], setting)
    a = time.perf_counter()
    outlook = model_outlook(models, windows, home, at, setting, seen=True)
    b = time.perf_counter()
    optimise(outlook, soc, keep, setting)
    c = time.perf_counter()
    decide(outlook, soc, keep, setting)
    return b - a, c - b, time.perf_counter() - c


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--homes", type=int, default=10_000)
    homes = args.parse_args().homes
    cores = len(os.sched_getaffinity(0))
    rows = [row for preset in ("small", "full") for row in transformers(preset)]
    outlook, optimiser, decisions = plans(homes)
    packages = ", ".join(f"{p} {version(p)}" for p in ("torch", "neuralforecast", "numpy"))
    lines = [
        f"{datetime.date.today()}, {cores} cores of {cpu()}, load average {os.getloadavg()[0]:.1f} at the end, {packages}. Made by `bench/speed.py`.",
        "",
        f"Windows per second, batches of {BATCH}, forward, loss, backward and step in training; PatchTST reads two weeks.",
        "",
        "| forecast | model | preset | weights | training | inference | PatchTST weights | training | inference | ours, training | ours, inference |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for what, name, preset, n, t, i, pn, pt, pi in rows:
        lines.append(
            f"| {what} | {name} | {preset} | {n:,} | {t:,.0f} | {i:,.0f} | {pn:,} | {pt:,.0f} | {pi:,.0f} | {t / pt:.1f} times | {i / pi:.1f} times |"
        )
    short = [f"{name} of {preset}" for _, name, preset, _, t, i, _, pt, pi in rows if t / pt < 3 or i / pi < 3]
    lines += [
        "",
        f"The aim of three times PatchTST, in both, is met by all but {', '.join(short)}."
        if short
        else "The aim of three times PatchTST is met.",
        "",
        f"Plans for {homes:,} homes at one moment: outlook (T1 and T2) {outlook:.1f} s, and then the optimiser {optimiser:.2f} s or "
        f"T2's decisions {decisions:.2f} s.",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
