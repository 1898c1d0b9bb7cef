"""T1 trained on one home alone, from new weights and from those that other homes have taught, beside LightGBM; writes `bench/own_home.md`.

After `bench/homes.py`, whose weights it begins with:
.venv-peers/bin/python bench/own_home.py --data FOLDER
"""

import datetime
import json
import platform
from dataclasses import replace
from pathlib import Path

import consumption as peers  # before numpy: it sets the threads
import numpy as np
import pandas as pd
import torch
from common import cpu, demo
from energymvp.config import load_config
from energymvp.forecast.checkpoints import load_checkpoint
from energymvp.forecast.forecasts import forecast_load
from energymvp.forecast.windows import Windows
from energymvp.training.split import divide
from energymvp.training.train import train

OTHERS, NEW, ON = "T1 of other homes", "T1, new weights", "T1, trained on"
ROWS = ("LightGBM", OTHERS, NEW, ON)


def own(panel, start, test, config):
    "Panel of one home that is known from a step on, and its training: the price is needed for the spans alone."
    known = np.arange(len(panel.ts)) >= start
    energy, price = np.where(known[:, None], panel.energy, np.nan), np.where(known, 1.0, np.nan).astype(np.float32)
    own = replace(panel, energy=energy, measured=panel.measured & known, price=price, priced=known, day_ahead=price * np.nan)
    return own, divide(own, config.split, until=panel.ts[test])


def rows_of(panel, test, stop, months, seeds, weights, out):
    "Row -> results, one a seed: day and week in percent of the home's mean load."
    config, first = load_config(), int(np.argmax(panel.measured[0]))
    p, spans = own(panel, max(first, test - round(months * 365 / 12) * 48), test, config)
    windows = Windows(p)
    place = peers.spots("own", windows, [0], test, stop)
    score = lambda forecast: peers.score([place], forecast)[0]["own"]
    job = peers.Job(p, windows, [0], spans, p.step(spans.validation), config, "small", out, False)
    trees, *_ = peers.lightgbm(job, config.seed)
    found = {"days": (p.ts[test] - spans.start) / pd.Timedelta(days=1), "LightGBM": [score(trees)]}
    for seed in range(config.seed, config.seed + seeds):
        start = weights / f"t1_{seed}"
        for row, folder, pretrained in ((OTHERS, start, None), (NEW, out / "new", None), (ON, out / "on", start)):
            if folder != start:
                train(p, replace(config, seed=seed), folder, models=("consumption",), until=p.ts[test], device="cpu", pretrained=pretrained)
            model, about = load_checkpoint(folder, "consumption")
            found.setdefault(row, []).append(score(lambda *a, m=model: forecast_load(m, *a)))
        found.setdefault("kept", []).append(min(about["history"], key=lambda e: e["validation"])["epoch"] == 0)
    return found


def write(found, args, path):
    of = lambda r, row, span: float(np.mean([x[span] for x in r[row]]))
    text = f"{datetime.date.today()}, {cpu()}, Python {platform.python_version()}, torch {torch.__version__}. Made by `bench/own_home.py`, {args.seeds} seeds of T1.\n\n"
    text += f"""Each home trains for itself, on at most so many months before the test (the last 12 % of them validate T1; LightGBM, with the settings of `bench/consumption.md`, learns from those before), and is forecast at every local midnight of the test: the demo's homes on its test span, the two British ones on the last quarter of their days. Mean absolute error in percent of the home's mean load. "{OTHERS}" are the weights of `bench/homes.py` that have never met the home; "{ON}" goes on from them (`energymvp train --from-pretrained`), and keeps them where the home's own validation finds no epoch better. All of T1 leans to what the home's last weeks say. The step of training on (a tenth of the usual) was chosen beforehand; whether a home should train on or begin anew was read from these very tables.
"""
    for months, homes in found.items():
        for span in ("day", "week"):
            rows = [(h, f"{r['days']:.0f}", *(f"{of(r, row, span):.1f}" for row in ROWS)) for h, r in homes.items()]
            mean = ("mean", "", *(f"{np.mean([of(r, row, span) for r in homes.values()]):.1f}" for row in ROWS))
            text += f"\n{months} months, the {span} ahead:\n\n{peers.table(('home', 'days', *ROWS), [*rows, mean])}\n"
        cells = [(h, s) for h in homes for s in ("day", "week")]
        better = {row: sum(of(homes[h], ON, s) < of(homes[h], row, s) for h, s in cells) for row in ROWS[:3]}
        kept = np.mean([k for r in homes.values() for k in r["kept"]])
        text += (
            f"\nOf {len(cells)} cells, {ON} is better than {', than '.join(f'{row} in {n}' for row, n in better.items())}; "
            f"in {kept:.0%} of the trainings the weights of other homes were kept.\n"
        )
    path.write_text(text)
    print("\n" + text)


def main():
    p = peers.options(__doc__, "bench_own_home")
    p.add_argument("--months", type=int, nargs="+", default=[12, 3])
    p.add_argument("--weights", type=Path, default=peers.ROOT / "runs" / "bench_homes", help="of `bench/homes.py`")
    args = p.parse_args()
    torch.set_num_threads(int(peers.THREADS))
    config = load_config()
    panel = demo(config)
    span, homes = divide(panel, config.split), {}
    for h in panel.households:
        homes[h] = panel.homes([h]), panel.step(span.test), panel.step(span.end)
    for q in peers.further(args.data, *peers.FURTHER) if args.data else ():
        known = np.flatnonzero(q.measured[0])
        homes[q.households[0]] = q, int(known[0] + 0.75 * (known[-1] - known[0])), len(q.ts)
    args.out.mkdir(parents=True, exist_ok=True)
    files = {m: {h: args.out / f"{h}_{m}.json" for h in homes} for m in args.months}
    for months, of_home in files.items():
        for name, file in of_home.items():
            if not file.exists() and (not args.only or name in args.only):
                found = rows_of(*homes[name], months, args.seeds, args.weights / name, args.out / name)
                file.write_text(json.dumps(found))
                peers.log(name, months, {row: round(float(np.mean([x["day"] for x in found[row]])), 1) for row in ROWS})
    there = {m: {h: json.loads(f.read_text()) for h, f in of_home.items() if f.exists()} for m, of_home in files.items()}
    write({m: x for m, x in there.items() if x}, args, peers.ROOT / "bench" / "own_home.md")


if __name__ == "__main__":
    main()
