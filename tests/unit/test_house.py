"""The rules of the house: who may import whom, how long a module may be, what an import may not do."""

import ast
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("sources", "models", "expectations", "orchestration")
BELOW = ("sources", "models", "expectations")
LONGEST_MODULE = 400  # lines


def _modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def _name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path, *, at_import_only: bool = False) -> set[str]:
    """Every module that a file names in an import, at its top level or anywhere."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    nodes = _executed_at_import(tree) if at_import_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _executed_at_import(tree: ast.Module):
    """The nodes that run when the module is imported: not function bodies, not type-checking blocks."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("package", BELOW)
def test_packages_below_know_neither_dagster_nor_each_other(package):
    forbidden = {"dagster", "dagster_dbt", "orchestration", *BELOW} - {package}
    broken = {
        f"{_name(path)} imports {module}"
        for path in (ROOT / package).rglob("*.py")
        for module in _imports(path)
        if module.split(".")[0] in forbidden
    }
    assert not broken


def test_predictive_models_do_no_input_or_output():
    broken = {
        f"{_name(path)} imports {module}"
        for path in (ROOT / "models").rglob("*.py")
        for module in _imports(path)
        if module.split(".")[0] in {"duckdb", "sqlalchemy", "requests", "urllib", "fsspec", "socket", "subprocess"}
    }
    assert not broken


def test_no_cycles():
    names = {_name(path) for path in _modules()}
    graph = nx.DiGraph()
    for path in _modules():
        for module in _imports(path, at_import_only=True):
            if module in names and module != _name(path):
                graph.add_edge(_name(path), module)
    # A package that gathers what its own modules offer is no cycle as long as they do not import it back.
    assert not list(nx.simple_cycles(graph))


def test_no_module_is_too_long():
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _modules()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_importing_touches_neither_network_nor_warehouse():
    light = [_name(path) for path in _modules() if "assets" not in path.parts and path.stem != "__main__"]
    program = f"""
import socket, importlib
import duckdb
def refuse(*args, **kwargs):
    raise RuntimeError("touched at import")
socket.socket.connect = refuse
duckdb.connect = refuse
for name in {light!r}:
    importlib.import_module(name)
"""
    outcome = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr


def test_light_commands_do_not_import_heavy_libraries():
    program = """
import sys
import orchestration.cli, orchestration.pipeline, orchestration.pending, orchestration.outcome
print([name for name in ("dagster", "dbt", "great_expectations", "scipy", "sqlalchemy") if name in sys.modules])
"""
    outcome = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"
