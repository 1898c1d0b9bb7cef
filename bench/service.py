"""The service under load: writes bench/service.md.

A service of this library, started by its own command, with a store of twelve homes of the demo that report and are run by the loop inside
it, once a minute. Clients on the same machine ask over loopback, so they and the service share its cores. `--before REV` measures the
plans of an earlier commit's service, too, in turns with this one; it has no homes.
"""

import argparse
import asyncio
import contextlib
import datetime
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pandas as pd
from common import cpu, given

from energymvp.data.stores import LocalStore
from energymvp.planner import demo_store
from energymvp.units import HALF_HOUR

ROOT = Path(__file__).parents[1]
SHARED = "Clients and whatever else the machine does share its cores: rates and waits are those of what is left of them, the CPU of a plan is its own."


def fill(file):
    "Homes of the demo whose last readings are of this half hour; their names."
    source, now = demo_store(), pd.Timestamp.now("UTC")
    with LocalStore(file) as store:
        rows = source.read("consumption")
        rows = rows.assign(ts=rows.ts + (now - rows.ts.max()).ceil("7D"))
        store.upsert("consumption", rows[(rows.ts + HALF_HOUR <= now) & (rows.ts > now - pd.Timedelta(days=60))])
        return store.distinct("consumption", "household_id")


@contextlib.contextmanager
def running(tree, *args):
    "Port and process of a service of the library in a folder."
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = os.environ | dict(PYTHONPATH=str(tree), OMP_NUM_THREADS="1")
    command = [sys.executable, "-m", "energymvp.cli.app", "serve", "--port", str(port), *args]
    with tempfile.TemporaryFile("w+") as log:
        p = subprocess.Popen(command, env=env, cwd=tempfile.gettempdir(), stdout=log, stderr=log)
        try:
            for _ in range(1200):
                with contextlib.suppress(OSError):
                    urlopen(f"http://127.0.0.1:{port}/health", timeout=10).read()
                    break
                if p.poll() is not None:
                    log.seek(0)
                    sys.exit(f"the service ended: {log.read()[-2000:]}")
                time.sleep(0.2)
            yield port, p
        finally:
            p.terminate()
            p.wait(60)


class Client:
    "A connection that stays open."

    def __init__(self, port):
        self.port, self.reader = port, None

    async def ask(self, path, body=b"", method="GET"):
        "Status and milliseconds."
        start = time.perf_counter()
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        header = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        await self.reader.readexactly(int(header.split(b"content-length: ")[1].split(b"\r\n")[0]))
        return int(header.split()[1]), 1000 * (time.perf_counter() - start)


async def crowd(port, clients, seconds, path, body=b"", method="GET"):
    "(status, ms) of what clients ask that wait for each answer, and the seconds it took."
    until, found, start = time.monotonic() + seconds, [], time.perf_counter()

    async def one():
        client = Client(port)
        while time.monotonic() < until:
            found.append(await client.ask(path, body, method))

    await asyncio.gather(*(one() for _ in range(clients)))
    return found, time.perf_counter() - start


async def steady(port, rate, seconds, paths, clients=16):
    "(status, ms) of requests that come so many a second, whether answered or not; the wait for a free connection counts."
    found, free, tasks, start = [], asyncio.Queue(), [], time.perf_counter()
    for _ in range(clients):
        free.put_nowait(Client(port))

    async def one(path):
        begun, client = time.perf_counter(), await free.get()
        status, _ = await client.ask(path)
        found.append((status, 1000 * (time.perf_counter() - begun)))
        free.put_nowait(client)

    for i in range(int(rate * seconds)):
        await asyncio.sleep(max(start + i / rate - time.perf_counter(), 0))
        tasks.append(asyncio.create_task(one(paths[i % len(paths)])))
    await asyncio.gather(*tasks)
    return found, time.perf_counter() - start


def family(p):
    "A process and those it started."
    todo = [p.pid]
    for pid in todo:
        todo += [int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()]
    return todo


def memory(p):
    "MB that a service holds, what its processes share counted once."
    pss = lambda pid: next(x for x in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if x.startswith("Pss:"))
    return sum(int(pss(pid).split()[1]) for pid in family(p)) / 1024


def cpu_time(p):
    "CPU seconds of a service so far."
    ticks = lambda pid: sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
    return sum(map(ticks, family(p))) / os.sysconf("SC_CLK_TCK")


def row(what, found, took, cpu=0.0):
    "A row of the table; `cpu` are seconds of the service."
    ms, refused = np.array([t for s, t in found if s == 200]), sum(s == 503 for s, _ in found)
    if odd := {s for s, _ in found} - {200, 503}:
        sys.exit(f"{what}: answers with status {odd}")
    p = np.percentile(ms, [50, 99, 100])
    each = f"{1000 * cpu / len(ms):.0f}" if cpu else ""
    return f"| {what} | {len(ms) / took:.1f} | " + " | ".join(f"{x:.1f}" for x in p) + f" | {each} | {refused} |"


async def plans(services, body, seconds, rounds=2):
    "Rows of plans, alone and by eight clients, and of the health that is asked meanwhile; services take turns. label -> port and process."
    found, lines = {}, []
    for label, (port, _) in services.items():
        ((_, first),), _ = await crowd(port, 1, 0.001, "/plan", body, "POST")
        lines.append(f"First plan after the start, {label}: {first / 1000:.1f} s.")
    for _ in range(rounds):
        for label, (port, p) in services.items():
            for clients in (1, 8):
                before = cpu_time(p)
                (some, took), health = await asyncio.gather(
                    crowd(port, clients, seconds, "/plan", body, "POST"), steady(port, 10, seconds, ["/health"])
                )
                for what, more in ((f"plans, clients: {clients}", (some, took)), (f"health beside plans, clients: {clients}", health)):
                    old = found.setdefault((what, label), ([], 0.0, 0.0))
                    found[what, label] = old[0] + more[0], old[1] + more[1], old[2] + cpu_time(p) - before
    rows = [
        row(f"{label}, {what}", some, took, cpu if what.startswith("plans") else 0.0)
        for (what, label), (some, took, cpu) in sorted(found.items())
    ]
    return rows, lines


async def of_homes(port, homes, body, seconds):
    "Rows of what homes ask while the loop runs, alone and beside plans."
    paths = [f"/v1/homes/{h}/now" for h in homes]
    put = Client(port)
    for h in homes:
        await put.ask(f"/v1/homes/{h}/state", b'{"soc": 0.5}', "PUT")
    alone = await steady(port, 200, max(seconds, 65), paths)  # the loop looks once at least
    beside, _ = await asyncio.gather(steady(port, 200, seconds, paths), crowd(port, 2, seconds, "/plan", body, "POST"))
    states = await crowd(port, 4, seconds, paths[0].replace("now", "state"), b'{"soc": 0.5}', "PUT")
    again = await crowd(port, 4, seconds, paths[0].replace("now", "replan"), b"", "POST")
    many = await steady(port, 20, seconds, ["/v1/fleet"])
    wrong, health = await asyncio.gather(_odd(port, seconds), steady(port, 20, seconds, ["/healthz"]))
    rows = [("`now` at 200/s, the loop running", alone), ("`now` at 200/s, the loop running, beside plans of 2 clients", beside)]
    rows += [("`state`, 4 clients", states), ("`replan`, 4 clients", again), ("`fleet` at 20/s", many)]
    return [row(f"now, {what}", *found) for what, found in rows] + [row(f"now, `healthz` beside {wrong} bodies of 300,000 fields", *health)]


async def _odd(port, seconds):
    "How many bodies of unknown fields were refused."
    body = json.dumps({f"k{i}": 0 for i in range(300_000)}).encode()
    found, _ = await crowd(port, 2, seconds, "/plan", body, "POST")
    assert {s for s, _ in found} == {422}, {s for s, _ in found}
    return len(found)


async def ten_thousand(port, p, homes, body, requests):
    "A sentence on the memory before and after so many requests."
    client, held = Client(port), [memory(p)]
    for i in range(requests):
        if i % 10 == 0:
            await client.ask("/plan", body, "POST")
        elif i % 10 < 3:
            await client.ask(f"/v1/homes/{homes[i % len(homes)]}/state", b'{"soc": 0.5}', "PUT")
        else:
            await client.ask(f"/v1/homes/{homes[i % len(homes)]}/now")
        if (i + 1) % (requests // 4) == 0:
            held.append(memory(p))
    said = ", ".join(f"{x:.0f}" for x in held)
    return f"Memory over {requests:,} requests (a tenth plans, two tenths states, the rest `now`), all processes: {said} MB at the start and after each quarter.\n"


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    ap.add_argument("--requests", type=int, default=10_000, help="over which memory is watched")
    ap.add_argument("--workers", type=int, default=2, help="processes that make plans")
    ap.add_argument("--before", help="a commit whose service is measured too")
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as held:
        file = f"{folder}/homes.duckdb"
        homes = fill(file)
        command = ("--workers", str(args.workers), "--store", file, "--loop", "--every", "1min", "--tariff", "pge-ev2-a")
        port, p = held.enter_context(running(ROOT, *command))
        body = urlopen(f"http://127.0.0.1:{port}/demo").read()
        if args.before:
            tree = Path(folder) / "before"
            subprocess.run(["git", "worktree", "add", "-q", "--detach", tree, args.before], cwd=ROOT, check=True)
            held.callback(subprocess.run, ["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)
            other, q = held.enter_context(running(tree))
            services = {args.before: (other, q), "now": (port, p)}
        else:
            services = {"now": (port, p)}
        lines, first = asyncio.run(plans(services, body, args.seconds))
        lines += asyncio.run(of_homes(port, homes, body, args.seconds))
        said = asyncio.run(ten_thousand(port, p, homes, body, args.requests))
    made = f"`python bench/service.py{given(ap, args, ('seconds', 'requests', 'workers', 'before'))}`"
    head = f"{datetime.date.today()}, {os.cpu_count()} cores of {cpu()}, load average {os.getloadavg()[2]:.1f} over the last quarter of an hour, Python {platform.python_version()}. Made by {made}; clients on the same cores.\n"
    table = [
        "| what | a second | median, ms | p99, ms | most, ms | CPU of the service, ms each | refused with 503 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *lines,
    ]
    text = head + f"\n{SHARED}\n\n" + "\n".join(table) + "\n\n" + "\n".join(first) + "\n\n" + said
    (Path(__file__).parent / "service.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
