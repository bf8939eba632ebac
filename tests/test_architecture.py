"""Imports point one way (docs/architecture.md), and light commands stay light."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = (
    ("monitor.cli",),
    ("monitor.commands",),
    ("monitor.serve",),
    ("monitor.archive", "monitor.report"),
    ("monitor.web",),
    ("monitor.display", "monitor.alerts"),
    ("monitor.exporters", "monitor.analytics"),
    ("monitor.pipeline", "monitor.speakers"),
    ("monitor.sources", "monitor.segmenter", "monitor.transcribers"),
    ("monitor.timeline",),
    ("monitor.flow",),
    ("stser_core",),
)
"""The packages from top to bottom; none may reach one above it, not even through modules between them."""

COMMAND_LINES = {"monitor.cli", "stser_core.training.cli"}
ENTRIES = {"monitor.entry", "stser_core.training.entry"}
HEAVY = ("torch", "torchaudio", "transformers", "tokenizers", "vosk", "av", "webrtcvad", "sounddevice", "sklearn")


def imports(path: Path) -> set[str]:
    """All that a file imports, wherever it does; for `from a import b`, both `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path} has a relative import"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def reached(edges: dict[str, set[str]], start: str) -> list[str]:
    """All modules that one imports, directly or through others, and itself."""
    found = [start]
    for module in found:
        found += sorted(edges[module] - set(found))
    return found


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Every module of the project, and all that it imports."""
    files = [path for package in ("stser_core", "monitor") for path in (ROOT / package).rglob("*.py")]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files]
    return {name: imports(path) for name, path in zip(names, files, strict=True)}


@pytest.fixture(scope="module")
def edges(imported) -> dict[str, set[str]]:
    """Every module of the project, and the project's modules that it imports."""
    return {name: others & imported.keys() - {name} for name, others in imported.items()}


@pytest.mark.parametrize("part", ["stser_core", "stser_core.training"])
def test_the_model_package_has_no_import_cycle(edges, part):
    """Of `stser_core` itself, what imports the package imports its root, so that is left out."""
    inner = {
        name: {other for other in others if inside(other, part) and other != "stser_core"}
        for name, others in edges.items()
        if inside(name, part) and name != "stser_core"
    }
    try:
        TopologicalSorter(inner).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_transformers_is_imported_only_where_a_hub_model_is_loaded(imported):
    importing = {name for name, others in imported.items() if any(inside(one, "transformers") for one in others)}

    assert {name for name in importing if not inside(name, "stser_core.training")} == {"stser_core.encoders.hub"}


def test_every_package_has_its_layer():
    packages = {f"monitor.{path.parent.name}" for path in (ROOT / "monitor").glob("*/__init__.py")}
    modules = {"monitor.alerts", "monitor.cli", "monitor.flow", "monitor.speakers", "stser_core"}

    assert {package for layer in LAYERS for package in layer} == packages | modules


@pytest.mark.parametrize("depth", range(1, len(LAYERS)), ids=lambda depth: LAYERS[depth][0])
def test_no_room_reaches_one_above_it(edges, depth):
    above = [package for layer in LAYERS[:depth] for package in layer]
    members = [module for module in edges if any(inside(module, package) for package in LAYERS[depth])]
    ways = [(module, other) for module in members for other in reached(edges, module)]

    assert members and [way for way in ways if any(inside(way[1], package) for package in above)] == []


@pytest.mark.parametrize("outside", ["monitor", "stser_core"])
def test_only_training_imports_training(edges, outside):
    training = "stser_core.training"
    others = [module for module in edges if inside(module, outside) and not inside(module, training)]

    assert [(module, other) for module in others for other in edges[module] if inside(other, training)] == []


def test_nothing_imports_a_command_line(edges):
    assert [
        (module, other) for module, others in edges.items() if module not in ENTRIES for other in others & COMMAND_LINES
    ] == []


@pytest.mark.parametrize("module", sorted(COMMAND_LINES))
def test_a_command_line_starts_light(module):
    heavy = (*HEAVY, "numpy", "rich") if module == "monitor.cli" else HEAVY
    code = f"import sys, {module} as cli; cli.main(['--help']);"
    code += f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True, cwd=ROOT)

    assert run.stderr.strip() == "[]"
    assert "Usage" in run.stdout
