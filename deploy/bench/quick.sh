#!/usr/bin/env bash
# Where the write path stands, in a minute: durable POSTs against pgbench with the same two rows on the same server,
# interleaved, relay paused. Only the ratios travel to another machine.
# Needs wrk, and PostgreSQL's pgbench and psql (a download brings neither).
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-3} rounds=${2:-3}

pg_bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -n 1 || command -v postgres)")
for tool in wrk "$pg_bin/pgbench" "$pg_bin/psql"; do
    command -v "$tool" > /dev/null || { echo "bench-quick needs $tool" >&2; exit 1; }
done
cargo build --release -p sta-api
home=$(mktemp -d) out=$(mktemp)
chmod 755 "$home"
STA_DATA_DIR=$home/sta STA_POSTGRES_BIN=$pg_bin STA_LISTEN=127.0.0.1:0 STA_TASKS=http RUST_LOG=warn \
    target/release/sta-api serve > "$out" &
server=$!
trap 'kill "$server"; wait "$server" || true; rm -rf "$home" "$out"' EXIT
until grep -q 'listens on' "$out"; do kill -0 "$server"; sleep 0.1; done
url=$(sed -n 's/.*listens on //p' "$out")
connect=(-h "$home/sta/run" -U postgres)
psql() { "$pg_bin/psql" "${connect[@]}" -qAt "$@" postgres; }
psql -f deploy/bench/reference-tables.sql

# The median of the arguments.
median() { printf '%s\n' "$@" | sort -g | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
posts() { # connections → requests a second; anything but 202 is an error
    local threads=$(( $1 < 2 ? 1 : 2 )) report
    report=$(wrk -t "$threads" -c "$1" -d "${seconds}s" -s deploy/bench/create.lua "$url/ingesta/crear-ingesta-comando")
    if grep -q 'Non-2xx' <<< "$report"; then echo "$report" >&2; exit 1; fi
    awk '/Requests\/sec/ { print $2 }' <<< "$report"
}
reference() { # clients → transactions a second
    "$pg_bin/pgbench" "${connect[@]}" -n -M prepared -c "$1" -j 2 -T "$seconds" -f deploy/bench/reference.sql postgres 2> /dev/null |
        awk '/^tps/ { print $3 }'
}

declare -A ours theirs
posts 64 > /dev/null
for _ in $(seq "$rounds"); do
    for clients in 1 16 64 256; do
        ours[$clients]+=" $(posts "$clients")"
        (( clients > 64 )) || theirs[$clients]+=" $(reference "$clients")"
    done
done
best=0
for clients in 1 16 64; do
    figure=$(median ${theirs[$clients]})
    best=$(printf '%s\n' "$best" "$figure" | sort -g | tail -n 1)
done
rows=$(psql -c "SELECT (SELECT count(*) FROM ingesta.ingestas) = (SELECT count(*) FROM ingesta.outbox) AND (SELECT max(seq) FROM ingesta.outbox) = (SELECT count(*) FROM ingesta.outbox)")
[[ $rows == t ]] || { echo "state and log do not agree" >&2; exit 1; }
printf '%-12s %12s %12s %8s   (%s rounds of %s s, medians; pgbench at its best: %.0f tps)\n' connections POST/s pgbench/s ratio "$rounds" "$seconds" "$best"
for clients in 1 16 64 256; do
    reference=$best
    (( clients > 1 )) || reference=$(median ${theirs[1]})
    awk -v c="$clients" -v p="$(median ${ours[$clients]})" -v r="$reference" 'BEGIN { printf "%-12s %12.0f %12.0f %8.2f\n", c, p, r, p / r }'
done
