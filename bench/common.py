"What the benchmarks share: the machine in a word, and the demo's homes and prices."

import platform
import tempfile
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
