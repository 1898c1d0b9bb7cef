"What the benchmarks share: the machine in a word, the demo's homes and prices, and T2 with a part of it changed."

import platform
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from energymvp.data.panel import load_panel
from energymvp.data.ingest import demo_market, ingest_demo
from energymvp.data.stores import LocalStore
from energymvp.forecast.checkpoints import load_models
from energymvp.forecast.trading_features import PRICE_EXPECTED
from energymvp.forecast.trading_model import PATCH, TradingModel
from torch import nn


def cpu():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x.split(":")[1].strip() for x in lines if x.startswith(("model name", "CPU implementer")))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def given(parser, args, names):
    "Those of the named options that are not as they are by default, as they are typed after the command."
    said = [(k, getattr(args, k)) for k in names if getattr(args, k) != parser.get_default(k)]
    typed = lambda v: "" if v is True else f" {' '.join(map(str, v)) if isinstance(v, list) else v}"
    return "".join(f" --{k}{typed(v)}" for k, v in said)


def spread(x, digits=1):
    "Mean and half the range."
    return f"{sum(x) / len(x):.{digits}f}" + (f" ± {(max(x) - min(x)) / 2:.{digits}f}" if len(x) > 1 else "")


def demo(config):
    "All homes of the demo and its market."
    with tempfile.TemporaryDirectory() as tmp, LocalStore(Path(tmp) / "demo.duckdb") as store:
        ingest_demo(store)
        homes, node, market = demo_market()
        panel = load_panel(store, config.timezone, homes, node=node, market=market)
    return replace(panel, day_ahead=np.full(len(panel.ts), np.nan, np.float32))  # with published prices no forecast of them could tell


class Free(TradingModel):
    "T2 with a correction of the expected price that may be anything, instead of a mix."

    def __init__(self, *size, **named):
        super().__init__(*size, **named)
        self.mix = nn.Linear(self.size["d_model"], PATCH)
        nn.init.zeros_(self.mix.weight), nn.init.zeros_(self.mix.bias)

    def mixture_price(self, x):
        return x[..., PRICE_EXPECTED] + self.scale(x)[1] * self.mix(self.encoded(x)).flatten(1).float()


def copy_t1(folder, to):
    "Copy T1's checkpoint from one folder to another, which is made."
    Path(to).mkdir(parents=True, exist_ok=True)
    for f in Path(folder).glob("consumption.*s*"):
        shutil.copy(f, to)


def free(train, folder):
    "The models of a folder, but T2 trained by `train`, with a folder and `build`, with a free correction instead of a mix."
    own, build = Path(folder).with_name(f"{Path(folder).name}_free"), dict(trading=Free)
    copy_t1(folder, own)
    train(own, build=build)
    return load_models(own, build)
