#!/usr/bin/env bash
# Tier `scoreboard`: the library in all its languages is ok in every row, every client runs, and docs/scoreboard.md has
# them all. Where the results of the others differ from it, it says so: that is news, and no failure.
set -euo pipefail
. "$(dirname "$0")/common.sh"

exec "$root/scripts/scoreboard.sh" --test "$root/docs/scoreboard.md"
