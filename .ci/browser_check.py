"""Look at the API's page in a real browser: start the app, without and with a home that runs, drive headless Chromium, change inputs, take pictures.

    python .ci/browser_check.py --out pictures                                       # the API's pages
    python .ci/browser_check.py --out pictures --page _docs/index.html --no-api      # other pages, files or addresses, instead

Chromium is driven through its own DevTools protocol, so nothing but the browser and `websockets` is needed.
"""

import argparse
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --hide-scrollbars --remote-debugging-port=0 --remote-allow-origins=*"
).split()
WIDE, PHONE = 1200, 400  # pixels


class Browser:
    "One page of a headless Chromium."

    def __init__(self, folder):
        from websockets.sync.client import connect

        program = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
        if program is None:
            sys.exit("browser check: there is no Chromium on this machine: get it with `apt-get install -y chromium`")
        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        port_file = Path(folder) / "DevToolsActivePort"
        wait(lambda: port_file.exists() and len(port_file.read_text().split()) == 2, "Chromium does not start")
        tabs = json.load(urlopen(f"http://127.0.0.1:{port_file.read_text().split()[0]}/json/list"))
        self.socket = connect(next(t for t in tabs if t["type"] == "page")["webSocketDebuggerUrl"], max_size=None)
        self.calls, self.complaints, self.loaded = 0, [], False
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        "Ask the browser and wait for its answer; what it complains of meanwhile is kept."
        self.calls += 1
        self.socket.send(json.dumps(dict(id=self.calls, method=method, params=params)))
        while True:
            m = json.loads(self.socket.recv(timeout=60))
            if m.get("id") == self.calls:
                if "error" in m:
                    raise RuntimeError(f"{method}: {m['error']['message']}")
                return m["result"]
            self.note(m)

    def note(self, m):
        p = m.get("params", {})
        if m["method"] == "Page.loadEventFired":
            self.loaded = True
        elif m["method"] == "Runtime.exceptionThrown":
            d = p["exceptionDetails"]
            self.complaints.append(d.get("exception", {}).get("description") or d["text"])
        elif m["method"] == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(a.get("value", a.get("description"))) for a in p["args"]))
        elif m["method"] == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{p['entry']['text']} {p['entry'].get('url', '')}".strip())

    def run(self, script):
        "The value of a JavaScript expression."
        r = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in r:
            raise RuntimeError(f"{script}: {r['exceptionDetails']['exception']['description']}")
        return r["result"].get("value")

    def size(self, width, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def dark(self, on):
        self.call("Emulation.setEmulatedMedia", features=[dict(name="prefers-color-scheme", value="dark" if on else "light")])

    def open(self, url):
        self.loaded = False
        self.call("Page.navigate", url=url)
        wait(lambda: self.loaded or self.call("Runtime.evaluate", expression="0") and self.loaded, f"{url} does not load")

    def picture(self, file):
        "The whole page as a PNG; its width must not be more than the window's."
        wide = self.run("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            self.complaints.append(f"{file.name}: the page is {wide} pixels wider than the window")
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))
        print(f"  {file}")

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait(20)


def wait(ready, problem, seconds=120):
    "The first true value of `ready()`."
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := ready():
            return value
        time.sleep(0.1)
    raise RuntimeError(f"{problem} (waited {seconds} s)")


def serve(**how):
    "The app on a free loopback port, in a thread; its address. `how` goes to `create_app`."
    from energymvp.service.app import create_app, server_of

    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    server = server_of(create_app(**how), "127.0.0.1", 0)
    threading.Thread(target=server.run, kwargs=dict(sockets=[s]), daemon=True).start()
    wait(lambda: server.started, "the app does not start")
    return f"http://127.0.0.1:{s.getsockname()[1]}/"


def live_store():
    "A home of the demo whose last reading is of this half hour, and whose yesterday is settled."
    import pandas as pd

    from energymvp.data.stores import LocalStore
    from energymvp.planner import demo_store
    from energymvp.units import HALF_HOUR, day_start

    source, store, now = demo_store("fontana-02", solar=True), LocalStore(":memory:"), pd.Timestamp.now("UTC")
    for name in ("consumption", "meters"):
        rows = source.read(name)
        weeks = (now - rows.ts.max()).ceil("7D")  # on the same weekday
        rows = rows.assign(ts=rows.ts + weeks)
        store.upsert(name, rows[rows.ts + HALF_HOUR <= now])
    yesterday = day_start(day_start(now, "America/Los_Angeles") - pd.Timedelta(hours=12), "America/Los_Angeles")
    bills = dict(bill_cents=210.0, no_battery_cents=300.0, self_consumption_cents=240.0, best_cents=200.0)
    flows = dict(load_kwh=12.0, solar_kwh=9.0, import_kwh=6.0, export_kwh=3.0, cycles=0.9, half_hours=48.0)
    store.upsert("settlements", pd.DataFrame([dict(household_id="fontana-02", ts=yesterday) | flows | bills]))
    return store


def check_home(browser, out):
    "What must hold of the page of a home that runs; a list of what does not."
    from energymvp.data.readers.tariffs import read_tariff
    from energymvp.service.live import Homes

    problems, text = [], lambda i: browser.run(f"document.getElementById('{i}').textContent")

    def need(good, problem):
        if not good:
            problems.append(problem)

    def homes(crew):
        planner = crew.planner
        planner.site = type(planner.site)(**vars(planner.site) | dict(tariff=read_tariff("pge-ev2-a", export=8)))
        return Homes(live_store(), planner, loop=True, every=1)

    url = serve(homes=homes)
    state = json.dumps(dict(soc=0.5, load_kw=0.4, solar_kw=1.2)).encode()
    put = Request(f"{url}v1/homes/fontana-02/state", state, {"content-type": "application/json"}, method="PUT")
    need(json.load(urlopen(put))["state"]["fresh"], "a state of this moment is not fresh")
    urlopen(Request(f"{url}v1/homes/fontana-02/replan", method="POST")).read()
    browser.size(WIDE)
    browser.open(url)
    wait(lambda: browser.run("turn > 0 && turn === answered"), "the page of a home has no answer")
    wait(lambda: browser.run("document.querySelectorAll('svg rect.bar').length > 0"), "the page shows no plan")
    bars, trades = (
        browser.run("document.querySelectorAll('svg rect.bar').length"),
        browser.run("plan.steps.filter(s => s.grid_kwh !== 0).length"),
    )
    need(bars == trades, f"{bars} bars for {trades} half hours with a trade")
    need(text("mode").startswith("The battery "), f"what holds now is {text('mode')!r}")
    need("charge 50 % (6.8 kWh)" in text("facts") and "sun 1.2 kW" in text("facts"), f"the state is {text('facts')!r}")
    need(text("reason") != "" and browser.run("!!document.getElementById('here')"), "there is no reason, or no mark of the time")
    need(
        browser.run("document.querySelectorAll('#why li').length === plan.why.length && plan.why.length > 0"),
        "the reasons are not the plan's",
    )
    need("210" in text("days") and "90" in text("days"), f"yesterday is {text('days')!r}")
    need(browser.run("[...document.querySelectorAll('input')].every(el => el.labels.length === 1)"), "an input has no label")
    browser.picture(out / "home_wide.png")
    browser.dark(True)
    browser.picture(out / "home_dark.png")
    browser.dark(False)
    browser.size(PHONE)
    browser.run("new Promise(done => setTimeout(done, 300))")
    browser.picture(out / "home_phone.png")
    browser.size(WIDE)
    complaints, before = len(browser.complaints), browser.run("turn")
    browser.run("(() => { document.getElementById('home').value = '<b>nobody'; document.querySelector('button').click(); })()")
    wait(lambda: browser.run(f"turn > {before} && turn === answered"), "no answer for a home that is not there")
    need(
        "no such home" in text("wrong") and browser.run("document.getElementById('shown').hidden"),
        f"of no home the page says {text('wrong')!r}",
    )
    late = browser.complaints[complaints:]  # the browser itself notes an answer 404, which was asked for
    browser.complaints[complaints:] = [c for c in late if "status of 404" not in c]
    print(f"  a home: {bars} bars")
    return problems


def check_api(browser, out):
    "What must hold of the page; a list of what does not."
    problems = []

    def need(good, problem):
        if not good:
            problems.append(problem)

    cents = lambda: float(browser.run("document.getElementById('cents')?.textContent ?? 'NaN'"))
    alert = lambda: browser.run("document.getElementById('wrong').textContent")

    def put(at, value):
        "Type into an input, as a visitor does, and wait until the page has an answer."
        prop = "checked" if isinstance(value, bool) else "value"
        before = browser.run("turn")
        browser.run(
            f"(() => {{ const el = document.querySelector('[data-at=\"{at}\"]'); el.{prop} = {json.dumps(value)}; wrong(''); "
            "el.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )
        settled = f"(turn > {before} && turn === answered) || document.getElementById('wrong').textContent !== ''"
        wait(lambda: browser.run(settled), f"no answer to {at} = {value}")

    browser.size(WIDE)
    browser.open(serve())
    wait(lambda: browser.run("!!document.getElementById('cents')"), "the page shows no plan")
    first = cents()
    bars = browser.run("document.querySelectorAll('svg rect.bar').length")
    trades = browser.run("plan.steps.filter(s => s.grid_kwh !== 0).length")
    need(bars == trades > 0, f"{bars} bars for {trades} half hours with a trade")
    need(browser.run("document.querySelectorAll('svg text.name').length") == 4, "the picture lacks a panel")
    need(browser.run("inputs.every(el => el.labels.length === 1)"), "an input has no label")
    browser.picture(out / "api_wide.png")
    browser.dark(True)
    browser.picture(out / "api_dark.png")
    browser.dark(False)
    browser.size(PHONE)
    browser.run("new Promise(done => setTimeout(done, 300))")
    browser.picture(out / "api_phone.png")
    browser.size(WIDE)

    put("battery.capacity", "27")
    need(cents() > first, f"twice the capacity is expected to earn {cents()} cents, and not more than {first}")
    put("battery.capacity", "13.5")
    need(cents() == first, f"the first battery again, and {cents()} cents instead of {first}")
    put("obey_thresholds", True)
    need(cents() < first, f"within the thresholds {cents()} cents, and not less than {first}")
    put("obey_thresholds", False)
    complaints = len(browser.complaints)
    for value, words in (("-1", "capacity"), ("", "enter a number")):
        put("battery.capacity", value)
        need(words in alert(), f"capacity {value!r}: the page says {alert()!r}")
        need(browser.run("document.querySelector('[aria-invalid=true]')?.dataset.at") == "battery.capacity", "the input is not marked")
    browser.picture(out / "api_wrong.png")
    put("battery.capacity", "13.5")
    wait(lambda: alert() == "", "the message stays after the value is right again")
    late = browser.complaints[complaints:]  # the browser itself notes an answer 422, which was asked for
    browser.complaints[complaints:] = [c for c in late if "status of 422" not in c]
    need(cents() == first, f"after a wrong value {cents()} cents instead of {first}")
    print(f"  expected cents {first}, {bars} bars")
    return problems


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    ap.add_argument("--page", action="append", default=[], help="another page to open: a file or an address; may be given several times")
    ap.add_argument("--no-api", action="store_true", help="only the pages that --page names")
    args = ap.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    problems = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            if not args.no_api:
                problems += check_api(browser, args.out)
                problems += check_home(browser, args.out)
            for page in args.page:
                browser.size(WIDE)
                browser.open(page if "://" in page else Path(page).resolve().as_uri())
                browser.picture(args.out / f"page_{Path(page).stem or 'index'}.png")
        finally:
            browser.close()
    away = [c for c in browser.complaints if "Failed to load resource: net::" in c and "https://" in c]  # fonts, badges: CI is offline
    problems += [f"the browser complains: {c}" for c in browser.complaints if c not in away]
    for p in problems:
        print(f"browser check: {p}")
    print("browser check:", f"{len(problems)} problems" if problems else "everything as it should be")
    return 1 if problems else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
