"""The services of the stack: how each is made, started, asked whether it is ready, and ended."""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import socket
import string
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

HERE = Path(__file__).parent
# The longest time of a start or a stop.
DEADLINE = 180


class Failed(Exception):
    """A service did not do what it was asked to."""


class Service:
    """A process with a folder of its own: its data, its log, its pid."""

    name: str
    end_signal = signal.SIGTERM

    def __init__(self, stack: Path, ports: dict, programs: Path):
        self.home = stack / self.name
        self.ports = ports
        self.programs = programs
        self.account = None

    def make(self):
        """Makes what must be there before the first start. Interrupted, it begins anew."""

    def command(self) -> list:
        """The command line that starts it."""
        raise NotImplementedError

    def environment(self) -> dict:
        """The variables that it reads."""
        return {}

    def is_ready(self) -> bool:
        """True if the service works."""
        raise NotImplementedError

    # One command at a time for a service; those for different services run side by side.
    @contextlib.contextmanager
    def lock(self):
        self.home.mkdir(parents=True, exist_ok=True)
        with open(self.home / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def pid(self):
        """Its process, or none. A number that another process got since does not count: ours names its folder."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.home / "pid").read_text())
            if str(self.home).encode() in command_line(pid):
                return pid
        return None

    def launch(self):
        """Starts it, if it does not run; does not wait."""
        if self.pid():
            return
        self.make()
        (self.home / "pid").unlink(missing_ok=True)
        # The shell notes its own pid, whole or not at all, and becomes the service: it never runs unknown.
        note = 'echo $$ > "$0.new" && mv "$0.new" "$0" && exec "$@"'
        noting = ["sh", "-c", note, self.home / "pid", *self.command()]
        runs_as = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []} if self.account else {}
        with open(self.home / "log", "ab") as log:
            subprocess.Popen(
                [str(word) for word in noting],
                cwd=self.home,
                env={"PATH": os.environ["PATH"], **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **runs_as,
            )
        until((self.home / "pid").exists, f"{self.name} does not start")

    def wait(self):
        """Waits until it is ready. If it ends instead, it gets a second try, as whatever supervises it elsewhere gives it."""
        if not self.becomes_ready():
            print(f"stack: {self.name} has ended and is started again; {self.last_lines()}", file=sys.stderr)
            self.launch()
            if not self.becomes_ready():
                raise Failed(f"{self.name} has ended; {self.last_lines()}")

    def becomes_ready(self) -> bool:
        """Waits until it is ready, or has ended."""
        try:
            until(lambda: self.is_ready() or not self.pid(), f"{self.name} is not ready after {DEADLINE} s")
        except Failed as late:
            raise Failed(f"{late}; {self.last_lines()}") from None
        return self.pid() is not None

    def last_lines(self):
        log = self.home / "log"
        lines = log.read_text(errors="replace").splitlines()[-40:] if log.exists() else []
        return "\n".join([f"the last lines of {log}:", *lines])

    def end(self, with_signal):
        """Ends it and waits until it is gone. What does not end when asked is killed."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, with_signal)
        # A frozen process reacts only to this.
        os.kill(pid, signal.SIGCONT)
        try:
            until(lambda: is_gone(pid), "", 30)
        except Failed:
            os.kill(pid, signal.SIGKILL)
            until(lambda: is_gone(pid), f"{self.name} cannot be killed")


class Postgres(Service):
    """The database of STA, and another one for the registry."""

    name = "postgres"
    end_signal = signal.SIGINT  # fast: it does not wait for its clients

    def __init__(self, *of):
        super().__init__(*of)
        self.account = stand_in()
        self.data = self.home / "data"

    def make(self):
        if self.account:
            os.chown(self.home, self.account.pw_uid, self.account.pw_gid)
        if not self.data.is_dir():
            unfinished = emptied(self.home / "unfinished")
            unfinished.rmdir()
            self.run("initdb", "--pgdata", unfinished, "--username=postgres", "--auth-host=scram-sha-256")
            self.run("postgres", "--single", "-D", unfinished, "postgres", given=(HERE / "databases.sql").read_text())
            unfinished.rename(self.data)
        # After a kill -9 its children may still be leaving. When no process is in the data any more, the note of the old
        # server is void, even if its pid is another's by now or nobody has reaped it.
        until(lambda: not processes_in(self.data), "an old PostgreSQL does not leave")
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def run(self, program, *arguments, given=""):
        runs_as = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []} if self.account else {}
        command = [str(word) for word in (self.programs / "postgres/bin" / program, *arguments)]
        ran = subprocess.run(command, input=given, cwd=self.home, text=True, capture_output=True, **runs_as)
        if ran.returncode != 0 or "ERROR:" in ran.stderr:
            raise Failed(f"{program} failed:\n{ran.stdout}{ran.stderr}")

    def command(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.ports["postgres"],
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": "256MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self.programs / "postgres/bin/postgres", "-D", self.data, *options]

    def is_ready(self):
        # Its own note, which pg_ctl reads too: the pid, six more lines, and the status.
        with contextlib.suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and lines[0] == str(self.pid()) and lines[7].strip() == "ready"
        return False


class Kafka(Service):
    """One node, broker and controller, with a listener in the clear and one with SCRAM over TLS."""

    name = "kafka"

    def __init__(self, *of):
        super().__init__(*of)
        self.data = self.home / "data"
        self.tls = self.home / "tls"

    def make(self):
        if not self.tls.is_dir():
            unfinished = emptied(self.home / "tls-unfinished")
            make_certificates(unfinished)
            unfinished.rename(self.tls)
        if not self.data.is_dir():
            unfinished = emptied(self.home / "unfinished")
            cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            user = "SCRAM-SHA-256=[name=sta,password=sta]"
            format_it = ["format", "--config", self.configured(unfinished), f"--cluster-id={cluster}", "--add-scram", user]
            quietly([*self.java("-Xmx128m", "-XX:TieredStopAtLevel=1"), "kafka.tools.StorageTool", *format_it])
            unfinished.rename(self.data)

    def configured(self, data: Path) -> Path:
        """Writes the settings for a data folder."""
        template = string.Template((HERE / "server.properties").read_text().replace("$names", "the names"))
        ports = {f"{name}_port": port for name, port in self.ports.items()}
        path = self.home / "server.properties"
        path.write_text(template.substitute(ports, data=data, tls=self.tls))
        return path

    def java(self, *options):
        log4j = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
        return ["java", *options, log4j, "-cp", self.programs / "kafka/*"]

    def command(self):
        heap = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
        return [*self.java(*heap), "kafka.Kafka", self.configured(self.data)]

    def is_ready(self):
        """Asks for the brokers (a Metadata request, version 1, for no topic): it lists itself when it takes messages."""
        request = struct.pack(">hhihi", 3, 1, 0, -1, 0)
        with contextlib.suppress(OSError, struct.error):
            with socket.create_connection(("127.0.0.1", self.ports["kafka"]), timeout=2) as connection:
                connection.sendall(struct.pack(">i", len(request)) + request)
                _length, _correlation, brokers = struct.unpack(">iii", connection.recv(12, socket.MSG_WAITALL))
                return brokers > 0
        return False


class Registry(Service):
    """Apicurio, asked through its Confluent API. It keeps what it knows in PostgreSQL."""

    name = "registry"

    def command(self):
        (program,) = (self.programs / "registry").glob("*-runner.jar")
        options = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
        return ["java", *options, f"-Djava.io.tmpdir={self.home}", "-jar", program]

    def environment(self):
        return {
            "QUARKUS_HTTP_HOST": "127.0.0.1",
            "QUARKUS_HTTP_PORT": str(self.ports["registry"]),
            "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
            "APICURIO_STORAGE_KIND": "sql",
            "APICURIO_STORAGE_SQL_KIND": "postgresql",
            "APICURIO_DATASOURCE_URL": f"jdbc:postgresql://127.0.0.1:{self.ports['postgres']}/registry",
            "APICURIO_DATASOURCE_USERNAME": "registry",
            "APICURIO_DATASOURCE_PASSWORD": "registry",
            "APICURIO_DATASOURCE_JDBC_INITIAL_SIZE": "1",
            "APICURIO_DATASOURCE_JDBC_MIN_SIZE": "1",
            "APICURIO_DATASOURCE_JDBC_MAX_SIZE": "8",
        }

    def url(self):
        return f"http://127.0.0.1:{self.ports['registry']}/apis/ccompat/v7"

    def is_ready(self):
        with contextlib.suppress(OSError, urllib.error.URLError):
            with urllib.request.urlopen(f"{self.url()}/subjects", timeout=2) as answer:
                return answer.status == 200
        return False


def stand_in():
    """The account that PostgreSQL runs as when we are root, which it refuses to be."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Failed("PostgreSQL does not run as root, and there is no account `postgres` or `nobody`")


def make_certificates(folder: Path):
    """An authority, and a certificate of its for the server: `ca.pem` is for clients, `server.pem` for Kafka."""
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]
    ca = ["-subj", "/CN=STA native stack", "-keyout", folder / "ca.key", "-out", folder / "ca.pem"]
    quietly(["openssl", "req", "-x509", *new_key, *ca])
    server = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    server += ["-CA", folder / "ca.pem", "-CAkey", folder / "ca.key"]
    server += ["-keyout", folder / "server.key", "-out", folder / "server.crt"]
    quietly(["openssl", "req", "-x509", *new_key, *server])
    parts = [(folder / name).read_text() for name in ("server.key", "server.crt")]
    (folder / "server.pem").touch(mode=0o600)
    (folder / "server.pem").write_text("".join(parts))


def quietly(command: list):
    """Runs a program whose output matters only when it fails."""
    ran = subprocess.run([str(word) for word in command], text=True, capture_output=True)
    if ran.returncode != 0:
        raise Failed(f"{command[0]} failed:\n{ran.stdout}{ran.stderr}")


def emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def command_line(pid: int) -> bytes:
    """The command line of a process. It is empty for a moment while the process executes another program or ends."""
    for _ in range(100):
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        if line or is_gone(pid):
            return line
        time.sleep(0.01)
    # A process of the kernel has none.
    return b""


def is_gone(pid: int) -> bool:
    """True if a process has ended. A zombie has closed its files and ports, so it counts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def processes_in(folder: Path) -> bool:
    """True if a process has this working folder. A PostgreSQL server works in its data folder."""
    for process in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if process.readlink() == folder:
                return True
    return False


def until(condition, otherwise: str, seconds: int = DEADLINE):
    """Waits until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(otherwise)
        time.sleep(0.05)
