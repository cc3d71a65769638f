#!/usr/bin/env python3
"""Measures the engine against PostgreSQL on the same server, interleaved, as ratios.

Needs wrk, and pgbench and psql of PostgreSQL. Only ratios of one run travel to another machine. Each bench checks its
results.
"""
import argparse, glob, json, os, re, signal, statistics, subprocess, tempfile, time, urllib.request, uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("--seconds", type=int, default=5, help="how long one measurement lasts")
arguments.add_argument("--rounds", type=int, default=3, help="how often each is made")
arguments.add_argument("--messages", type=int, default=120_000, help="how many messages the relay and the consumer get")
arguments.add_argument("--only", default="posts,gets,running,relay,events,commands", help="a comma list of these")
options = arguments.parse_args()
PG = Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[-2]))[-1])
CREATE = {"id_proveedor": "0123456789abcdef", "id_paciente": "fedcba9876543210",
          "url_path": "https://imagenes.example/0123456789abcdef.dcm"}
results = []


def run(*command, **more):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **more).stdout


class Server:
    """A process that says where it listens."""

    def __init__(self, *command, **environment):
        env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "RUST_LOG": "warn", **environment}
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True, env=env)
        line = self.process.stdout.readline()
        self.url = line.split()[-1] if "listens" in line else None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) is not None

    def json(self, path, body=None):
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return answer.read()


class Sta:
    """The data directory, and the processes on it."""

    def __init__(self, home):
        self.home = home

    def start(self, tasks):
        return Server(ROOT / "target/release/sta-api", "serve", STA_DATA_DIR=str(self.home), STA_LISTEN="127.0.0.1:0",
                      STA_POSTGRES_BIN=str(PG), STA_TASKS=tasks)

    def send(self, topic, record, lines):
        run(ROOT / "target/release/sta-api", "events", "send", topic, record, input="\n".join(lines),
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "STA_DATA_DIR": str(self.home), "RUST_LOG": "warn"})

    def sql(self, text):
        return run(PG / "psql", "-h", self.home / "run", "-U", "postgres", "-qAt", "-c", text, "postgres").strip()

    def pgbench(self, script, clients):
        out = run(PG / "pgbench", "-h", self.home / "run", "-U", "postgres", "-n", "-M", "prepared", "-c", clients, "-j",
                  min(2, clients), "-T", options.seconds, "-f", HERE / script, "postgres")
        latency = float(re.search(r"latency average = ([\d.]+) ms", out)[1])
        return float(re.search(r"tps = ([\d.]+)", out)[1]), latency


def wrk(url, connections, script=None):
    """Requests a second and the median latency in ms; anything but success fails the bench."""
    more = ["-s", script] if script else []
    out = run("wrk", "-t", min(2, connections), "-c", connections, "-d", f"{options.seconds}s", "--latency", *more, url)
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    number, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", out).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def tell(name, ours, reference, unit="/s", better="more"):
    middle, base = statistics.median(ours), statistics.median(reference)
    result = {"bench": name, "ours": round(middle, 3), "reference": round(base, 3), "unit": unit, "better": better,
              "ratio": round(middle / base, 2), "spread": [round(min(ours), 3), round(max(ours), 3)]}
    results.append(result)
    print(f"{name:<46} {middle:>10.6g} {base:>10.6g} {unit:<3} ratio {result['ratio']:>5}  spread {result['spread']}", flush=True)


def posts(sta, tasks, label):
    server = sta.start(tasks)
    url = server.url + "/ingesta/crear-ingesta-comando"
    wrk(url, 64, HERE / "create.lua")
    rates, latencies, reference, single = {n: [] for n in (1, 16, 64, 256)}, [], {n: [] for n in (1, 16, 64)}, []
    for _ in range(options.rounds):
        for n in rates:
            rate, latency = wrk(url, n, HERE / "create.lua")
            rates[n].append(rate)
            if n == 1:
                latencies.append(latency)
            if n in reference:
                tps, average = sta.pgbench("reference.sql", n)
                reference[n].append(tps)
                if n == 1:
                    single.append(average)
    best = max(reference.values(), key=statistics.median)
    for n in (256, 64, 16):
        tell(f"durable POST, {n} connections, {label}", rates[n], best)
    tell(f"durable POST, 1 connection, {label}: latency", latencies, single, "ms", "less")
    if "relay" in tasks:
        behind = "SELECT (SELECT max(seq) FROM ingesta.outbox) - (SELECT seq FROM ingesta.relay)"
        left, began = int(sta.sql(behind)), time.time()
        while int(sta.sql(behind)) > 0:
            time.sleep(0.05)
        print(f"{'  the relay was behind by':<46} {left:>10} messages, and has caught up after {time.time() - began:.1f} s")
    server.stop()
    helper = sta.start("http")
    agree = ("SELECT (SELECT count(*) FROM ingesta.ingestas) = (SELECT count(*) FROM ingesta.outbox) "
             "AND (SELECT max(seq) = count(*) FROM ingesta.outbox)")
    assert sta.sql(agree) == "t", "state and log do not agree"
    helper.stop()


def gets(sta, home):
    server = sta.start("http")
    made = json.loads(server.json("/ingesta/crear-ingesta-comando", CREATE))["id"]
    answer = server.json(f"/ingesta/consulta-por-id/{made}")
    (home / "answer.json").write_bytes(answer)
    memory = Server(ROOT / "target/release/examples/memory", home / "answer.json")
    path, ours, reference = f"/ingesta/consulta-por-id/{made}", [], []
    for _ in range(options.rounds):
        ours.append(wrk(server.url + path, 64)[0])
        reference.append(wrk(memory.url + path, 64)[0])
    assert server.json(path) == memory.json(path) == answer
    tell("GET by id, 64 connections, against memory", ours, reference)
    memory.stop()
    server.stop()


def relay(sta):
    server = sta.start("http,relay")
    tps = max(sta.pgbench("reference.sql", n)[0] for n in (16, 64))
    server.stop()
    rates = []
    for _ in range(options.rounds):
        server = sta.start("http")
        goal = int(sta.sql("SELECT coalesce(max(seq), 0) FROM ingesta.outbox")) + options.messages
        while int(sta.sql("SELECT coalesce(max(seq), 0) FROM ingesta.outbox")) < goal:
            wrk(server.url + "/ingesta/crear-ingesta-comando", 256, HERE / "create.lua")
        server.stop()
        helper = sta.start("http")
        goal, before = int(sta.sql("SELECT max(seq) FROM ingesta.outbox")), int(sta.sql("SELECT seq FROM ingesta.relay"))
        began = time.time()
        server = sta.start("http,relay")
        while int(sta.sql("SELECT seq FROM ingesta.relay")) < goal:
            time.sleep(0.02)
        rates.append((goal - before) / (time.time() - began))
        helper.stop()
        server.stop()
    tell("relay, draining to the embedded broker", rates, [tps])


def consumer(sta, name, context, table, script, topic, record, message):
    """Measures the consumption of messages that each write one row of a table of a context."""
    rates, reference, count = [], [], f"SELECT count(*) FROM {context}.{table}"
    for _ in range(options.rounds):
        helper = sta.start("http")
        before = int(sta.sql(count))
        sta.send(topic, record, (json.dumps(message()) for _ in range(options.messages)))
        reference.append(max(sta.pgbench(script, n)[0] for n in (16, 64)))
        server = sta.start("http,consumers")
        # From the first to the last: that the server starts is not a part of it.
        while (first := int(sta.sql(count))) == before:
            time.sleep(0.01)
        began = time.time()
        while int(sta.sql(count)) < before + options.messages:
            time.sleep(0.05)
        rates.append((before + options.messages - first) / (time.time() - began))
        assert sta.sql(f"SELECT count(*) FROM {context}.parked") == "0"
        claimed = f"SELECT count(*) FROM {context}.inbox WHERE source = '/sta/cli' AND state = 'applied'"
        assert int(sta.sql(claimed)) == options.messages * len(reference), "not each was claimed once"
        helper.stop()
        server.stop()
    tell(name, rates, reference)


def events(sta):
    def reserva():
        return {"id_reserva": str(uuid.uuid4()), "id_cliente": str(uuid.uuid4()), "estado": "Pendiente",
                "tipo_vuelo": "solo_ida", "ruta": "BOG-JFK", "fecha_salida": "2027-01-01T12:00:00Z",
                "fecha": "2026-01-01T00:00:00Z", "version": 1}
    consumer(sta, "consumer, an event a message: claim and row", "clientes", "reservas", "event.sql", "eventos-reserva",
             "ReservaCreada", reserva)


def commands(sta):
    consumer(sta, "consumer, a command a message, with its event", "ingesta", "ingestas", "command.sql",
             "comandos-ingesta", "CrearIngesta", lambda: {"id_ingesta": str(uuid.uuid4()), **CREATE})


def main():
    run("cargo", "build", "--release", "-p", "sta-api", "--bins", "--examples", cwd=ROOT)
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o755)
        sta = Sta(Path(home) / "sta")
        first = sta.start("http")
        run(PG / "psql", "-h", sta.home / "run", "-U", "postgres", "-q", "-f", HERE / "reference-tables.sql", "postgres")
        first.stop()
        print(f"{'bench':<46} {'ours':>10} {'reference':>10}")
        benches = {"posts": lambda: posts(sta, "http", "relay paused"), "gets": lambda: gets(sta, Path(home)),
                   "running": lambda: posts(sta, "http,relay,consumers", "relay and consumers running"),
                   "relay": lambda: relay(sta), "events": lambda: events(sta), "commands": lambda: commands(sta)}
        chosen = options.only.split(",")
        for name in chosen:
            benches[name]()
    if len(chosen) == len(benches):
        write()


def write():
    """The figures of this run, for machines and for people."""
    machine = {"cores": os.cpu_count(), "postgresql": run(PG / "postgres", "--version").strip(),
               "commit": run("git", "rev-parse", "--short", "HEAD", cwd=ROOT).strip(), "date": time.strftime("%Y-%m-%d")}
    (ROOT / "docs/benchmarks.json").write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")
    rows = [f"| {r['bench']} | {r['ours']:g} {r['unit']} | {r['reference']:g} {r['unit']} | {r['ratio']} | {r['spread'][0]:g} - {r['spread'][1]:g} |"
            for r in results]
    text = ["# Benchmarks", "",
            "Made by `just bench`, which also writes [the same for machines](benchmarks.json). The reference is pgbench with the",
            "same rows on the same server, prepared, at its best number of clients; for GET the same server that answers the same",
            "bytes from memory. Everything shares the cores with the load generator. Only the ratios travel.", "",
            f"{machine['cores']} cores, {machine['postgresql']}, commit {machine['commit']}, {machine['date']}; medians of "
            f"{options.rounds} interleaved rounds of {options.seconds} s.", "",
            "| bench | ours | reference | ratio | spread |", "|---|---|---|---|---|", *rows, ""]
    (ROOT / "docs/benchmarks.md").write_text("\n".join(text))


main()
