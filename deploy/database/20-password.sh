#!/bin/sh
# The password with which PostgREST comes in.
set -eu
psql -v ON_ERROR_STOP=1 -v "password=$AUTHENTICATOR_PASSWORD" -U postgres <<'SQL'
alter role authenticator password :'password';
SQL
