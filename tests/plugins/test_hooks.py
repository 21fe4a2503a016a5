"""Every hook is documented and exercised; the parts that come with segport can all be made."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import SimpleNamespace

import pytest

from segport.domain.architecture.zoo import ARCHITECTURES, ENCODERS
from segport.domain.augmentation.policy import AugmentationPolicy
from segport.domain.losses.catalogue import LOSSES, summary
from segport.domain.metrics.overlap import ALIASES, standard_metrics
from segport.plugins import Entry, Kind, hookimpl, hookspecs
from segport.plugins.manager import discover
from segport.plugins.registry import Registry

HOOKS = {name: function for name, function in vars(hookspecs).items() if name.startswith("segport_")}
BUILTIN = [e for e in Registry().entries if e.plugin in ("builtin", "data", "tracking")]


def offered(kind: Kind) -> dict[str, Entry]:
    return {e.name: e for e in Registry().entries if e.kind is kind and e.plugin == "builtin"}


def test_kinds_and_hooks_are_one_to_one() -> None:
    assert sorted(HOOKS) == sorted(kind.hook for kind in Kind)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented_and_its_specification_is_never_called(name: str) -> None:
    assert "factories" in (inspect.getdoc(HOOKS[name]) or "")
    with pytest.raises(AssertionError, match="never called"):
        HOOKS[name]()


@pytest.mark.parametrize("kind", list(Kind))
def test_a_plugin_offers_a_part_through_the_hook_of_each_kind(kind: Kind) -> None:
    def offer() -> Iterable[Entry]:
        return [Entry(kind, "mine", "one of mine", lambda: lambda: "made")]

    found = discover(points=[], extra=[("theirs", SimpleNamespace(**{kind.hook: hookimpl(offer)}))])
    assert found.broken == ()
    assert [(e.kind, e.name, e.plugin) for e in found.entries] == [(kind, "mine", "theirs")]
    assert Registry(lambda: found).make(kind, "mine", {}) == "made"


@pytest.mark.parametrize("kind", list(Kind))
def test_segport_itself_implements_the_hook(kind: Kind) -> None:
    assert Registry().names(kind.value)


def test_no_plugin_of_ours_is_broken() -> None:
    assert Registry().broken == ()


@pytest.mark.parametrize("entry", Registry().entries, ids=lambda e: f"{e.kind}-{e.name}")
def test_names_and_summaries_are_fit_for_a_table(entry: Entry) -> None:
    for name in (entry.name, *entry.aliases):
        assert name == name.lower() and " " not in name and "_" not in name
    assert 0 < len(entry.summary) <= 120 and "\n" not in entry.summary
    assert bool(entry.requires) == bool(entry.install)


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda e: f"{e.kind}-{e.name}")
def test_every_builtin_part_loads(entry: Entry) -> None:
    factory = entry.load()
    assert callable(factory)
    assert all(name.isidentifier() for name in inspect.signature(factory).parameters)


def test_what_is_listed_is_what_the_domain_has() -> None:
    """The listing is text, so that it imports no formula: it must not drift."""
    assert {n: e.summary for n, e in offered(Kind.ARCHITECTURE).items()} == {
        n: part.summary for n, part in ARCHITECTURES.items()
    }
    assert {n: e.summary for n, e in offered(Kind.ENCODER).items()} == {n: p.summary for n, p in ENCODERS.items()}
    assert {n: (e.summary, e.load()) for n, e in offered(Kind.LOSS).items()} == {
        n: (summary(n), loss) for n, loss in LOSSES.items()
    }
    metrics = {m.name: (_first_line(type(m)), type(m)) for m in standard_metrics()}
    assert {n: (e.summary, e.load()) for n, e in offered(Kind.METRIC).items()} == metrics
    aliases = {alias: e.name for e in offered(Kind.METRIC).values() for alias in e.aliases}
    assert aliases == dict(ALIASES)


@pytest.mark.parametrize("name", ["none", "light", "standard", "strong"])
def test_a_policy_is_listed_as_its_preset_says(name: str) -> None:
    preset = getattr(AugmentationPolicy, name)
    assert offered(Kind.AUGMENTATION)[name].summary == _first_line(preset)
    assert Registry().augmentation(name, {}) == preset()


def _first_line(part: object) -> str:
    return (inspect.getdoc(part) or "").partition("\n")[0]
