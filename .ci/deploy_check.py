"""Are the files of `deploy/` whole? They are parsed, the commands and options that they name must be those of `energymvp`, and what they
repeat of elsewhere must be the same. Nothing is started; shellcheck and systemd-analyze look too, where they are installed."""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from typer.main import get_command

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
sys.path.append(str(DEPLOY))
import make_env  # noqa: E402

ADDON = DEPLOY / "homeassistant" / "energymvp"
OURS = re.compile(r"energymvp (?=[a-z-]+ --|run )(.*)")


def command_lines():
    "Where each command line of ours stands, and its words."
    for path in sorted(p for p in DEPLOY.rglob("*") if p.suffix in (".md", ".service", ".sh")):
        text = path.read_text().replace("\\\n", " ")
        for line in text.splitlines():
            for found in OURS.findall(line.split("`")[1] if line.count("`") == 2 else line):
                yield path.name, shlex.split(re.sub(r"\$\([^()]*\)", "X", found.split("`")[0]))
    for service in yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].values():
        if "build" in service:
            yield "compose.yaml", service["command"]


def wrong_commands():
    "Commands and options that the command line does not have."
    from energymvp.cli.app import app

    commands, seen = get_command(app).commands, set()
    for place, (name, *words) in command_lines():
        seen.add(place)
        if name not in commands:
            yield f"{place}: energymvp has no command {name}"
            continue
        known = {o for p in commands[name].params for o in p.opts}
        yield from (f"{place}: energymvp {name} has no option {w}" for w in words if w.startswith("--") and w not in known)
    missing = {"energymvp.service", "run.sh", "compose.yaml", "README.md"} - seen
    yield from (f"{place}: no command of energymvp is found in it" for place in sorted(missing))


def wrong_files():
    "What is written in one file and lacks in another."
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(".") and source != "./broker/passwords" and not (DEPLOY / source).exists():
                yield f"compose.yaml: {name} mounts {source}, which is not there"
        wanted = {*service.get("depends_on", [])} - {*compose["services"]}
        yield from (f"compose.yaml: {name} depends on {w}, which is not there" for w in wanted)
    with tempfile.TemporaryDirectory() as tmp:
        make_env.ENV, make_env.PASSWORDS = Path(tmp) / ".env", Path(tmp) / "passwords"
        make_env.main()
        made = {line.split("=")[0] for line in make_env.ENV.read_text().splitlines()}
    named = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    yield from (f"compose.yaml: nothing sets {n}" for n in sorted(named - made))
    config, build = (yaml.safe_load((ADDON / name).read_text()) for name in ("config.yaml", "build.yaml"))
    yaml.safe_load((ADDON.parent / "repository.yaml").read_text())
    if {*config["options"]} - {*config["schema"]} or {*build["build_from"]} != {*config["arch"]}:
        yield "homeassistant: config.yaml has options that its schema lacks, or other machines than build.yaml"
    asked = set(re.findall(r"bashio::config(?:\.has_value)? (\w+)", (ADDON / "run.sh").read_text()))
    if asked != {*config["schema"]}:
        yield f"homeassistant: run.sh asks for {sorted(asked)}, config.yaml has {sorted(config['schema'])}"
    copied = re.findall(r"^!(\S+)", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.M)
    yield from (f"Dockerfile.dockerignore: {c} is not there" for c in copied if not (ROOT / c).exists())


def looked_at():
    "What other programs say, where they are installed."
    scripts = [str(p) for p in DEPLOY.rglob("*.sh")]
    unit = (DEPLOY / "energymvp.service").read_text().replace("/opt/energymvp/bin/energymvp", sys.executable)
    with tempfile.TemporaryDirectory() as tmp:
        (Path(tmp) / "energymvp.service").write_text(unit)
        for program, *words in (["shellcheck", *scripts], ["systemd-analyze", "verify", f"{tmp}/energymvp.service"]):
            if not shutil.which(program):
                print(f"deploy: there is no {program} here, which would look, too")
                continue
            p = subprocess.run([program, *words], capture_output=True, text=True)
            said = (p.stdout + p.stderr).strip()
            if p.returncode or (program == "systemd-analyze" and "energymvp.service" in said):
                yield f"{program}: {said[:1000]}"


def main():
    lines = [*command_lines()]
    problems = [*wrong_commands(), *wrong_files(), *looked_at()]
    for p in problems:
        print(f"deploy: {p}")
    print(f"deploy: {len(lines)} command lines, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
