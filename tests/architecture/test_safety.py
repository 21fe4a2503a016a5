"""What the program never does with what it reads: run it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "jsonpickle", "code"}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {"torch.load", "torch.jit.load", "torch.hub.load", "os.system", "os.popen", "load_model"}
SHELLS = {"subprocess"}
ALLOWED = {
    # Both run the text that segport itself wrote, in checks that developers start.
    ("plugins/conformance/exporter_checks.py", "exec"),
    ("plugins/conformance/entry_checks.py", "import subprocess"),
}


def risks(tree: ast.AST) -> Iterator[str]:
    """Imports and calls that may run what a file holds."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        yield from (f"import {name}" for name in names if name.partition(".")[0] in MODULES | SHELLS)
        if isinstance(node, ast.Call):
            yield from _call_risks(node)


def _call_risks(call: ast.Call) -> Iterator[str]:
    called = ast.unparse(call.func)
    if called in CALLS or any(called == method or called.endswith(f".{method}") for method in METHODS):
        yield called
    if any(word.arg == "allow_pickle" and ast.unparse(word.value) != "False" for word in call.keywords):
        yield f"{called}(allow_pickle)"
    if called == "np.load" and not any(word.arg == "allow_pickle" for word in call.keywords):
        # NumPy's own default is False, and it is said nevertheless: nobody must look it up.
        yield "np.load"
    if any(word.arg == "shell" for word in call.keywords):
        yield f"{called}(shell)"


def test_nothing_that_is_read_is_run(root: Path, modules: list[Path]) -> None:
    found = {
        (path.as_posix(), risk)
        for path in modules
        for risk in risks(ast.parse((root / path).read_text(encoding="utf-8")))
    }
    assert found - ALLOWED == set()
    assert found >= ALLOWED


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from yaml import load",
        "import marshal as m",
        "torch.load(path)",
        "torch.load(path, weights_only=True)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "eval(text)",
        "exec(text, names)",
        "keras.saving.load_model(path)",
        "os.system(text)",
        "run(words, shell=True)",
        "__import__(name)",
    ],
)
def test_each_way_to_run_what_is_read_is_seen(line: str) -> None:
    assert list(risks(ast.parse(line)))


def test_the_pickle_of_a_torch_file_is_read_by_hand() -> None:
    """pickletools only takes opcodes apart."""
    assert not list(risks(ast.parse("import pickletools\npickletools.genops(file)")))
