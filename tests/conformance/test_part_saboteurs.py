"""The kit for every kind but backends: parts broken on purpose, as in ``test_saboteurs``."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import BadZipFile

import attrs
import numpy as np
import pytest

from segport.adapters.reference.backend import ReferenceBackend
from segport.adapters.reference.loss import OPS
from segport.adapters.reference.model import NumpyModel
from segport.adapters.torch.backend import TorchBackend
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.operations import Conv
from segport.domain.architecture.unet import UNet
from segport.domain.augmentation.policy import AugmentationPolicy
from segport.domain.classes import ClassMap
from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.events import EpochDone, RunStarted
from segport.domain.losses.crossentropy import CrossEntropy
from segport.domain.metrics.overlap import MeanIoU
from segport.domain.ports.dataset import SourceItem
from segport.domain.ports.exporting import Usage
from segport.plugins import Entry, Kind
from segport.plugins.conformance import augmentation_checks as augmentation
from segport.plugins.conformance import entry_checks as entries
from segport.plugins.conformance import exporter_checks as exporter
from segport.plugins.conformance import graph_checks as graph
from segport.plugins.conformance import loss_checks as loss
from segport.plugins.conformance import metric_checks as metric
from segport.plugins.conformance import reader_checks as reader
from segport.plugins.conformance import run_check
from segport.plugins.conformance import tracker_checks as tracker

TORCH = TorchBackend()


# Losses


class Honest:
    def __call__(self, ops, logits, truth, valid):
        return CrossEntropy()(ops, logits, truth, valid)


class RefusesEverything(Honest):
    def __call__(self, *arguments):
        raise InvalidSpecError("Not today.", fix="Use another.")


class RefusesWithoutAWord(Honest):
    def __call__(self, ops, logits, truth, valid):
        if logits.shape[-1] == 1:
            raise InvalidSpecError("Needs several classes.")
        return super().__call__(ops, logits, truth, valid)


class OnePerImage(Honest):
    def __call__(self, ops, logits, truth, valid):
        return super().__call__(ops, logits, truth, valid) * ops.sum(ops.cast(valid, logits), (1, 2))


class CountsItsCalls(Honest):
    calls = 0

    def __call__(self, *arguments):
        self.calls += 1
        return super().__call__(*arguments) * self.calls


class LooksAtIgnoredPixels(Honest):
    def __call__(self, ops, logits, truth, valid):
        return super().__call__(ops, logits, truth, valid) + 0.01 * ops.sum(logits * logits)


class DividesByNothing(Honest):
    def __call__(self, ops, logits, truth, valid):
        count = ops.sum(ops.cast(valid, logits))
        with np.errstate(invalid="ignore"):
            return super().__call__(ops, logits, truth, valid) * count / count


class KnowsWhereAPixelIs(Honest):
    def __call__(self, ops, logits, truth, valid):
        top = logits[:, :2], truth[:, :2], valid[:, :2]
        return super().__call__(ops, logits, truth, valid) + super().__call__(ops, *top)


class RewardsMistakes(Honest):
    def __call__(self, *arguments):
        return 10.0 - super().__call__(*arguments)


class Overflows(Honest):
    def __call__(self, ops, logits, truth, valid):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            e = ops.exp(logits) if logits.shape[-1] > 1 else ops.exp(logits * ops.constant((-0.5, 0.5), logits))
            share = ops.pick(e, truth) / ops.sum(e, -1)
            weights = ops.cast(valid, logits)
            return -ops.sum(ops.log(share) * weights) / ops.maximum(ops.sum(weights), 1.0)


class StopsTheGradient(Honest):
    def __call__(self, ops, logits, truth, valid):
        half = super().__call__(ops, logits, truth, valid) / 2
        return half + ops.stop_gradient(half)


LOSSES: dict[type, str] = {
    RefusesEverything: "a_task_is_done_or_refused_with_a_reason",
    RefusesWithoutAWord: "a_task_is_done_or_refused_with_a_reason",
    OnePerImage: "its_value_is_one_finite_number",
    CountsItsCalls: "the_same_prediction_costs_the_same_again",
    LooksAtIgnoredPixels: "ignored_pixels_change_nothing",
    DividesByNothing: "without_a_pixel_that_counts_it_is_zero",
    KnowsWhereAPixelIs: "the_order_of_pixels_does_not_matter",
    RewardsMistakes: "a_perfect_prediction_costs_less_than_a_wrong_one",
    Overflows: "huge_logits_cost_a_finite_number",
    StopsTheGradient: "every_framework_gives_the_value_and_the_slope_of_the_formula",
}


# Metrics


class Iou:
    name = "iou"
    higher_is_better = True

    def __call__(self, confusion):
        return attrs.evolve(MeanIoU()(confusion), name="iou", **self.changes(confusion))

    def changes(self, confusion) -> dict[str, Any]:
        return {}


class HasNoDefinition(Iou):
    def changes(self, confusion):
        return {"definition": ""}


class LowerIsBetter(Iou):
    higher_is_better = False


class NothingIsPerfect(Iou):
    def changes(self, confusion):
        return {"value": 1.0 if confusion.total else float("nan")}


class AbsentIsZero(Iou):
    def changes(self, confusion):
        return {"value": np.nan_to_num(MeanIoU()(confusion).per_class).mean() if confusion.total else float("nan")}


class EmptyIsOne(Iou):
    def changes(self, confusion):
        return {"value": MeanIoU()(confusion).value if confusion.total else 1.0}


class LastClassCountsTwice(Iou):
    def changes(self, confusion):
        per_class = MeanIoU()(confusion).per_class
        return {"value": (per_class.sum() + per_class[-1]) / (len(per_class) + 1)}


class RunningMean(Iou):
    def __init__(self):
        self.seen = []

    def changes(self, confusion):
        self.seen.append(MeanIoU()(confusion).value)
        return {"value": np.mean(self.seen)}


class ClearsItsCounts(Iou):
    def __call__(self, confusion):
        score = super().__call__(confusion)
        confusion.counts[:] = 0
        return score


class MultipliesCounts(Iou):
    def changes(self, confusion):
        counts = confusion.counts
        return {"value": float((np.diag(counts) ** 2).sum() / (counts**2).sum())}


METRICS: dict[type, str] = {
    HasNoDefinition: "its_score_says_what_it_is",
    LowerIsBetter: "no_prediction_scores_better_than_the_truth",
    NothingIsPerfect: "no_prediction_scores_better_than_the_truth",
    EmptyIsOne: "without_a_counted_pixel_it_is_undefined",
    AbsentIsZero: "a_class_that_is_nowhere_does_no_harm",
    LastClassCountsTwice: "the_order_of_classes_does_not_matter_but_for_the_background",
    RunningMean: "the_same_counts_score_the_same_again",
    ClearsItsCounts: "counts_are_not_written_to",
    MultipliesCounts: "billions_of_pixels_score_as_few_do",
}


# Readers


def example(folder: Path) -> None:
    for i in range(3):
        image = np.random.default_rng(i).integers(0, 256, (4, 5, 3)).astype(np.uint8)
        np.savez(folder / f"{i}.npz", image=image, labels=image[..., 0] % 2)


class Arrays:
    """Reads ``example``."""

    name = "arrays"

    def recognises(self, source):
        return "found *.npz" if any(source.glob("*.npz")) else None

    def items(self, source):
        found = [SourceItem(path.stem, path, (path,)) for path in sorted(source.glob("*.npz"))]
        if not found:
            raise DataError(f"{source} holds no .npz")
        return found

    def classes(self, source):
        return ClassMap.binary()

    def read_image(self, item):
        return self._read(item, "image")

    def read_labels(self, item, classes):
        return self._read(item, "labels")

    def read_planes(self, item, classes):
        return self._read(item, "labels")[..., None]

    def _read(self, item, name):
        try:
            return np.load(BytesIO(item.image.read_bytes()))[name]
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            raise DataError(f"{item.image.name}: {error}") from None


class HandsOnRawPlanes(Arrays):
    def read_planes(self, item, classes):
        return super().read_planes(item, classes) * np.uint8(254)


class CountsBackground(Arrays):
    def read_planes(self, item, classes):
        inside = super().read_planes(item, classes)
        return np.concatenate([1 - inside, inside], axis=-1)


class ReadsThePlaneOfAnotherClass(Arrays):
    def read_planes(self, item, classes):
        return np.zeros_like(super().read_planes(item, classes))


class TakesAnything(Arrays):
    def recognises(self, source):
        return "why not"


class FindsNothingInNothing(Arrays):
    def items(self, source):
        return super().items(source) if any(source.glob("*.npz")) else []


class KnowsNothing(Arrays):
    def recognises(self, source):
        return None


class Backwards(Arrays):
    def items(self, source):
        return super().items(source)[::-1]


class KeysArePaths(Arrays):
    def items(self, source):
        return [attrs.evolve(item, key=f"images/{item.key}") for item in super().items(source)]


class AllAreOne(Arrays):
    def items(self, source):
        return [attrs.evolve(item, key="0") for item in super().items(source)]


class InventsMasks(Arrays):
    def items(self, source):
        return [attrs.evolve(item, masks=(item.image.with_suffix(".png"),)) for item in super().items(source)]


class TurnsLabels(Arrays):
    def read_labels(self, item, classes):
        return super().read_labels(item, classes).T


class HandsOnRawValues(Arrays):
    def read_labels(self, item, classes):
        return super().read_labels(item, classes) * np.uint8(200)


class GreyImages(Arrays):
    def read_image(self, item):
        return super().read_image(item)[..., 0]


class StaysInItsThread(Arrays):
    """As sqlite3's connections do."""

    def __init__(self):
        self.home = threading.get_ident()

    def read_image(self, item):
        if threading.get_ident() != self.home:
            raise DataError("opened in another thread")
        return super().read_image(item)


class ShowsGreyForDamage(Arrays):
    def read_image(self, item):
        try:
            return super().read_image(item)
        except DataError:
            return np.zeros((4, 5, 3), np.uint8)


class DoesNotSayWhich(Arrays):
    def read_image(self, item):
        try:
            return super().read_image(item)
        except DataError:
            raise DataError("an image is damaged") from None


READERS: dict[type, str] = {
    TakesAnything: "a_folder_of_something_else_is_refused",
    FindsNothingInNothing: "a_folder_of_something_else_is_refused",
    KnowsNothing: "its_own_layout_is_recognised_with_a_reason",
    Backwards: "items_are_sorted_and_their_keys_are_unique_file_names",
    KeysArePaths: "items_are_sorted_and_their_keys_are_unique_file_names",
    AllAreOne: "items_are_sorted_and_their_keys_are_unique_file_names",
    InventsMasks: "files_of_items_are_there",
    TurnsLabels: "images_and_labels_fit_together",
    HandsOnRawValues: "images_and_labels_fit_together",
    GreyImages: "images_and_labels_fit_together",
    HandsOnRawPlanes: "planes_hold_what_labels_hold",
    CountsBackground: "planes_hold_what_labels_hold",
    ReadsThePlaneOfAnotherClass: "planes_hold_what_labels_hold",
    StaysInItsThread: "threads_read_what_one_reads",
    ShowsGreyForDamage: "a_damaged_image_is_refused_by_its_name",
    DoesNotSayWhich: "a_damaged_image_is_refused_by_its_name",
}


# Trackers


class Notes:
    """A line an event."""

    def __init__(self, run: Path):
        self.path = run / "notes.txt"

    def handle(self, event):
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{event}\n")

    def close(self):
        pass


class KnowsTwoEvents(Notes):
    def handle(self, event):
        if not isinstance(event, RunStarted | EpochDone):
            raise TypeError(f"what is {event}?")
        super().handle(event)


class WritesStrictJson(Notes):
    def handle(self, event):
        if isinstance(event, EpochDone):
            json.dumps(dict(event.metrics), allow_nan=False)


class ClosesOnce(Notes):
    closed = False

    def close(self):
        if self.closed:
            raise OSError("closed already")
        self.closed = True


class BeginsAnew(Notes):
    def __init__(self, run: Path):
        super().__init__(run)
        self.path.write_text("")


class WritesBeside(Notes):
    def __init__(self, run: Path):
        super().__init__(run.parent)


class SharesItsPath(Notes):
    def __init__(self, run: Path):
        type(self).path = run / "notes.txt"


TRACKERS: dict[type, str] = {
    KnowsTwoEvents: "every_event_is_heard",
    WritesStrictJson: "odd_values_are_survived",
    ClosesOnce: "closing_twice_does_no_harm",
    BeginsAnew: "a_resumed_run_goes_on_and_loses_nothing",
    WritesBeside: "nothing_is_written_outside_of_the_runs_folder",
    SharesItsPath: "two_runs_at_once_do_not_mix",
}


# Policies


def wild(**options):
    return attrs.evolve(AugmentationPolicy(), rotate=float(np.random.default_rng().uniform(0, 90)), **options)


def no_policy(**options):
    return SimpleNamespace(rotate=3.0, **options)


def deaf(**options):
    return AugmentationPolicy.light()


POLICIES: dict[Callable[..., Any], str] = {
    no_policy: "it_makes_a_policy",
    wild: "made_twice_it_is_the_same",
    deaf: "each_field_of_a_policy_is_an_option",
}


# Encoders and architectures


class OnlyColour(Plain):
    def build(self, graph, image):
        if graph.channels(image) != 3:
            raise InvalidSpecError("three channels, please")
        return super().build(graph, image)


class Restless(Plain):
    drawn = [0]  # noqa: RUF012

    def build(self, graph, image):
        self.drawn[0] += 1
        last = super().build(graph, image)
        return [*last[:-1], graph.add(Conv(4 + self.drawn[0], kernel=1), last[-1], name="encoder.last")]


class NumpyFields(Plain):
    def build(self, graph, image):
        last = super().build(graph, image)
        return [*last[:-1], graph.add(Conv(np.int64(4), kernel=1), last[-1], name="encoder.last")]


class LosesTheImage(Plain):
    def build(self, graph, image):
        from segport.domain.architecture.operations import GlobalPool, Multiply

        found = super().build(graph, image)
        mean = graph.add(GlobalPool(), found[-1], name="encoder.mean")
        dead = graph.add(Conv(graph.channels(mean), kernel=1, init="zeros"), mean, name="encoder.dead")
        return [*found[:-1], graph.add(Multiply(), found[-1], dead, name="encoder.gone")]


class CoarsestFirst(Plain):
    def build(self, graph, image):
        return super().build(graph, image)[::-1]


class StartsAtAnEighth(Plain):
    def build(self, graph, image):
        return super().build(graph, image)[3:]


class CallsItBackbone(Plain):
    def build(self, graph, image):
        return [graph.add(Conv(4, kernel=3, padding=1), image, name="backbone.conv")]


ENCODERS: dict[type, str] = {
    OnlyColour: "images_of_any_number_of_channels_are_taken",
    Restless: "the_same_options_draw_the_same_graph",
    NumpyFields: "its_graph_survives_the_round_trip_through_json",
    LosesTheImage: "the_reference_computes_it_and_it_sees_the_image",
    CoarsestFirst: "features_get_coarser_from_a_quarter_of_the_image_at_most",
    StartsAtAnEighth: "features_get_coarser_from_a_quarter_of_the_image_at_most",
    CallsItBackbone: "nodes_are_named_after_the_encoder",
}


class AlwaysTwoClasses(UNet):
    def graph(self, *, channels, outputs, encoder):
        return super().graph(channels=channels, outputs=2, encoder=encoder)


class DrawsItsOwnEncoder(UNet):
    def graph(self, *, channels, outputs, encoder):
        return super().graph(channels=channels, outputs=outputs, encoder=Plain(width=6))


ARCHITECTURES: dict[type, str] = {
    AlwaysTwoClasses: "outputs_have_a_logit_for_each_class",
    DrawsItsOwnEncoder: "the_encoder_keeps_its_names",
}


# Exporters


class Saved:
    """An exporter of NumPy's weights."""

    backend = "reference"
    suffix = ".npz"

    def write(self, model, path):
        np.savez(path, **model.weights())

    def usage(self, spec, path):
        return Usage("weights", f"import numpy as np\nwith np.load({str(path)!r}) as file:\n    weights = dict(file)")


class WritesElsewhere(Saved):
    def write(self, model, path):
        super().write(model, path.with_name("mine.npz"))


class EmptiesTheModel(Saved):
    def write(self, model, path):
        super().write(model, path)
        model.load({name: np.zeros_like(array) for name, array in model.weights().items()})


class ShowsAnotherFile(Saved):
    def usage(self, spec, path):
        return super().usage(spec, path.with_name("other.npz"))


class WritesZeros(Saved):
    def usage(self, spec, path):
        lines = "import numpy as np\nlogits, *others = [np.zeros((2, 24, 32, 4), np.float32)] * 2"
        return Usage("a model", lines)


EXPORTERS: dict[type, str] = {
    WritesElsewhere: "it_writes_where_it_was_asked_to",
    EmptiesTheModel: "writing_changes_no_weight_of_the_model",
    ShowsAnotherFile: "the_lines_of_its_usage_load_what_was_written",
    WritesZeros: "the_lines_of_its_usage_load_what_was_written",
}


# What every entry must do


@attrs.frozen
class Quiet:
    """A part.

    Attributes:
        level: how quiet.
    """

    level: int = 1
    name = "quiet"


@attrs.frozen
class Silent:
    """A part."""

    level: int = 1


@attrs.frozen
class Needy:
    """A part.

    Attributes:
        level: how quiet.
    """

    level: int


def offered(load: type = Quiet, name: str = "quiet", **changes: Any) -> Entry:
    return attrs.evolve(Entry(Kind.LOSS, name, "does nothing", lambda: load), **changes)


ENTRIES: dict[str, tuple[Entry, str]] = {
    "shouts": (offered(aliases=("QUIET",)), "its_name_can_be_typed"),
    "long": (offered(summary="what it does\nand why"), "its_summary_is_one_line"),
    "no install": (offered(requires=("json",)), "what_it_needs_can_be_installed"),
    "unknown": (offered(known_failures={"it_flies": "it is heavy"}), "its_known_failures_are_checks"),
    "no reason": (offered(known_failures={"its_name_can_be_typed": " "}), "its_known_failures_are_checks"),
    "needy": (offered(Needy), "its_name_alone_makes_it"),
    "silent": (offered(Silent), "its_options_are_documented"),
    "another name": (offered(name="loud"), "it_goes_by_the_name_it_is_offered_under"),
    "heavy": (offered(module="segport.adapters.reference.ops"), "offering_it_imports_nothing_heavy"),
    "gone": (offered(module="segport.no_such_module"), "offering_it_imports_nothing_heavy"),
}


Subjects = Callable[[Any], Any]


def entry_subject(name: str) -> entries.EntrySubject:
    entry = ENTRIES[name][0]
    return entries.EntrySubject(entry, lambda: entry.load()(), frozenset(c.__name__ for c in entries.CHECKS))


KINDS: dict[str, tuple[Any, dict[Any, str], Subjects, Any]] = {
    # module, saboteurs, subject of one, an honest part
    "loss": (loss, LOSSES, lambda part: loss.LossSubject(part(), OPS, lambda: [TORCH]), Honest),
    "metric": (metric, METRICS, lambda part: metric.MetricSubject(part()), Iou),
    "reader": (reader, READERS, lambda part: reader.ReaderSubject(part(), example), Arrays),
    "tracker": (tracker, TRACKERS, tracker.TrackerSubject, Notes),
    "augmentation": (augmentation, POLICIES, augmentation.PolicySubject, AugmentationPolicy),
    "encoder": (graph, ENCODERS, lambda part: graph.EncoderSubject(part(4), NumpyModel), Plain),
    "architecture": (graph, ARCHITECTURES, lambda part: graph.ArchitectureSubject(part(), NumpyModel), UNet),
    "exporter": (exporter, EXPORTERS, lambda part: exporter.ExporterSubject(part(), ReferenceBackend), Saved),
    "entry": (entries, {name: check for name, (_, check) in ENTRIES.items()}, entry_subject, None),
}
OWN_MISTAKES = ("AttributeError", "NameError", "KeyError", "ImportError")
CASES = [(kind, saboteur) for kind, (_, saboteurs, _, _) in KINDS.items() for saboteur in saboteurs]


def checks(kind: str) -> tuple[Callable[..., None], ...]:
    module = KINDS[kind][0]
    if module is graph:
        return graph.ENCODER_CHECKS if kind == "encoder" else graph.ARCHITECTURE_CHECKS
    return tuple(module.CHECKS)


@pytest.mark.parametrize(("kind", "saboteur"), CASES, ids=lambda v: getattr(v, "__name__", str(v)))
def test_is_caught(kind: str, saboteur: Any) -> None:
    _, saboteurs, subject, _ = KINDS[kind]
    check = next(check for check in checks(kind) if check.__name__ == saboteurs[saboteur])
    outcome = run_check(check, subject(saboteur))
    assert outcome.problem
    assert not outcome.problem.startswith(OWN_MISTAKES)  # caught for what it does, not for being badly written


@pytest.mark.parametrize("kind", [kind for kind, (_, _, _, honest) in KINDS.items() if honest])
def test_an_honest_part_passes(kind: str) -> None:
    _, _, subject, honest = KINDS[kind]
    made = subject(honest)
    assert [str(o) for o in (run_check(check, made) for check in checks(kind)) if not o.passed] == []


def test_an_honest_entry_passes() -> None:
    entry = offered(module="segport.plugins.builtin")
    made = entries.EntrySubject(entry, Quiet, frozenset())
    assert [str(o) for o in (run_check(check, made) for check in entries.CHECKS) if not o.passed] == []


@pytest.mark.parametrize("module", {id(m): m for m, *_ in KINDS.values()}.values(), ids=lambda m: m.__name__)
def test_every_check_catches_a_saboteur_and_every_function_is_a_check(module: Any) -> None:
    caught = {name for m, saboteurs, _, _ in KINDS.values() if m is module for name in saboteurs.values()}
    kinds = [kind for kind, (m, *_) in KINDS.items() if m is module]
    run = {check.__name__ for kind in kinds for check in checks(kind)}
    written = {
        name
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and "_" in name
    }
    assert caught == run == written
