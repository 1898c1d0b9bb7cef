"""The package, as `settings.ini` describes it."""

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13"]
DATA = {
    "demo_data": ("data/demo", "*"),
    "default_config": ("config", "*.yaml"),
    "sql_schema": ("sql", "*.sql"),
    "templates": ("templates", "*"),
    "schemas": ("schemas", "*.json"),
    "pretrained": ("data/pretrained", "*.*"),
    "tariffs": ("data/tariffs", "*.json"),
}  # package: its folder and files

parser = ConfigParser(delimiters=["="])
parser.read(ROOT / "settings.ini", encoding="utf-8")
cfg = parser["DEFAULT"]
lib, extra = cfg["lib_name"], "_requirements"
DATA = {name: d for name, d in DATA.items() if (ROOT / d[0]).is_dir()}
readme = ROOT / "README.md"

setup(
    name=lib,
    version=cfg["version"],
    description=cfg["description"],
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else cfg["description"],
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    keywords=cfg["keywords"].split(),
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Natural Language :: English",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: {v}" for v in PYTHONS[PYTHONS.index(cfg["min_python"]) :]),
    ],
    python_requires=">=" + cfg["min_python"],
    install_requires=cfg["requirements"].split(),
    extras_require={k.removesuffix(extra): v.split() for k, v in cfg.items() if k.endswith(extra)},
    packages=find_packages(include=[lib, f"{lib}.*"]) + [f"{lib}.{name}" for name in DATA],
    package_dir={f"{lib}.{name}": folder for name, (folder, _) in DATA.items()},
    package_data={f"{lib}.{name}": [files] for name, (_, files) in DATA.items()},
    include_package_data=False,
    entry_points={"console_scripts": cfg["console_scripts"].split(), "nbdev": [f"{lib}={lib}._modidx:d"]},
    zip_safe=False,
)
