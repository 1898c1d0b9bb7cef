"What the benchmarks share: the machine in a word, the demo's homes and prices, and T2 without a part of it."

import copy
import platform
import tempfile
from dataclasses import replace
from pathlib import Path

from energymvp.data.align import load_panel
from energymvp.data.sources import demo_market, ingest_demo
from energymvp.data.stores import LocalStore


def cpu():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x.split(":")[1].strip() for x in lines if x.startswith(("model name", "CPU implementer")))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def demo(config):
    "All homes of the demo and its market."
    with tempfile.TemporaryDirectory() as tmp, LocalStore(Path(tmp) / "demo.duckdb") as store:
        ingest_demo(store)
        homes, node, market = demo_market()
        return load_panel(store, config.timezone, homes, node=node, market=market)


def without(models, *parts):
    "The models with heads of T2 (price, value) silenced: they then add nothing to what they start from."
    trading = copy.deepcopy(models.trading)
    for part in parts:
        head = dict(price=trading.price, value=trading.value[-1])[part]
        head.weight.data.zero_(), head.bias.data.zero_()
    return replace(models, trading=trading)
