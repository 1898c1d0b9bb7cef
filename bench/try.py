"""What a change is worth: one model trained again on the demo data, before and after it, with some seeds; takes minutes.

make try WHAT=trading SEEDS=3     # after a change of the prices' loss, features or model
make try WHAT=consumption         # the same of the load

Before is a commit, the last one unless `--base` names another, and is measured once and kept in `runs/try`; after is the package as
it lies here. The model that is not trained is the shipped one. Who looks at the test span often chooses by it: `--earlier 35` trains
to 35 days before it and scores these.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for models as small as these one thread is as fast, and far faster on a busy machine
import pandas as pd  # noqa: E402
from common import demo, spread  # noqa: E402

from energymvp.backtest.score import mean_scores, score, score_consumption  # noqa: E402
from energymvp.backtest.simulate import MODES, backtest  # noqa: E402
from energymvp.config import load_config  # noqa: E402
from energymvp.files import shipped, write_atomic  # noqa: E402
from energymvp.forecast.checkpoints import load_checkpoint, load_models  # noqa: E402
from energymvp.forecast.windows import Windows  # noqa: E402
from energymvp.site.site import Site  # noqa: E402
from energymvp.training.split import divide  # noqa: E402
from energymvp.training.train import train  # noqa: E402

ROOT, PARTS = Path(__file__).resolve().parents[1], ("energymvp", "config", "data", "bench")
ADDERS, POLICY, BEST = (0, 5), "T2 price + optimizer", "perfect foresight"


def money(models, windows, start, stop, config, loads):
    "What is scored -> % of perfect foresight; `loads` keeps the forecasts of one load model."
    out = {}
    for mode in MODES:
        for adder in ADDERS:
            site, kept = Site.from_config(config, adder=adder), loads.setdefault(mode, {})
            runs, active = backtest(windows, models, start, stop, site, mode, config.backtest.soc_start, [POLICY, BEST], kept, False)
            table = score(runs, active, windows, start, site).set_index("policy")
            out[f"{mode}, adder {adder}, % of {BEST}"] = table.share_of_perfect_foresight_percent[POLICY]
    return out


def errors(model, windows, start, stop, train_homes):
    "What is scored -> error of the load model in % of the mean load."
    scores, out = score_consumption(model, windows, start, stop), {}
    for group, inside in (("trained on", True), ("held out", False)):
        mean = mean_scores({h: s for h, s in scores.items() if (h in train_homes) == inside})
        out |= {f"{span}, homes {group}, MAE % of load": 100 * mean[span]["mae_share"] for span in mean}
    return out


def measure(what, seeds, earlier, quick):
    "What is scored -> one value a seed, of the package as it is imported here."
    config, shipped_ones, out, loads = load_config(), load_models(shipped("data/pretrained", "pretrained")), {}, {}
    if quick:
        small = config.presets["small"]
        config = replace(config, presets=dict(small=replace(small, **{what: replace(getattr(small, what), epochs=1, batches=3)})))
    panel = demo(config)
    windows, whole = Windows(panel), divide(panel, config.split)
    until = whole.test - pd.Timedelta(days=earlier) if earlier else None
    start, stop = panel.step(until or whole.test), panel.step(whole.test if earlier else whole.end)
    for seed in range(config.seed, config.seed + seeds):
        with tempfile.TemporaryDirectory() as folder:
            for name in {"consumption", "trading"} - {what}:  # what the trained one is to act with
                for f in shipped("data/pretrained", "pretrained").glob(f"{name}.*s*"):
                    (Path(folder) / f.name).write_bytes(f.read_bytes())
            done = train(panel, replace(config, seed=seed), folder, models=(what,), until=until, progress=False)
            model, _ = load_checkpoint(folder, what)
        row = money(replace(shipped_ones, **{what: model}), windows, start, stop, config, loads if what == "trading" else {})
        if what == "consumption":
            row |= errors(model, windows, start, stop, done["households"])
        for k, v in row.items():
            out.setdefault(k, []).append(float(v))
        print(f"seed {seed}: {', '.join(f'{v:.1f}' for v in row.values())}", flush=True)
    return out


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], check=True, capture_output=True, text=True).stdout.strip()


def before(base, command):
    "What a commit comes to, from `runs/try` or measured with its own package."
    trees = git("rev-parse", *(f"{base}:{p}" for p in PARTS))
    kept = ROOT / "runs/try" / f"{hashlib.sha256(' '.join([trees, *command]).encode()).hexdigest()[:16]}.json"
    if not kept.exists():
        print(f"before, {git('log', '-1', '--format=%h %s', base)}:", flush=True)
        with tempfile.TemporaryDirectory() as tmp:
            files = subprocess.run(["git", "-C", ROOT, "archive", base, *PARTS, "settings.ini"], check=True, capture_output=True).stdout
            subprocess.run(["tar", "-x", "-C", tmp], input=files, check=True)
            out = Path(tmp) / "out.json"
            run = [sys.executable, f"{tmp}/bench/try.py", *command, "--out", out]
            subprocess.run(run, check=True, cwd=tmp, env={**os.environ, "PYTHONPATH": tmp})
            write_atomic(kept, lambda f: Path(f).write_text(out.read_text()))
    return json.loads(kept.read_text())


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=("consumption", "trading"))
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--base", default="HEAD", help="the commit to compare with")
    p.add_argument("--earlier", type=int, default=0, metavar="DAYS", help="train to so many days before the test and score these")
    p.add_argument("--quick", action="store_true", help="a smoke run: its figures mean nothing")
    p.add_argument("--out", type=Path, help="only measure the package that is imported, into this file")
    args = p.parse_args()
    how = (args.what, args.seeds, args.earlier, args.quick)
    if args.out:
        args.out.write_text(json.dumps(measure(*how)))
        return
    command = [args.what, "--seeds", str(args.seeds), "--earlier", str(args.earlier), *(["--quick"] if args.quick else [])]
    old = before(args.base, command)
    if git("diff", args.base, "--", "energymvp", "config"):
        print("after, the package as it lies here:", flush=True)
        new = measure(*how)
    else:
        print(f"energymvp/ and config/ are as in {args.base}: change something and export it, or name an earlier --base")
        new = old
    print(f"\n| {args.what}, {args.seeds} seeds | before | after | difference |\n| --- | ---: | ---: | ---: |")
    for k in new:
        print(f"| {k} | {spread(old[k])} | {spread(new[k])} | {spread([b - a for a, b in zip(old[k], new[k])])} |")


if __name__ == "__main__":
    main()
