"""What each of T2's 30 columns is worth to the value of stored energy; writes `bench/columns.md`.

.venv/bin/python bench/columns.py --data FOLDER [--market ny] [--seeds 1 2 3]
A market's first node, trained as in `bench/value.py`. On its validation time, lessons are drawn (half with the default battery and the market's
price, half with any battery, tariff and load), a battery goes by the learned value alone, and its money is held against perfect foresight. Then a
column is permuted: each decision reads that of another decision of another lesson, whole. What is lost then is what the column is worth.
"""

import argparse
import datetime
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from common import cpu, given
from energymvp.forecast.trading_features import TRADING_COLUMNS
from energymvp.forecast.windows import Windows
from energymvp.optimizer.optimum import dispatch, perfect_foresight
from energymvp.training.values import make_lessons
from value import MARKETS, ROOT, learn, panels, site

HALF_HOURS = 40_000  # of lessons, about


def drawn(windows, start, stop, home_site, seed):
    "Lessons of the validation time, each as the positions of its half hours."
    lessons = make_lessons(windows, start, stop, home_site, HALF_HOURS, np.random.default_rng(seed))
    return lessons, np.split(lessons.rows, np.flatnonzero(np.diff(lessons.rows) > 1) + 1)


def batteries(lessons, rows, base):
    "The battery of a lesson."
    b, i = lessons.battery, rows[0]
    eta, usable = b["efficiency"][i], base.usable
    power = dict(charge_power=usable / eta / b["hours_to_fill"][i], discharge_power=usable * eta / b["hours_to_empty"][i])
    return type(base)(**{k: getattr(base, k) for k in ("capacity", "soc_min", "soc_max")}, efficiency=eta**2, wear=b["wear"][i], **power)


@torch.no_grad()
def earned(model, lessons, parts, x, base):
    "Cents of all lessons together, by the value alone, and the best possible."
    value = np.concatenate([model.learned_value(torch.from_numpy(p))[:, 0].numpy() for p in np.array_split(x, -(-len(x) // 2048))]).astype(
        float
    )
    got, best, at = 0.0, 0.0, 0
    for rows in parts:
        b, (buy, sell, load) = batteries(lessons, rows, base), (getattr(lessons, k)[rows] for k in ("buy", "sell", "load"))
        energy, _ = dispatch(buy, b, value[at : at + len(rows)], soc_start=b.energy_min, sell_price=sell, load=load)
        got, at = got + b.profit(energy, buy, sell, load).sum(), at + len(rows)
        best += float(perfect_foresight(buy, b, soc_start=b.energy_min, sell_price=sell, load=load).profit)
    return 100 * got / best


def lost(model, windows, start, stop, home_site, seed):
    "Column -> points of perfect foresight lost, and what is earned with all of them."
    lessons, parts = drawn(windows, start, stop, home_site, seed)
    x, rng = lessons.inputs(lessons.rows), np.random.default_rng(seed)
    whole, out = earned(model, lessons, parts, x, home_site.battery), {}
    for i, name in enumerate(TRADING_COLUMNS):
        mixed = x.copy()
        mixed[..., i] = x[rng.permutation(len(x)), :, i]
        out[name] = whole - earned(model, lessons, parts, mixed, home_site.battery)
    return out, whole


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--market", default="ny", choices=list(MARKETS))
    p.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    args = p.parse_args()
    title, nodes = MARKETS[args.market]
    train_on, others = panels(args.data, *nodes[0])[0], [panels(args.data, *n)[0] for n in nodes[1:]]
    start, home_site, found, wholes = pd.Timestamp(nodes[0][6], tz=nodes[0][4]).tz_convert("UTC"), site(0.0)[1], [], []
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as folder:
            models, _, _ = learn(train_on, others, start, seed, 0.0, Path(folder) / "run")
        spans, windows = models.meta["spans"], Windows(train_on.until(start))
        cut, stop = (train_on.step(pd.Timestamp(spans[k])) for k in ("validation", "test"))
        of, whole = lost(models.trading, windows, cut, stop, home_site, seed)
        found.append(of)
        wholes.append(whole)
        print(f"{datetime.datetime.now():%H:%M:%S}", seed, round(whole, 1), {k: round(v, 2) for k, v in of.items()}, flush=True)
    table = pd.DataFrame(found).T
    order = table.mean(axis=1).sort_values(ascending=False).index
    lines = ["| column | points lost | least and most of the seeds |", "| --- | ---: | ---: |"]
    lines += [f"| `{c}` | {table.loc[c].mean():.2f} | {table.loc[c].min():.2f} to {table.loc[c].max():.2f} |" for c in order]
    said = f"{datetime.date.today()}, {cpu()}. Made by `bench/columns.py --data FOLDER{given(p, args, ['market', 'seeds'])}`."
    about = __doc__.split("[--seeds 1 2 3]\n")[1].strip()
    text = f"{title}: {nodes[0][0]}. With all columns {', '.join(f'{w:.1f}' for w in wholes)} % of perfect foresight (seeds {', '.join(map(str, args.seeds))})."
    (ROOT / "bench" / "columns.md").write_text("\n\n".join([said, about, text, "\n".join(lines)]) + "\n")


if __name__ == "__main__":
    main()
