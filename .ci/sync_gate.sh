#!/usr/bin/env bash
# Export and clean the notebooks: a committed tree must not change by it, and no exported module may be missing from git.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! git rev-parse --git-dir >/dev/null 2>&1; then
    echo "sync: not a git checkout; comparing with a fresh export instead"
    exec .venv/bin/python .ci/sync_check.py
fi
.venv/bin/nbdev_export
.venv/bin/nbdev_clean
if ! git diff --exit-code --stat; then
    echo "sync: the tree changed (above). Run: .venv/bin/nbdev_export && .venv/bin/nbdev_clean, then commit"
    exit 1
fi
new=$(git ls-files --others --exclude-standard -- energymvp nbs)
if [ -n "$new" ]; then
    printf 'sync: not in git:\n%s\n' "$new"
    exit 1
fi
echo "sync: notebooks, package and commit agree"
