"""mypy reads the modules of the CDK that we use: one that it skips would type everything from it as Any."""

import ast
import configparser
from pathlib import Path

ROOT = Path(__file__).parents[2]


def imported() -> set[str]:
    """The CDK's modules that our files import."""
    found: set[str] = set()
    texts = (path.read_text() for folder in ("infra", "tests") for path in (ROOT / folder).rglob("*.py"))
    for text in (text for text in texts if "aws_cdk" in text):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("aws_cdk"):
                names = {f"{node.module}.{alias.name}" for alias in node.names if alias.name.startswith("aws_")}
                found |= names | {node.module}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names if alias.name.startswith("aws_cdk")}
    return found


def test_the_cdks_modules_that_we_import_are_typed() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    normal = [name for name in config if config[name].get("follow_imports") == "normal"]
    typed = {module for name in normal for module in name.removeprefix("mypy-").split(",")}
    assert len(imported()) > 10
    assert imported() <= typed, "name them in setup.cfg: follow_imports = normal"
