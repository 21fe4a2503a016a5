"""The files of a new package, as text: parts, their offer, a test that runs the kit, and what pip needs."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.util import find_spec

from attrs import frozen

from ...domain.errors import InvalidSpecError, UnknownNameError
from ..entries import Kind
from ..registry import Registry

SUMMARIES = {
    Kind.LOSS: "the error of the probabilities to some power",
    Kind.METRIC: "the IoU of the class that is found worst",
    Kind.READER: "one .npz file an image, with image and labels",
    Kind.TRACKER: "the numbers of each epoch as lines of JSON",
    Kind.BACKEND: "the NumPy reference for now",
}
"""The kinds there is a skeleton for, and what each is offered as."""

_FLAGS = {
    Kind.LOSS: "segport train DATA --loss {name}",
    Kind.METRIC: "segport evaluate RUN",
    Kind.READER: "segport prepare FOLDER DATA --reader {name}",
    Kind.TRACKER: "segport train DATA --track {name}",
    Kind.BACKEND: "segport evaluate RUN --backend {name}",
}
_OURS_APART = re.compile(r"^(from (?:attrs|numpy).*\n)\n(?=from segport)", re.M)
"""The empty line before our imports: to others, segport is a package as attrs and NumPy are."""
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@frozen
class Skeleton:
    """A package to be written.

    Attributes:
        name: of the distribution, of the plugin, and of each of its parts.
        kinds: of its parts, one each.
        minimum: version of segport that it requires.
    """

    name: str
    kinds: tuple[Kind, ...]
    minimum: str

    @property
    def package(self) -> str:
        """What Python imports."""
        return self.name.replace("-", "_")

    def files(self) -> dict[str, str]:
        """Text by path."""
        inside = {f"{kind.value}.py": self._own(kind) for kind in self.kinds}
        inside |= {"__init__.py": f'"""{self._title} for segport."""\n', "plugin.py": self._plugin(), "py.typed": ""}
        words = {"name": self.name, "package": self.package, "title": self._title, "minimum": self.minimum}
        return {
            "pyproject.toml": _PROJECT.format(**words),
            "README.md": _README.format(**words, use="\n    ".join(self._uses())),
            **{f"{self.package}/{path}": text for path, text in inside.items()},
            "tests/test_conformance.py": self._test(),
        }

    @property
    def _title(self) -> str:
        return f"A {' and a '.join(kind.value for kind in self.kinds)}"

    def _class(self, kind: Kind) -> str:
        words = self.name.removesuffix(f"-{kind.value}").split("-")
        return "".join(map(str.capitalize, [*words, kind.value]))

    def _own(self, kind: Kind) -> str:
        text = files(__package__).joinpath(f"{kind.value}.py").read_text("utf-8")
        text = text.replace("\nfrom ...", "\nfrom segport.").replace("\nfrom ..", "\nfrom segport.plugins.")
        text = _OURS_APART.sub(r"\1", text)
        named = text.replace(f"Example{kind.value.capitalize()}", self._class(kind))
        return named.replace('"example', f'"{self.name}').replace("example.", f"{self.name}.")

    def _plugin(self) -> str:
        hooks = (
            _HOOK.format(kind=kind, upper=kind.name, name=self.name, part=self._class(kind), **_words(kind))
            for kind in self.kinds
        )
        return _PLUGIN + "".join(hooks)

    def _test(self) -> str:
        reads = Kind.READER in self.kinds
        head, data = (_EXAMPLE, ", example") if reads else ("", "")
        more = "\n\nfrom pathlib import Path\n\nimport numpy as np\nimport pytest" if reads else "\n\nimport pytest"
        return _TEST.format(name=self.name, imports=more, head=head, data=data)

    def _uses(self) -> Iterator[str]:
        for kind in self.kinds:
            yield _FLAGS[kind].format(name=self.name)


def kinds_named(names: Sequence[str]) -> tuple[Kind, ...]:
    """The kinds of these names, each once. Raises UnknownNameError for one there is no skeleton for."""
    for name in names:
        if name not in SUMMARIES:
            raise UnknownNameError.of("kind of part for a new package", name, (kind.value for kind in SUMMARIES))
    return tuple(dict.fromkeys(map(Kind, names)))


def check_name(skeleton: Skeleton, registry: Registry) -> None:
    """Raises InvalidSpecError with every reason why nothing can be called so."""
    problems = list(_problems(skeleton, registry))
    if problems:
        raise InvalidSpecError(
            f"A package cannot be called {skeleton.name!r}.",
            problems=problems,
            fix="Choose another name: lower-case words and digits, joined by hyphens, as in rank-loss.",
        )


def _problems(skeleton: Skeleton, registry: Registry) -> Iterator[str]:
    name, package = skeleton.name, skeleton.package
    if not _NAME.fullmatch(name):
        yield "it is not lower-case words and digits, joined by hyphens, beginning with a letter"
        return
    if keyword.iskeyword(package) or package in sys.stdlib_module_names or find_spec(package):
        yield f"Python has a module or a word {package!r} already"
    if name in {entry.plugin for entry in registry.entries} | set(registry.faults()):
        yield f"there is a plugin {name!r} already"
    for kind in skeleton.kinds:
        for entry in registry.offered(kind.value):
            if name in (entry.name, *entry.aliases):
                yield f"there is a {kind.value} {name!r} already, from plugin {entry.plugin!r}"


def _words(kind: Kind) -> dict[str, str]:
    return {"hook": kind.hook, "summary": SUMMARIES[kind], "plural": kind.hook.removeprefix("segport_")}


_PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "0.1.0"
description = "{title} for segport."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["segport>={minimum}"]

[project.optional-dependencies]
test = ["pytest>=8.3"]

# The name of the plugin, and the module with its hooks.
[project.entry-points.segport]
{name} = "{package}.plugin"

[tool.setuptools]
packages = ["{package}"]
package-data = {{ "{package}" = ["py.typed"] }}

[tool.pytest.ini_options]
testpaths = ["tests"]
"""

_README = """\
# {name}

{title} for [segport](https://pypi.org/project/segport/).

    pip install -e '.[test]'
    segport plugins info plugin:{name}
    segport plugins check plugin:{name}
    pytest

Then it is there by its name:

    {use}
"""

_PLUGIN = '''\
"""What this package offers. Nothing heavy is imported here: a part's own module is, when the part is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from segport.plugins import Entries, Entry, Kind, hookimpl


def _part(module: str, name: str) -> Callable[[], Callable[..., Any]]:
    """What imports a part when it is called."""
    return lambda: getattr(import_module(f".{module}", __package__), name)
'''

_HOOK = '''

@hookimpl
def {hook}() -> Entries:
    """The {plural} of this package."""
    summary = "{summary}"
    return [Entry(Kind.{upper}, "{name}", summary, _part("{kind}", "{part}"))]
'''

_TEST = '''\
"""Every part of this package against segport's conformance kit."""{imports}
from segport.plugins.conformance import Case, checks_of

{head}
@pytest.mark.parametrize("check", checks_of("plugin:{name}"{data}), ids=str)
def test_it_conforms(check: Case) -> None:
    check()
'''

_EXAMPLE = '''
def example(folder: Path) -> None:
    """Three images in the layout of the reader."""
    for i in range(3):
        image = np.random.default_rng(i).integers(0, 256, (8, 9, 3)).astype(np.uint8)
        np.savez(folder / f"{i}.npz", image=image, labels=image[..., 0] % 2)

'''
