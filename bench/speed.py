"""How fast: both transformers and PatchTST with as many weights, in one run, and plans for 10,000 homes; writes `bench/speed.md`.

.venv-peers/bin/python bench/speed.py
.venv-peers/bin/python bench/speed.py --device cuda  # on a GPU: the transformers alone, into `bench/speed_cuda.md`
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
from common import cpu, given  # noqa: E402
from neuralforecast.models import PatchTST  # noqa: E402

from energymvp.site.battery import Battery  # noqa: E402
from energymvp.config import load_config  # noqa: E402
from energymvp.files import shipped  # noqa: E402
from energymvp.data.panel import Panel  # noqa: E402
from energymvp.forecast.load_features import N_DAY_PROFILES, N_WEEK_PROFILES  # noqa: E402
from energymvp.forecast.trading_features import TRADING_COLUMNS  # noqa: E402
from energymvp.forecast.checkpoints import load_models  # noqa: E402
from energymvp.forecast.windows import Windows  # noqa: E402
from energymvp.forecast.load_model import LoadModel  # noqa: E402
from energymvp.training.losses import consumption_loss  # noqa: E402
from energymvp.forecast.trading_model import TradingModel  # noqa: E402
from energymvp.training.losses import spo_loss  # noqa: E402
from energymvp.optimizer.optimum import perfect_foresight  # noqa: E402
from energymvp.planning.outlook import model_outlook  # noqa: E402
from energymvp.planning.plan import plan_by_optimum, plan_by_value  # noqa: E402
from energymvp.site.site import Site  # noqa: E402
from energymvp.units import STEPS_PER_WEEK, grid  # noqa: E402

BATCH = {"cpu": 128, "cuda": 512}  # windows
# PatchTST's patches, half hours of one and from one to the next: as in `bench/consumption.py`, and as the library has them by default
PATCHES = {"24": (24, 24), "16 every 8": (16, 8)}
weights = lambda model: sum(p.numel() for p in model.parameters())


def patchtst(horizon, size, patch, stride):
    "The PatchTST of the library with about `size` weights: two weeks in, in patches."
    make = lambda d: PatchTST(
        h=horizon, input_size=2 * STEPS_PER_WEEK, patch_len=patch, stride=stride, hidden_size=d, linear_hidden_size=2 * d, n_heads=4 if d % 4 == 0 else 2,
        encoder_layers=2, max_steps=1, enable_progress_bar=False, logger=False,
    )  # fmt: skip
    widths = range(4, 1024, 4)
    d = widths[bisect_left(widths, size, key=lambda d: weights(make(d)))]  # the first with as many weights, or the one before it
    return min((make(max(w, 4)) for w in (d - 4, d - 2, d)), key=lambda m: abs(weights(m) - size))


def rates(steps, device, seconds):
    "Windows per second of each of the steps, done in turns so that a machine's moods meet all of them; medians, warm."
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    for step in 3 * steps:
        step()
    wait()
    rounds, began = [], time.perf_counter()
    while time.perf_counter() - began < seconds:
        took = []
        for step in steps:
            a = time.perf_counter()
            step()
            wait()
            took.append(time.perf_counter() - a)
        rounds.append(took)
    return BATCH[device] / np.median(rounds, 0)


def jobs(device):
    "Of each transformer: what it forecasts, its name, the model, a call on made-up windows, a loss of what comes out and the actual values."
    size, n = load_config().presets["small"], BATCH[device]
    torch.manual_seed(0)
    made = lambda *shape: torch.rand(n, *shape, device=device)
    x, naive, daily, dated, week = made(48, 17), made(336), made(N_DAY_PROFILES, 48), made(N_WEEK_PROFILES, 336), made(336)
    t1 = LoadModel(*(getattr(size.consumption, k) for k in ("d_model", "layers", "heads", "dropout"))).to(device)
    t2 = TradingModel(*(getattr(size.trading, k) for k in ("d_model", "layers", "heads", "dropout"))).to(device)
    rows, day = made(48, len(TRADING_COLUMNS)) + 1, made(48)
    soc, battery = np.full((n, 2), 6.0), Battery()
    best = perfect_foresight(day.cpu().double().numpy(), battery, soc_start=soc[:, 0], soc_end_min=soc[:, 1]).energy
    return (
        ("consumption, a week", "T1", t1, lambda model: model(x, naive, daily, dated), lambda out: consumption_loss(out, week, t1.level(x)), week),
        ("prices, a day", "T2", t2, lambda model: model.mixture_price(rows),
         lambda out: spo_loss(out, day, t2.scale(rows)[1], battery, best, soc).mean(), day),
    )  # fmt: skip


def steps(model, call, loss):
    "A step of training and one of inference."
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def train():
        model.train()
        out = call(model)
        optimizer.zero_grad()
        loss(out).backward()
        optimizer.step()

    def infer():
        model.eval()
        with torch.no_grad():
            call(model)

    return train, infer


def transformers(device, seconds):
    "Rows: what, model, weights, training and inference in windows per second, and of each PatchTST weights, training and inference."
    for what, name, model, call, loss, target in jobs(device):
        peers = [patchtst(target.shape[1], weights(model), *patches).to(device) for patches in PATCHES.values()]
        past_y = torch.rand(len(target), 2 * STEPS_PER_WEEK, 1, device=device)
        window = dict(insample_y=past_y, insample_mask=torch.ones_like(past_y), futr_exog=None, hist_exog=None, stat_exog=None)
        theirs = [steps(peer, lambda m, w=window: m(w), lambda out, y=target: (out[..., 0] - y).abs().mean()) for peer in peers]
        made = [*theirs, steps(model, call, loss)]
        *speeds, ours = zip(*(rates([pair[k] for pair in made], device, seconds) for k in (0, 1)))
        yield what, name, weights(model), *ours, [(weights(peer), *speed) for peer, speed in zip(peers, speeds)]


def plans(homes):
    "Seconds for the plans of so many homes at one moment, forecasts included, by each decoder."
    models, site, rng = load_models(shipped("data/pretrained", "pretrained")), Site(), np.random.default_rng(0)
    ts = grid("2023-01-01T08Z", "2023-02-02T08Z")
    energy = np.zeros((homes, len(ts), 9), np.float32)
    energy[..., 8] = rng.gamma(2, 0.2, (homes, len(ts)))
    price = (3 + np.sin(np.arange(len(ts)) * 2 * np.pi / 48) + rng.normal(0, 0.3, len(ts))).astype(np.float32)
    panel = Panel(
        ts, [str(i) for i in range(homes)], energy, price, np.full(len(ts), np.nan, np.float32), "America/Los_Angeles", "N", "RTM", {}
    )
    windows, step = Windows(panel), len(ts) - 50
    home, at = np.arange(homes), np.full(homes, step)
    reserve = site.reserve(windows.usual_load(step))
    soc = np.clip(rng.uniform(3, 12, homes), reserve, None)
    model_outlook(models, windows, home[:10], at[:10])
    times = [time.perf_counter()]
    outlook = model_outlook(models, windows, home, at, observed=True)
    times.append(time.perf_counter())
    plan_by_optimum(outlook, soc, reserve, site)
    times.append(time.perf_counter())
    plan_by_value(outlook, soc, reserve, site)
    times.append(time.perf_counter())
    windows.consumption(home, at)
    times.append(time.perf_counter())
    return np.diff(times)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--homes", type=int, default=10_000)
    p.add_argument("--seconds", type=float, default=12, help="of each measurement")
    p.add_argument("--device", choices=BATCH, default="cpu", help="cuda: the transformers alone, into bench/speed_cuda.md")
    args = p.parse_args()
    device = args.device
    rows = []
    for row in transformers(device, args.seconds):
        print(*row[:2], *(f"{x:,.0f}" for x in row[2:5]), *(f"{x:,.0f}" for peer in row[5] for x in peer), sep=", ", flush=True)
        rows.append(row)
    packages = ", ".join(f"{p} {version(p)}" for p in ("torch", "neuralforecast", "numpy"))
    machine = f"{len(os.sched_getaffinity(0))} cores of {cpu()}" if device == "cpu" else torch.cuda.get_device_name()
    lines = [
        f"{datetime.date.today()}, {machine}, load average {os.getloadavg()[0]:.1f} at the end, {packages}. "
        f"Made by `bench/speed.py{given(p, args, ('homes', 'seconds', 'device'))}`.",
        "",
        f"Windows per second, batches of {BATCH[device]}, forward, loss, backward and step in training. PatchTST reads two weeks, in patches of "
        f"{' or '.join(PATCHES)} half hours (the last as the library has it by default), and is as wide as makes its weights as many as ours, or "
        "as narrow as it comes; × is how many times its speed ours is.",
        "",
        "| forecast | model | weights | training | inference |"
        + "".join(f" PatchTST {k}: weights | training | inference | × training | × inference |" for k in PATCHES),
        "| --- | --- |" + " ---: |" * (3 + 5 * len(PATCHES)),
    ]
    met = {k: [] for k in PATCHES}
    for what, name, n, t, i, peers in rows:
        cells = [what, name, f"{n:,}", f"{t:,.0f}", f"{i:,.0f}"]
        for k, (pn, pt, pi) in zip(PATCHES, peers):
            cells += [f"{pn:,}", f"{pt:,.0f}", f"{pi:,.0f}", f"{t / pt:.1f}", f"{i / pi:.1f}"]
            if min(t / pt, i / pi) >= 3 and pn < 1.5 * n:  # the narrowest PatchTST may have many more weights
                met[k].append(name)
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "Three times PatchTST in both, at as many weights, was the aim; where the narrowest has half as many again, or more, it does not count. "
        + " ".join(f"Its patches {k}: met by {'; '.join(v) or 'none'}." for k, v in met.items()),
    ]
    if device == "cpu":
        outlook, optimizer, decisions, read = plans(args.homes)
        lines += [
            "",
            f"Plans for {args.homes:,} homes at one moment: outlook (T1 and T2) {outlook:.1f} s, of which T1's windows {read:.1f} s, "
            f"and then the optimizer {optimizer:.2f} s or T2's decisions {decisions:.2f} s.",
        ]
    path = Path(__file__).with_name("speed.md" if device == "cpu" else "speed_cuda.md")
    path.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
