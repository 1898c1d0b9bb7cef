"""A server that speaks S3 on this machine, for tests: moto, in an environment of its own, as botocore asks for a python-dateutil older than ours."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WANTED = Path(__file__).with_name("requirements-s3.txt")
SERVE = """
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

WSGIRequestHandler.log = lambda *_: None
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app))  # a request at a time: its check of If-None-Match is not safe from threads
print(server.server_port, flush=True)
server.serve_forever()
"""


def apart() -> dict:
    "The environment without what is meant for our own Python."
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONWARNINGS")}


def python() -> Path:
    "The interpreter of an environment with moto, made if it is not there or of other versions."
    venv, wanted = ROOT / ".venv-s3", WANTED.read_text()
    bin, mark = venv / ("Scripts" if os.name == "nt" else "bin") / "python", venv / ".installed"
    if not mark.exists() or mark.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        install = [bin, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "--no-deps", "-r", WANTED]
        subprocess.run(install, check=True, env=apart())
        mark.write_text(wanted)
    return bin


class S3Server:
    "With it, `url` is the server's address and `env` what a client wants to have in its environment; `bucket` makes one."

    def __enter__(self):
        self.p = subprocess.Popen([python(), "-c", SERVE], stdout=subprocess.PIPE, text=True, env=apart())
        self.url = f"http://127.0.0.1:{int(self.p.stdout.readline())}"
        keys = dict(AWS_ACCESS_KEY_ID="me", AWS_SECRET_ACCESS_KEY="hush-hush", AWS_REGION="us-east-1")
        self.env = keys | dict(AWS_ENDPOINT_URL=self.url, AWS_ALLOW_HTTP="true")
        return self

    def bucket(self, name):
        signed = dict(Authorization="AWS4-HMAC-SHA256 Credential=me/20240101/us-east-1/s3/aws4_request")
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT", headers=signed)).close()

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()
        self.p.stdout.close()
