"""Parts by name: aliases, wrong names and options, missing modules, clashes, broken plugins."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from segport.bootstrap import Settings, Toolkit
from segport.domain.augmentation.policy import AugmentationPolicy
from segport.domain.errors import BackendUnavailableError, InvalidSpecError, PluginError, UnknownNameError
from segport.domain.losses.focal import Focal
from segport.plugins import Entry, Kind, hookimpl
from segport.plugins.manager import DISABLE, Broken, Offer, discover
from segport.plugins.registry import Registry


@attrs.frozen
class Quiet:
    """A part with options."""

    level: int = 1
    name_of_it: str = "quiet"

    def __attrs_post_init__(self) -> None:
        if self.level < 0:
            raise ValueError("level below zero")


def entry(name: str = "quiet", kind: Kind = Kind.LOSS, **more: Any) -> Entry:
    return Entry(kind, name, "does nothing", more.pop("load", lambda: Quiet), **more)


def plugin(*entries: Entry, hook: str = "segport_losses") -> object:
    """An object with one hook implementation."""

    def implementation() -> Iterable[Entry]:
        return entries

    implementation.__name__ = hook
    return SimpleNamespace(**{hook: hookimpl(implementation)})


def registry(*entries: Entry, broken: tuple[Broken, ...] = ()) -> Registry:
    return Registry(lambda: Offer(entries, broken))


def test_an_alias_is_the_part_itself_and_no_name_of_its_own() -> None:
    made = registry(entry(aliases=("silent", "mute")))
    assert made.entry(Kind.LOSS, "mute") is made.entry(Kind.LOSS, "quiet")
    assert made.names("loss") == ["quiet"]
    assert len(made.entries) == 1


def test_the_same_name_may_mean_one_part_of_each_kind() -> None:
    made = registry(entry("dice"), entry("dice", Kind.METRIC))
    assert made.entry(Kind.LOSS, "dice") is not made.entry(Kind.METRIC, "dice")


def test_an_unknown_name_shows_the_nearest_and_all() -> None:
    with pytest.raises(UnknownNameError, match="Unknown loss 'focall'") as caught:
        Registry().loss("focall", {})
    assert "Did you mean 'focal'?" in caught.value.fix
    assert "lovasz-softmax" in caught.value.fix


def test_an_unknown_name_tells_of_broken_plugins_that_might_have_offered_it() -> None:
    made = registry(entry(), broken=(Broken("theirs", "ImportError: no module"),))
    with pytest.raises(UnknownNameError, match="plugin 'theirs' could not be loaded: ImportError"):
        made.entry(Kind.BACKEND, "theirs")


def test_an_unknown_option_shows_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"option of loss 'focal'.* 'gama'") as caught:
        Registry().loss("focal", {"gama": 2})
    assert "'gamma'" in caught.value.fix


def test_options_reach_the_part() -> None:
    assert Registry().loss("focal", {"gamma": 3.0}) == Focal(gamma=3.0)
    policy = Registry().augmentation("light", {"rotate": 12.0})
    assert policy == attrs.evolve(AugmentationPolicy.light(), rotate=12.0)


@pytest.mark.parametrize("value", [-1, "text"])
def test_a_value_that_cannot_be_names_part_and_options(value: object) -> None:
    with pytest.raises(InvalidSpecError, match=r"loss 'quiet'.*'level'"):
        registry(entry()).make(Kind.LOSS, "quiet", {"level": value})


def test_a_part_that_takes_any_option_is_not_asked() -> None:
    made = registry(entry(load=lambda: lambda **options: options))
    assert made.make(Kind.LOSS, "quiet", {"anything": 1}) == {"anything": 1}


def test_a_missing_module_says_how_to_install_it_and_nothing_is_loaded() -> None:
    def load() -> type:
        raise AssertionError("loaded")

    needs = entry(
        "far", Kind.BACKEND, load=load, requires=("json", "no_such_module", "no_such.part"), install="pip install far"
    )
    made = registry(needs)
    assert needs.missing() == ("no_such_module", "no_such.part")
    with pytest.raises(BackendUnavailableError, match="backend 'far' needs no_such_module, no_such") as caught:
        made.backend("far")
    assert caught.value.fix == "Install it with: pip install far"


def test_a_missing_framework_names_the_installed_ones() -> None:
    far = entry("far", Kind.BACKEND, requires=("no_such_module",), install="pip install far")
    here = entry("here", Kind.BACKEND, requires=("json",))
    bare = entry("bare", Kind.BACKEND)  # no framework, such as the reference: seldom what was meant
    with pytest.raises(BackendUnavailableError) as caught:
        registry(far, here, bare).backend("far")
    assert caught.value.fix == "Install it with: pip install far\nInstalled here: --backend here"


def test_an_error_of_ours_while_loading_is_not_wrapped() -> None:
    def load() -> type:
        raise BackendUnavailableError("Keras runs on jax.", fix="Set KERAS_BACKEND.")

    with pytest.raises(BackendUnavailableError, match="Keras runs on jax"):
        registry(entry("far", Kind.BACKEND, load=load)).backend("far")


def test_tf_is_a_known_name() -> None:
    offered = Registry().entry(Kind.BACKEND, "tf")
    assert offered.name == "tensorflow" and "tensorflow" in offered.requires
    assert offered.install.startswith("pip install 'segport[tf")


def test_a_part_that_fails_to_load_names_its_plugin() -> None:
    broken = attrs.evolve(entry(load=lambda: 1 / 0), plugin="theirs")
    with pytest.raises(PluginError, match="'quiet' of plugin 'theirs' could not be loaded: ZeroDivisionError"):
        registry(broken).make(Kind.LOSS, "quiet", {})


@pytest.mark.parametrize("second", [entry("dice"), entry("other", aliases=("dice",))])
def test_two_plugins_with_one_name_are_both_named(second: Entry) -> None:
    toolkit = Toolkit(Settings((), [("theirs", plugin(second))]))
    with pytest.raises(PluginError, match="from 'builtin' and from 'theirs'") as caught:
        toolkit.registry.names("loss")
    assert DISABLE in caught.value.fix


def test_blocking_one_of_two_that_clash_leaves_the_other() -> None:
    toolkit = Toolkit(Settings(("builtin",), [("theirs", plugin(entry("dice")))]))
    assert toolkit.registry.make(Kind.LOSS, "dice", {}) == Quiet()
    assert "unet" not in toolkit.registry.names("architecture")


def test_the_environment_blocks_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE, "torch, tracking")
    names = Toolkit().registry.names
    assert "torch" not in names("backend") and names("tracker") == [] and "folders" in names("reader")
    monkeypatch.delenv(DISABLE)
    assert "torch" in Toolkit().registry.names("backend")


def test_an_extra_plugin_counts_as_installed_and_two_toolkits_do_not_share() -> None:
    first, second = Toolkit(Settings((), [("mine", plugin(entry()))])), Toolkit(Settings(()))
    assert first.registry.make(Kind.LOSS, "quiet", {"level": 5}) == Quiet(5)
    assert first.registry.entry(Kind.LOSS, "quiet").plugin == "mine"
    assert "quiet" not in second.registry.names("loss")
    assert first.registry.backend("torch") is first.registry.backend("pytorch")
    assert first.registry.backend("torch") is not second.registry.backend("torch")


def test_a_backend_is_made_once_for_the_same_options() -> None:
    made = registry(entry("eager", Kind.BACKEND, aliases=("e",)))
    assert made.backend("eager", {"level": 2}) is made.backend("e", {"level": 2}) == Quiet(2)
    assert made.backend("eager") is made.backend("e", {}) == Quiet()
    assert made.backend("eager") is not made.backend("eager", {"level": 2})
    with pytest.raises(UnknownNameError, match="option of backend 'eager': 'levle'"):
        made.backend("eager", {"levle": 2})


def test_toolkits_make_services_of_their_own_and_take_replacements() -> None:
    clock = SimpleNamespace(seconds=lambda: 0.0, now=lambda: "now")
    mine, other = Toolkit(Settings(()), clock=clock), Toolkit(Settings(()))
    assert mine.train.clock is clock and other.train.clock is not clock
    assert mine.train is mine.train and mine.train is not other.train
    assert mine.train.catalogue is mine.registry


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "segport")


GOOD = point("tracking", "segport.adapters.tracking.plugin")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (point("far", "no_such_package.plugin"), "ModuleNotFoundError: No module named 'no_such_package'"),
        (point("far", "segport.plugins:no_such_name"), "AttributeError"),
    ],
)
def test_a_broken_entry_point_is_listed_and_the_others_work(broken: EntryPoint, reason: str) -> None:
    offer = discover(points=[broken, GOOD])
    assert [b.plugin for b in offer.broken] == ["far"] and reason in offer.broken[0].reason
    assert {e.name for e in offer.entries} == {"console", "log", "tensorboard"}


def _raise() -> Iterable[Entry]:
    raise SystemError("not today")


@pytest.mark.parametrize(
    ("hooks", "reason"),
    [
        (
            {"segport_losses": hookimpl(lambda: ["dice"])},
            "TypeError: segport_losses must return entries of kind 'loss'",
        ),
        ({"segport_losses": hookimpl(lambda: [entry(kind=Kind.METRIC)])}, "TypeError: segport_losses must return"),
        ({"segport_losses": hookimpl(_raise)}, "SystemError: not today"),
        ({"segport_losess": hookimpl(lambda: [entry()])}, "PluginValidationError: unknown hook 'segport_losess'"),
    ],
)
def test_a_plugin_that_misbehaves_is_listed_with_its_reason(hooks: dict[str, Any], reason: str) -> None:
    """pluggy finds hooks by the attribute's name, whatever the function is called."""
    offer = discover(points=[GOOD], extra=[("theirs", SimpleNamespace(**hooks))])
    assert [b.plugin for b in offer.broken] == ["theirs"]
    assert reason in offer.broken[0].reason
    assert {e.name for e in offer.entries} == {"console", "log", "tensorboard"}


def test_a_broken_plugin_does_not_take_the_program_down(capsys: pytest.CaptureFixture[str]) -> None:
    toolkit = Toolkit(Settings((), [("theirs", SimpleNamespace(segport_losses=hookimpl(_raise)))]))
    assert isinstance(toolkit.registry.loss("focal", {}), Focal)
    assert toolkit.registry.broken == (Broken("theirs", "SystemError: not today"),)


def test_a_name_installed_twice_is_taken_once() -> None:
    offer = discover(points=[GOOD, GOOD])
    assert {e.name for e in offer.entries} == {"console", "log", "tensorboard"}


def test_a_disabled_plugin_is_not_even_imported() -> None:
    offer = discover(points=[point("far", "no_such_package.plugin")], disabled=["far"])
    assert offer == Offer((), ())


def test_each_kind_has_a_typed_way_in(tmp_path: Path) -> None:
    made = Registry()
    assert made.reader("folders").name == "folders"
    assert made.metric("dice").name == "f1"
    assert made.encoder("plain", {"width": 8, "depth": 2}) == made.encoder("plain", {"depth": 2, "width": 8})
    tracker = made.tracker("console", {"quiet": True})(tmp_path)
    tracker.close()
