"""Write deploy/.env and deploy/broker/passwords: secrets of this machine's own, once. Needs Python alone."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENV, PASSWORDS = HERE / ".env", HERE / "broker" / "passwords"
YEARS = 10


def jwt(secret, **claims):
    "A signed token, HS256."
    part = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=")
    body = part(json.dumps(dict(alg="HS256", typ="JWT")).encode()) + b"." + part(json.dumps(claims).encode())
    return (body + b"." + part(hmac.new(secret.encode(), body, hashlib.sha256).digest())).decode()


def mosquitto_line(user, password):
    "A line of mosquitto's password file: PBKDF2 with SHA-512."
    salt, rounds = secrets.token_bytes(12), 101
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, 64)
    return f"{user}:$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}\n"


def write(path, text, mode):
    "A new file that the owner alone may change."
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as f:
        f.write(text)


def main():
    there = [str(p) for p in (ENV, PASSWORDS) if p.exists()]
    if there:
        sys.exit(f"{' and '.join(there)} are there already, and what runs uses them: nothing is written")
    secret = secrets.token_hex(32)
    made = dict(
        POSTGRES_PASSWORD=secrets.token_hex(24),
        AUTHENTICATOR_PASSWORD=secrets.token_hex(24),
        JWT_SECRET=secret,
        SERVICE_KEY=jwt(secret, role="service_role", iss="energymvp", exp=int(time.time()) + YEARS * 365 * 86400),
        MQTT_PASSWORD=secrets.token_hex(16),
        HOMEASSISTANT_MQTT_PASSWORD=secrets.token_hex(16),
    )
    write(ENV, "".join(f"{k}={v}\n" for k, v in made.items()), 0o600)
    users = dict(energymvp="MQTT_PASSWORD", homeassistant="HOMEASSISTANT_MQTT_PASSWORD")
    write(
        PASSWORDS, "".join(mosquitto_line(user, made[name]) for user, name in users.items()), 0o644
    )  # hashes: the container's user reads it
    print(f"written: {ENV} and {PASSWORDS}; the broker knows {' and '.join(users)}, whose passwords are in the first")


if __name__ == "__main__":
    main()
