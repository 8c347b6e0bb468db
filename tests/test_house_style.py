"""The import rules and the limits of size that docs/decisions/0014-house.md states."""

import ast
import functools
import graphlib
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.docs import openapi

ROOT = Path(__file__).parent.parent
OURS = ("abtest", "bench", "infra", "pipelines", "workflows")

# What each package of ours may import of ours, beside itself.
ALLOWED = {
    "abtest.experiment": (),
    "abtest.adapters": ("abtest.experiment",),
    "abtest.operations": ("abtest.adapters", "abtest.experiment"),
    "abtest.handlers": ("abtest.operations", "abtest.adapters", "abtest.experiment"),
    "abtest.report": ("abtest.experiment",),
    "abtest.sandbox": ("abtest.interrupts",),
    "abtest.cli": (
        "abtest.adapters",
        "abtest.experiment",
        "abtest.interrupts",
        "abtest.operations",
        "abtest.report",
        "abtest.sandbox.lifecycle",
        "pipelines.definition",
        "pipelines.run",
        "pipelines.reviews",
    ),
    "bench": ("abtest.experiment",),
    "pipelines": (),
    "workflows": (),
    "infra": ("abtest.experiment", "workflows"),
}

LONGEST_FUNCTION = 40
LONGEST_BUILDER = 60  # CDK constructs, the pipeline, the state machines: declarations, not logic
LONGEST_FILE = 300
BUILDERS = ("infra/", "pipelines/", "workflows/")


@functools.cache
def sources() -> list[Path]:
    return sorted(path.relative_to(ROOT) for package in OURS for path in (ROOT / package).rglob("*.py"))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


@functools.cache
def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def test_imports_point_inwards() -> None:
    wrong = []
    for path in sources():
        module = ".".join(path.with_suffix("").parts)
        home = next((package for package in ALLOWED if within(module, package)), None)
        for name in imports(path):
            ours = name != "abtest" and any(within(name, package) for package in OURS)
            if home and ours and not any(within(name, package) for package in (home, *ALLOWED[home])):
                wrong.append(f"{path} imports {name}")
    assert not wrong


def test_handlers_do_not_import_each_other() -> None:
    routes = {p.stem for p in sources() if p.match("abtest/handlers/*.py")} - {"__init__", "environment", "errors"}
    shared = {"environment", "errors", "api"}
    wrong = [
        f"{path} imports {name}"
        for path in sources()
        if path.match("abtest/handlers/*.py")
        for name in imports(path)
        if within(name, "abtest.handlers") and name.split(".")[2] in routes - shared
    ]
    assert not wrong


# The rooms of the core, and what each may import of the others, beside `arrays`.
ROOMS: dict[str, tuple[str, ...]] = {
    "record": (),
    "counting": ("record",),
    "allocation": ("record",),
    "evidence": ("record", "counting", "allocation"),
    "rebalance": ("record", "counting", "allocation", "evidence"),
    "replay": ("record", "counting", "allocation", "evidence"),
    "simulation": ("record", "counting", "allocation", "evidence"),
}


def test_the_rooms_of_the_core_import_inwards() -> None:
    wrong = []
    for path in sources():
        parts = path.with_suffix("").parts
        room = parts[2] if parts[:2] == ("abtest", "experiment") and len(parts) > 2 else ""
        for name in imports(path) if room in ROOMS else ():
            other = name.split(".")[2] if within(name, "abtest.experiment") else room
            if other not in (room, "arrays", *ROOMS[room]):
                wrong.append(f"{path} imports {name}")
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = {".".join(path.with_suffix("").parts): path for path in sources()}
    graph = {
        module: {name if name in modules else name.rpartition(".")[0] for name in imports(path)} & modules.keys()
        for module, path in modules.items()
    }
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, which names them


def test_the_core_has_no_clock_environment_or_global_random() -> None:
    forbidden = ("boto3", "botocore", "os", "time", "random.random", "pandas")
    wrong = [
        f"{path} imports {name}"
        for path in sources()
        if path.is_relative_to("abtest/experiment")
        for name in imports(path)
        if any(within(name, package) for package in forbidden)
    ]
    assert not wrong


def importing(folder: str, *packages: str) -> list[str]:
    """The modules of a folder that import one of these packages."""
    found = [path for path in sources() if path.match(f"{folder}/*.py") and path.stem != "__init__"]
    return [str(p) for p in found if any(within(name, package) for package in packages for name in imports(p))]


def test_adapters_call_aws_and_operations_do_not() -> None:
    """What names no client, or reads the evidence, is a rule of ours, whose home is operations or the core."""
    adapters = {str(path) for path in sources() if path.match("abtest/adapters/*.py") and path.stem != "__init__"}
    assert adapters == set(importing("abtest/adapters", "boto3", "botocore", "abtest.adapters"))
    rules = [f"abtest.experiment.{room}" for room in ROOMS if room not in ("record", "counting")]
    assert not importing("abtest/adapters", *rules)
    assert not importing("abtest/operations", "boto3", "botocore")


def test_a_request_waits_for_no_statistics() -> None:
    handlers = ", ".join(f"abtest.handlers.{path.strip('/')}" for path in openapi.routes())
    show = f"import sys, {handlers}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", show], check=True, capture_output=True, text=True).stdout.split()
    rooms = [f"abtest.experiment.{room}" for room in ROOMS if room != "record"]
    assert not [name for name in loaded if any(within(name, other) for other in ("numpy", *rooms))]


def test_only_one_file_of_the_pipeline_calls_aws() -> None:
    calling = [p.name for p in sources() if p.match("pipelines/*.py") and "boto3" in set(imports(p))]
    assert set(calling) <= {"run.py", "pipeline.py"}  # pipeline.py makes the SDK's session, which calls nothing


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, docstring excluded."""
    length = (node.end_lineno or 0) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        length -= (first.end_lineno or 0) - first.lineno + 1
    return length


def functions() -> Iterator[tuple[Path, str, int]]:
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node.name, code_lines(node)


def test_functions_are_short() -> None:
    measured = list(functions())
    long = [
        f"{path}: {name} has {length} lines"
        for path, name, length in measured
        if length > (LONGEST_BUILDER if str(path).startswith(BUILDERS) else LONGEST_FUNCTION)
    ]
    assert not long
    assert statistics.median(length for _, _, length in measured) <= 8


def test_files_are_short() -> None:
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in sources()}
    assert not {str(path): length for path, length in lengths.items() if length > LONGEST_FILE}
