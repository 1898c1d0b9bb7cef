"""The tariffs that travel with the library: `python data/build_tariffs.py FOLDER`, with records of cbetz/ratebook (data CC0) in it."""

import json
import sys
from pathlib import Path

from energymvp.data.readers.rate_databases import SILENT

HERE = Path(__file__).resolve().parent / "tariffs"
NOTHING = dict(direction="export")
FORMULAS = {
    "octopus-agile": dict(
        timezone="Europe/London", currency="GBP", source="Octopus Agile, import: 2.2 x wholesale and 12 p from 16:00 to 19:00, 5 % VAT, cap 100 p; the factor differs by region",
        rows=[
            dict(direction="import", start=0, stop=960, mult=2.31, cap=100), dict(direction="import", start=960, stop=1140, mult=2.31, add=12.6, cap=100),
            dict(direction="import", start=1140, stop=1440, mult=2.31, cap=100), NOTHING,
        ],
    ),
    "tibber-de": dict(
        timezone="Europe/Berlin", currency="EUR", source="Tibber, Germany 2023, one grid area: spot with 19 % VAT, and 12.572 cents of grid, taxes and fees",
        rows=[dict(direction="import", mult=1.19, add=12.57235), NOTHING],
    ),
    "awattar-de": dict(
        timezone="Europe/Berlin", currency="EUR", source="aWATTar HOURLY, Germany: (spot x 1.03 + 1.5 cents) with 19 % VAT; grid and taxes are not in it",
        rows=[dict(direction="import", mult=1.2257, add=1.785), NOTHING],
    ),
}  # fmt: skip


def main(folder):
    for file in sorted(Path(folder).glob("*.json")):
        (HERE / file.name).write_text(json.dumps(json.loads(file.read_text()), separators=(",", ":")) + "\n")
    for name, table in FORMULAS.items():
        (HERE / f"{name}.json").write_text(json.dumps(dict(name=name, notes=[SILENT], **table), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
