"""The programs of the stack: fetched by Maven as `pom.xml` pins them, unpacked once for all stacks of the machine."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
# The name of this machine in Maven's artifacts of PostgreSQL.
PLATFORMS = {"x86_64": "linux-amd64", "aarch64": "linux-arm64v8"}
TOOLS = {"java": "openjdk-17-jre-headless", "mvn": "maven", "openssl": "openssl"}


class Missing(Exception):
    """Something that the stack needs is not on this machine."""


def programs() -> Path:
    """The folder with `kafka`, `postgres` and `registry`, filled if it is not there yet."""
    absent = [package for tool, package in TOOLS.items() if not shutil.which(tool)]
    if absent:
        raise Missing(f"the stack needs more programs: apt-get install {' '.join(absent)}")
    if platform.system() != "Linux" or platform.machine() not in PLATFORMS:
        raise Missing("the native stack runs on Linux, x86_64 or aarch64; elsewhere use the one with Docker")
    cache = cache_folder()
    folder = cache / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            fetch(cache / "unfinished", folder)
    return folder


def cache_folder() -> Path:
    # Root's home is closed to the account that PostgreSQL runs as.
    if os.geteuid() == 0:
        return Path("/var/cache/sta-native")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sta-native"


def fetch(unfinished: Path, folder: Path):
    print("stack: Maven fetches Kafka, PostgreSQL and the registry: once, about 190 MB", file=sys.stderr)
    shutil.rmtree(unfinished, ignore_errors=True)
    # --strict-checksums: a download that differs from its checksum is an error, not a warning.
    command = ["mvn", "--batch-mode", "--quiet", "--strict-checksums", "--file", str(POM), "package"]
    command += [f"-Dprograms={unfinished}", f"-Dpostgres.platform={PLATFORMS[platform.machine()]}"]
    if subprocess.run(command, stdout=sys.stderr).returncode != 0:
        raise Missing("Maven could not fetch the programs of the stack; it says why above")
    postgres = unfinished / "postgres"
    (archive,) = postgres.glob("*.txz")
    with tarfile.open(archive) as packed:
        packed.extractall(postgres)
    archive.unlink()
    unfinished.rename(folder)
