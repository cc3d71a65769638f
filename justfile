# The commands of a developer. `just` lists them; CI runs `.ci/run`.

set dotenv-load
set positional-arguments

[private]
default:
    @just --list --unsorted

# Run the service, with nothing installed
run *args:
    cargo run -p sta-api -- "$@"

# The same, with debug logs
run-debug *args:
    RUST_LOG=debug,hyper=info,actix_server=info,tokio_postgres=info,rustls=info RUST_BACKTRACE=1 cargo run -p sta-api -- "$@"

# Every test
test *args:
    cargo test --workspace "$@"

# One context, its tests on PostgreSQL included: just test-context ingesta
test-context ctx *args:
    cargo test -p "$@"

# The domain and the use cases of one context, without adapters: seconds
test-fast ctx:
    cargo check -p {{ ctx }} --no-default-features --lib
    cargo test -p {{ ctx }} --no-default-features

# The guards alone: layers, docs, contracts; seconds
guards *args:
    cargo test -p sta-tests --test architecture --test tidy --test contracts "$@"

# Clippy, as CI runs it
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# Format everything
fmt:
    cargo fmt --all

# The checks of CI that run no test: layers, format, lints
check: && lint
    cargo fmt --all -- --check
    for layered in crates/*/src/domain; do cargo clippy -p "$(basename "${layered%/src/domain}")" --no-default-features --lib -- -D warnings || exit 1; done

# Kafka, a schema registry and PostgreSQL without Docker (needs a JDK and Maven); `. .sta-native/env` points STA to them
native-up:
    deploy/native/stack up

# Take them down; data stays, unless with --wipe
native-down *args:
    deploy/native/stack down "$@"

# Show which of them run
native-status:
    deploy/native/stack status

# The tests on the real stack (needs a JDK, Maven and Python, and a minute of download the first time)
test-stack *args:
    cargo test --workspace --test stack -- --ignored --test-threads 1 --skip long_ "$@"

# The same, everything killed many times
test-stack-long:
    cargo test --workspace --test stack -- --ignored --test-threads 1 long_

# Send a running server requests that its OpenAPI document allows and forbids, different ones each time
fuzz url="http://127.0.0.1:5000/spec" *args:
    tests/python-env target/fuzzer tests/fuzzer/requirements.txt
    target/fuzzer/bin/schemathesis --config-file tests/fuzzer/schemathesis.toml run "$@"

# Everything with Docker: PostgreSQL, Kafka, a schema registry and sta-api; -d in the background
up *args:
    docker compose --profile all up --build "$@"

# Stop the containers; `up` goes on with them
stop *args:
    docker compose --profile all stop "$@"

# Remove the containers; the data stays, unless with --volumes
down *args:
    docker compose --profile all down "$@"

# Follow the logs of the containers
logs *args:
    docker compose --profile all logs --follow "$@"

# The containers and their health
ps *args:
    docker compose --profile all ps --all "$@"

# Check the Docker files without Docker
docker-check *args:
    deploy/docker-check "$@"

# Measure the write path against pgbench on the same server: a minute (needs wrk and pgbench)
bench-quick *args:
    deploy/bench/quick.sh "$@"

# Run all benchmarks against PostgreSQL on the same server: ten minutes; writes docs/benchmarks.md
bench *args:
    deploy/bench/bench.py "$@"

# Keep the schemas of a version, which no later one may break: just release-schemas 0.1.0
release-schemas version:
    mkdir -p "tests/released/$1"
    cp -r schema/. "tests/released/$1/"

# Give records the fields of the first one; their names and docs stay: just same-fields schema/ingesta/v1/Ingesta{Alertada,EnProceso}.avsc
same-fields model *others:
    #!/usr/bin/env bash
    set -euo pipefail
    for other in "${@:2}"; do
        { sed '/^  "fields"/,$d' "$other"; sed -n '/^  "fields"/,$p' "$1"; } > "$other.new"
        mv "$other.new" "$other"
    done

# Make a bounded context that builds and passes everything at once: just new-context laboratorio MuestraClinica
new-context nombre *agregado:
    templates/new-context "$@"

# Begin a decision record: just new-adr "Keep the log gap-free"
new-adr title:
    #!/usr/bin/env bash
    set -euo pipefail
    title="$1"
    last=$(ls docs/adr | sed -n 's/^\([0-9]\{4\}\)-.*\.md$/\1/p' | sort | tail -n 1)
    number=$(printf '%04d' $((10#${last:-0} + 1)))
    slug=$(printf '%s' "$title" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9' '-' | sed 's/^-*//; s/-*$//')
    file="docs/adr/$number-$slug.md"
    { printf '# %s. %s\n' "$number" "$title"; tail -n +2 docs/adr/template.md; } > "$file"
    printf '* [%s. %s](%s-%s.md)\n' "$number" "$title" "$number" "$slug" >> docs/adr/README.md
    echo "$file"

# Run everything that CI runs
ci:
    .ci/run

# The long forms of CI's tests, everything killed many times: run once before a change of the engine is called done
ci-long: test-stack-long
