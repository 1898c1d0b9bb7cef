"""The models that travel with the library, from a finished demo: `energymvp demo --out runs/demo`, then

    python data/build_pretrained.py runs/demo

copies the checkpoints to data/pretrained and writes their model card, every figure of it from the demo's results.
"""

import json
import shutil
import sys
from pathlib import Path

from energymvp.backtest.evaluate import trading_table

HERE = Path(__file__).resolve().parent / "pretrained"
CARD = """# The models that travel with the library

`energymvp plan` and `energymvp evaluate` use them where no `--run` is named.

**What they are.** T1 ({t1:,} weights) forecasts a home's consumption, T2 ({t2:,} weights) the price, from which decisions follow. Preset
`{preset}`, seed {seed}. Made by `energymvp demo` and `data/build_pretrained.py`, on {torch}.

**What they were trained on.** {seen} homes and one market of the demo data, {start} to {validation}, stopped on {validation} to {test};
a quarter of what T1 read had a **simulated** car or water heater added;
sources and licences (CC BY 4.0, MIT, BSD-3-Clause) are in `data/README.md`. Homes never seen: {held_out}. The market is a **day-ahead** market
of 2015 at an assumed level, whose prices every plan knows as far as they are published; a real-time market behaves otherwise, so for one
of those train on its own prices before you trust a plan.
Battery {capacity:g} kWh, {power:g} kW; T2 learns the market's price, without a tariff.

**How they score**, {test} to {end}, after all training:

| consumption, MAE in % of mean load | T1, day | naive bar, day | best median, day | T1, week | naive bar, week | best median, week | in the 10-90 % band, day |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{consumption}

| % of perfect foresight, {homes} homes | {heads} |
| --- | {rules} |
{money}

**What they are not for.** Homes with solar, other climates than those of the demo without a look at `evaluate`, and markets with spikes that
they have never met.
"""


def consumption(results):
    for group, what in (("trained_on", "homes of the training"), ("held_out", "homes never trained on")):
        f = results["consumption"]["mean"][group]
        share = [100 * f[span][k] for span in ("day", "week") for k in ("mae_share", "naive_mae_share", "median_mae_share")]
        yield f"| {what} | {' | '.join(f'{x:.1f}' for x in share)} | {100 * f['day']['coverage']:.0f} % |"


def main(run):
    results = json.loads((run / "results.json").read_text())
    meta = {n: json.loads((run / f"{n}.json").read_text()) for n in ("consumption", "trading")}
    HERE.mkdir(exist_ok=True)
    for name in meta:
        for kind in ("json", "safetensors"):
            shutil.copy(run / f"{name}.{kind}", HERE)
    m, day = meta["trading"], lambda t: str(t)[:10]
    cases = [(mode, tariff) for mode, tables in results["trading"].items() for tariff in tables]
    tables = {c: trading_table(results, *c)["% of best"] for c in cases}
    rows = [f"| {p} | {' | '.join(f'{tables[c][p]:.1f}' for c in cases)} |" for p in tables[cases[0]].index if p != "no battery"]
    card = CARD.format(
        t1=meta["consumption"]["parameters"], t2=m["parameters"], preset=m["preset"], seed=m["seed"], torch=f"torch {m['versions']['torch']}",
        seen=len(m["households"]), held_out=", ".join(m["held_out"]), start=day(m["spans"]["start"]), validation=day(m["spans"]["validation"]),
        test=day(m["spans"]["test"]), end=day(results["span"]["to"]), capacity=m["battery"]["capacity"], power=m["battery"]["charge_power"],
        consumption="\n".join(consumption(results)), homes=len(results["scored_days"]), money="\n".join(rows),
        heads=" | ".join(f"{mode}, {tariff.removeprefix('adder_')} cents delivery" for mode, tariff in cases), rules=" | ".join(["---:"] * len(cases)),
    )  # fmt: skip
    (HERE / "README.md").write_text(card)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
