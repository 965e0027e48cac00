"""Declared once, derived everywhere else: finds topic names, variables and ports that are written a second time.

A topic name counts where a topic is meant (an argument of a Kafka call, `topic=...`), because "events" is also a word.
Documentation may name a variable, but only one that exists. Tests may write down what they expect.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from models.contracts import settings
from models.contracts.topics import TOPICS

ROOT = Path(__file__).parents[2]
DECLARED_IN = {"models/contracts/settings.py", "models/contracts/topics.py"}
TOPIC_NAMES = {topic.name for topic in TOPICS}
VARIABLES = {settings.variable(name) for name in settings.Settings.__struct_fields__}
PORTS = {
    getattr(settings.Settings(), name) for name in settings.Settings.__struct_fields__ if name.endswith("_port")
} - {0}  # none of its own
PORTS |= {
    settings.PORT_BASE + offset for offset in (settings.SHOP_PORT, settings.FURTHER_EDGES_PORT, settings.BROKER_PORT)
}
TOPIC_CALLS = {
    "TopicPartition",
    "NewTopic",
    "Topic",
    "send",
    "produce",
    "produce_batch",
    "topic",
    "subscribe",
    "assign",
}
_VARIABLE = re.compile(rf"\b{settings.PREFIX}[A-Z][A-Z_]*")
_PORT = re.compile(rf"(?<=:)(?:{'|'.join(map(str, sorted(PORTS)))})\b")


def _docstrings(tree: ast.AST) -> set[int]:
    """The ids of the constants that stand alone as statements: documentation."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def _topic_arguments(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in TOPIC_CALLS and call.args:
        first = call.args[0]
        yield from first.elts if isinstance(first, ast.List | ast.Tuple) else [first]
    yield from (keyword.value for keyword in call.keywords if keyword.arg in ("topic", "topics"))


def in_python(text: str) -> Iterator[tuple[int, str]]:
    """(line, what is written twice) in one module."""
    tree = ast.parse(text)
    documentation = _docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for argument in _topic_arguments(node):
                if isinstance(argument, ast.Constant) and argument.value in TOPIC_NAMES:
                    yield argument.lineno, f"topic {argument.value!r}: take it from models.contracts.topics"
        if not isinstance(node, ast.Constant) or id(node) in documentation:
            continue
        if type(node.value) is int and node.value in PORTS:
            yield node.lineno, f"port {node.value}: derive it from models.contracts.settings"
        if isinstance(node.value, str):
            if _VARIABLE.fullmatch(node.value):
                yield node.lineno, f"variable {node.value}: models.contracts.settings.variable() makes it"
            yield from ((node.lineno, what) for _, what in in_text(node.value))
            for found in _PORT.findall(node.value):
                yield node.lineno, f"port {found}: derive it from models.contracts.settings"


def in_text(text: str) -> Iterator[tuple[int, str]]:
    """(line, variable that does not exist) in documentation and scripts."""
    for number, line in enumerate(text.splitlines(), start=1):
        for found in _VARIABLE.findall(line):
            if found not in VARIABLES:
                yield number, f"variable {found} is no declared setting"


def main() -> None:
    """Checks every committed file but the declarations, the tests and what is generated."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wrong = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if name in DECLARED_IN or name.startswith(("tests/", "docker/")) or not path.is_file():
            continue
        if name.endswith(".py"):
            wrong += [(name, *found) for found in in_python(path.read_text())]
        elif name.endswith((".md", ".yaml", ".yml", ".ipynb")) or name.startswith("scripts/"):
            wrong += [(name, *found) for found in in_text(path.read_text())]
    for name, line, what in wrong:
        print(f"{name}:{line}: {what}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
