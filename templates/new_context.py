"""Copies `templates/context` into the workspace and names the new crate where the workspace lists its contexts.

All is made aside first, and what goes wrong afterwards is taken back: there is the whole context or nothing.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from copier import run_copy

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "Cargo.lock"
WORKSPACE = ROOT / "Cargo.toml"
BINARY = ROOT / "crates/sta-api/Cargo.toml"
CONTEXTS = ROOT / "crates/sta-api/src/contexts.rs"
SPEC = ROOT / "crates/sta-api/src/http/spec.rs"
ROUTES = ROOT / "tests/tests/flows/routes.rs"


def taken():
    """The names that another crate, a library or a schema has: `cargo -p` could not tell a context from it."""
    crates = re.findall(r'^name = "(.+)"$', LOCK.read_text(), re.MULTILINE)
    folders = [path.name for folder in ("crates", "schema") for path in (ROOT / folder).iterdir()]
    return sorted({name.replace("-", "_") for name in crates + folders})


def new_version():
    """The version of the first migration: now, and not one that the engine's own migrations of that schema have."""
    engine = {path.name.split("_")[0] for path in (ROOT / "crates/seedwork/migrations/context").iterdir()}
    now = datetime.now(timezone.utc)
    while (version := f"{now:%Y-%m-%d-%H%M%S}") in engine:
        now += timedelta(seconds=1)
    return version


def listed(text, like, line):
    """The text with one more line, in order among those that are like it."""
    lines = text.splitlines(keepends=True)
    others = [at for at, other in enumerate(lines) if re.match(like, other)]
    at = next((at for at in others if lines[at] > line), others[-1] + 1)
    return "".join([*lines[:at], f"{line}\n", *lines[at:]])


def wired(nombre, routes):
    """The new texts of the files that list the contexts, by file."""
    workspace, contexts, table = (path.read_text() for path in (WORKSPACE, CONTEXTS, ROUTES))
    own = r'([\w-]+) = { path = "crates/'
    crates = "|".join(re.findall(f"^{own}", workspace, re.MULTILINE))
    modules = {f"{nombre}::infrastructure::module()", *re.findall(r"\w+::infrastructure::module\(\)", contexts)}
    for method, path in routes:
        table = listed(table, r'    \("[A-Z]+", "/', f'    ("{method}", "{path}"),')
    return {
        WORKSPACE: listed(workspace, own, f'{nombre} = {{ path = "crates/{nombre}", default-features = false }}'),
        BINARY: listed(
            BINARY.read_text(),
            rf"({crates})(\.workspace)? = ",
            f'{nombre} = {{ workspace = true, features = ["infrastructure"] }}',
        ),
        CONTEXTS: re.sub(r"vec!\[.*?\]", f"vec![{', '.join(sorted(modules))}]", contexts, count=1, flags=re.DOTALL),
        SPEC: SPEC.read_text().replace(
            '        (name = "operación"',
            f'        (name = "{nombre}", description = "Las operaciones de {nombre}."),\n        (name = "operación"',
        ),
        ROUTES: table,
    }


def place(made, parts, texts):
    """Puts what was made where it belongs; takes everything back when the workspace does not stand afterwards."""
    before = {path: path.read_text() for path in [LOCK, *texts]}
    try:
        for part in parts:
            shutil.move(made / part, ROOT / part)
        for path, text in texts.items():
            path.write_text(text)
        nombre = Path(parts[0]).name
        subprocess.run(["cargo", "fmt", "-p", nombre, "-p", "sta-api"], cwd=ROOT, check=True)
        # Cargo reads the manifests, and notes the new crate in the lock file.
        subprocess.run(["cargo", "update", "--quiet", "--workspace"], cwd=ROOT, check=True)
    except BaseException:
        for part in parts:
            shutil.rmtree(ROOT / part, ignore_errors=True)
        for path, text in before.items():
            path.write_text(text)
        raise


def main(nombre, agregado=None):
    answers = {"nombre": nombre, "version": new_version(), "tomados": taken()}
    if agregado:
        answers["agregado"] = agregado
    with tempfile.TemporaryDirectory() as made:
        made = Path(made)
        try:
            copied = run_copy(str(ROOT / "templates/context"), made, data=answers, defaults=True, quiet=True)
        except ValueError as refused:
            told = " ".join(str(refused).split())
            sys.exit(f"new-context: {told.removeprefix('Validation error for question ')}")
        said = copied.answers.combined
        crear, por_id = f"{said['ruta']}/crear-{said['guiones']}-comando", f"{said['ruta']}/consulta-por-id/{{id}}"
        texts = wired(nombre, [("GET", por_id), ("POST", crear)])
        try:
            place(made, [f"crates/{nombre}", f"schema/{nombre}"], texts)
        except subprocess.CalledProcessError as failed:
            sys.exit(f"new-context: everything is as it was: {failed}")
    print(f"crates/{nombre} is there, with the aggregate {said['agregado']}, POST {crear} and GET {por_id};")
    print(f"{said['agregado']}Creado goes to {said['topico']} and is described in schema/{nombre}.")
    print("Named in " + ", ".join(str(path.relative_to(ROOT)) for path in texts) + ".")
    print(f"Next: `just test-fast {nombre}`; say in docs/glossary.md what the business means by {said['texto']};")
    print("CONTRIBUTING.md has the recipes for a command, a query, an event and a reaction.")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("new-context: which context, and which aggregate? new-context laboratorio MuestraClinica")
    main(*sys.argv[1:])
