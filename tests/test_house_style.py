"""The import rules and the limits of size that docs/decisions/0001-layout.md states."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("abtest", "bench", "infra", "pipelines", "workflows")

# What each package of ours may import of ours, beside itself.
ALLOWED = {
    "abtest.experiment": (),
    "abtest.adapters": ("abtest.experiment",),
    "abtest.handlers": ("abtest.adapters", "abtest.experiment"),
    "abtest.report": ("abtest.experiment",),
    "abtest.sandbox": ("abtest.interrupts",),
    "abtest.cli": (
        "abtest.adapters",
        "abtest.experiment",
        "abtest.interrupts",
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


def sources() -> list[Path]:
    return sorted(path.relative_to(ROOT) for package in OURS for path in (ROOT / package).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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
    routes = {p.stem for p in sources() if p.match("abtest/handlers/*.py")} - {"__init__", "settings", "errors"}
    shared = {"settings", "errors", "api", "workflow"}
    wrong = [
        f"{path} imports {name}"
        for path in sources()
        if path.match("abtest/handlers/*.py")
        for name in imports(path)
        if within(name, "abtest.handlers") and name.split(".")[2] in routes - shared
    ]
    assert not wrong


def test_the_core_has_no_clock_environment_or_global_random() -> None:
    forbidden = ("boto3", "botocore", "os", "time", "random.random", "pandas")
    wrong = [
        f"{path} imports {name}"
        for path in sources()
        if path.is_relative_to("abtest/experiment")
        for name in imports(path)
        if any(within(name, package) for package in (*forbidden, *(() if may_use_numpy(path) else ("numpy",))))
    ]
    assert not wrong


def may_use_numpy(path: Path) -> bool:
    """What moves many runs, events or batches at once, where no request waits for it; decisions 4 and 8 say why."""
    of_many = ("batchwise", "counting", "delays", "event_table", "log_gamma")
    return path.parent.name == "simulation" or path.stem.startswith("adaptive") or path.stem in of_many


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
    long = [
        f"{path}: {name} has {length} lines"
        for path, name, length in functions()
        if length > (LONGEST_BUILDER if str(path).startswith(BUILDERS) else LONGEST_FUNCTION)
    ]
    assert not long
    assert statistics.median(length for _, _, length in functions()) <= 8


@pytest.mark.parametrize("path", sources(), ids=str)
def test_files_are_short(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= LONGEST_FILE
