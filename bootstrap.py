"""The composition root: what implements which port. Everything else takes its needs as arguments.

Each adapter is imported when it is first needed, so a command pays only for what it uses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from attrs import field, frozen
from dependency_injector import containers, providers

from .domain.events import Event
from .plugins.manager import Offer, blocked, discover
from .plugins.registry import Registry

if TYPE_CHECKING:
    from .adapters.data.shapes import GenerateShapes
    from .application.compare_backends import CompareBackends
    from .application.compare_runs import CompareRuns
    from .application.doctor import Doctor
    from .application.downloading.download import DownloadData
    from .application.evaluate import EvaluateModel
    from .application.evaluate_seeds import EvaluateSeeds
    from .application.export import ExportModel
    from .application.inspection import InspectDataset
    from .application.predict import PredictMasks
    from .application.prepare import PrepareDataset
    from .application.run_all.run_all import RunAll
    from .application.score import ScoreMasks
    from .application.show_model import ShowModel
    from .application.training.seeds import TrainSeeds
    from .application.training.train import TrainModel
    from .domain.ports.checkpoints import RunStore
    from .domain.ports.configuration import SettingsCodec
    from .domain.ports.preparing import DatasetStore


@frozen
class Settings:
    """What a toolkit is made from.

    Attributes:
        disabled_plugins: names to leave out; from the environment variable SEGPORT_DISABLE_PLUGINS by default.
        extra_plugins: (name, module or object with hook implementations) to add, as if installed.
    """

    disabled_plugins: tuple[str, ...] = field(factory=blocked)
    extra_plugins: Sequence[tuple[str, object]] = ()


def _made(path: str) -> Callable[..., Any]:
    """A factory that imports "package.module:Name" when it is first called."""

    def make(*args: Any, **kwargs: Any) -> Any:
        module, name = path.split(":")
        return getattr(import_module(module, __package__), name)(*args, **kwargs)

    return make


def _facts() -> Mapping[str, str]:
    from .adapters.system.platform import facts

    return facts()


def _offer(settings: Settings) -> Offer:
    return discover(disabled=settings.disabled_plugins, extra=settings.extra_plugins)


class Container(containers.DeclarativeContainer):
    """Who is made from what. Override a provider to put something of your own in its place."""

    settings = providers.Dependency(instance_of=Settings)

    catalogue = providers.Singleton(Registry, providers.Callable(lambda s: lambda: _offer(s), settings))
    codec = providers.Singleton(_made(".adapters.storage.settings:CattrsCodec"))
    images = providers.Singleton(_made(".adapters.data.codec:PictureCodec"))
    finder = providers.Singleton(_made(".adapters.data.finder:PictureFinder"))
    folders = providers.Singleton(_made(".adapters.data.mask_folders:PictureMaskFolders"))
    batcher = providers.Singleton(_made(".adapters.data.batches:ThreadBatcher"))
    executor = providers.Singleton(_made(".adapters.data.executor:ThreadExecutor"))
    datasets = providers.Singleton(_made(".adapters.storage.dataset_store:DatasetFolders"), images)
    runs = providers.Singleton(_made(".adapters.storage.runs:RunFolders"))
    results = providers.Singleton(_made(".adapters.storage.results:ResultFiles"))
    reporter = providers.Singleton(_made(".adapters.reporting.reporter:FileReporter"))
    clock = providers.Singleton(_made(".adapters.system.clock:SystemClock"))
    fetcher = providers.Singleton(_made(".adapters.network.fetcher:HttpFetcher"))
    hub = providers.Singleton(_made(".adapters.network.hub:hub_of"), providers.Object(os.environ), fetcher)

    generate = providers.Singleton(_made(".adapters.data.shapes:GenerateShapes"))
    download = providers.Singleton(
        _made(".application.downloading.download:DownloadData"),
        fetcher=fetcher,
        unpacker=providers.Singleton(_made(".adapters.network.unpacker:ArchiveUnpacker")),
        grounds=providers.Singleton(_made(".adapters.network.growing:PartialFolders")),
        executors=providers.Object(_made(".adapters.data.executor:ThreadExecutor")),
    )
    models: ClassVar = {"catalogue": catalogue, "datasets": datasets, "runs": runs, "batcher": batcher, "clock": clock}
    prepare = providers.Singleton(
        _made(".application.prepare:PrepareDataset"),
        catalogue=catalogue,
        store=datasets,
        executor=executor,
        place=providers.Object(_made(".adapters.data.fitting:place_image")),
    )
    inspect = providers.Singleton(
        _made(".application.inspection:InspectDataset"),
        datasets=datasets,
        catalogue=catalogue,
        batcher=batcher,
        executor=executor,
        reporter=reporter,
    )
    train = providers.Singleton(
        _made(".application.training.train:TrainModel"),
        **models,
        hub=hub,
        codec=codec,
        reporter=reporter,
        facts=providers.Object(_facts),
    )
    evaluate = providers.Singleton(
        _made(".application.evaluate:EvaluateModel"), **models, reporter=reporter, results=results
    )
    train_seeds = providers.Singleton(
        _made(".application.training.seeds:TrainSeeds"),
        train=train,
        datasets=datasets,
        runs=runs,
        clock=clock,
        codec=codec,
        reporter=reporter,
        results=results,
    )
    evaluate_seeds = providers.Singleton(
        _made(".application.evaluate_seeds:EvaluateSeeds"),
        evaluate=evaluate,
        train=train,
        runs=runs,
        reporter=reporter,
        results=results,
    )
    predict = providers.Singleton(
        _made(".application.predict:PredictMasks"),
        catalogue=catalogue,
        runs=runs,
        batcher=batcher,
        codec=images,
        finder=finder,
        executor=executor,
        reporter=reporter,
        results=results,
        clock=clock,
    )
    run_all = providers.Singleton(
        _made(".application.run_all.run_all:RunAll"),
        codec=codec,
        documents=providers.Singleton(_made(".adapters.storage.toml:TomlDocuments")),
        planner=providers.Singleton(_made(".application.run_all.planning:Planner"), codec=codec, catalogue=catalogue),
        runs=runs,
        reporter=reporter,
        generate=generate,
        download=download,
        prepare=prepare,
        inspect=inspect,
        train=train,
        train_seeds=train_seeds,
        evaluate=evaluate,
        evaluate_seeds=evaluate_seeds,
        predict=predict,
    )
    export = providers.Singleton(
        _made(".application.export:ExportModel"),
        catalogue=catalogue,
        runs=runs,
        atomically=providers.Object(_made(".adapters.files:atomic_path")),
    )
    compare = providers.Singleton(
        _made(".application.compare_runs:CompareRuns"), runs=runs, results=results, reporter=reporter
    )
    compare_backends = providers.Singleton(_made(".application.compare_backends:CompareBackends"), **models)
    show_model = providers.Singleton(_made(".application.show_model:ShowModel"), catalogue=catalogue)
    doctor = providers.Singleton(
        _made(".application.doctor:Doctor"),
        catalogue=catalogue,
        system=providers.Singleton(_made(".adapters.system.machine:Machine")),
    )
    score = providers.Singleton(
        _made(".application.score:ScoreMasks"),
        folders=folders,
        datasets=datasets,
        executor=executor,
        results=results,
        clock=clock,
    )


class Toolkit:
    """Every service, ready to be called. Two toolkits in one process share nothing.

    Args:
        settings: which plugins to use; the installed ones by default.
        overrides: objects to use in place of the built-in ones, by the container's names (``runs=...``, ``clock=...``).
    """

    def __init__(self, settings: Settings | None = None, **overrides: object) -> None:
        self._container = Container(settings=providers.Object(settings or Settings()))
        for name, replacement in overrides.items():
            getattr(self._container, name).override(providers.Object(replacement))

    @property
    def registry(self) -> Registry:
        """All parts that can be named."""
        registry: Registry = self._container.catalogue()
        return registry

    @property
    def codec(self) -> SettingsCodec:
        """Between settings and plain values."""
        return cast("SettingsCodec", self._container.codec())

    @property
    def generate(self) -> GenerateShapes:
        """Makes the shapes data set."""
        return cast("GenerateShapes", self._container.generate())

    @property
    def download(self) -> DownloadData:
        """Fetches a public data set."""
        return cast("DownloadData", self._container.download())

    @property
    def prepare(self) -> PrepareDataset:
        """Checks images and masks and writes a data set."""
        return cast("PrepareDataset", self._container.prepare())

    @property
    def inspect(self) -> InspectDataset:
        """Shows a data set."""
        return cast("InspectDataset", self._container.inspect())

    @property
    def train(self) -> TrainModel:
        """Trains a model, or resumes a run."""
        return cast("TrainModel", self._container.train())

    @property
    def evaluate(self) -> EvaluateModel:
        """Scores a trained model."""
        return cast("EvaluateModel", self._container.evaluate())

    @property
    def train_seeds(self) -> TrainSeeds:
        """Trains one run a seed, or resumes them."""
        return cast("TrainSeeds", self._container.train_seeds())

    @property
    def evaluate_seeds(self) -> EvaluateSeeds:
        """Scores the runs of several seeds."""
        return cast("EvaluateSeeds", self._container.evaluate_seeds())

    @property
    def datasets(self) -> DatasetStore:
        """Prepared data sets: ``toolkit.datasets.open(path).split("val")[0]`` is a sample."""
        return cast("DatasetStore", self._container.datasets())

    @property
    def runs(self) -> RunStore:
        """Runs on disk: created, opened, told apart from others."""
        return cast("RunStore", self._container.runs())

    @property
    def predict(self) -> PredictMasks:
        """Predicts masks, for files or arrays."""
        return cast("PredictMasks", self._container.predict())

    @property
    def run_all(self) -> RunAll:
        """Does everything that the tables of a file ask for."""
        return cast("RunAll", self._container.run_all())

    @property
    def export(self) -> ExportModel:
        """Writes a trained model in a format that others read."""
        return cast("ExportModel", self._container.export())

    @property
    def compare(self) -> CompareRuns:
        """Lays runs side by side."""
        return cast("CompareRuns", self._container.compare())

    @property
    def compare_backends(self) -> CompareBackends:
        """Runs one trained model on several backends, and says how they differ."""
        return cast("CompareBackends", self._container.compare_backends())

    @property
    def score(self) -> ScoreMasks:
        """Scores masks against masks."""
        return cast("ScoreMasks", self._container.score())

    @property
    def show_model(self) -> ShowModel:
        """Counts a model's nodes, parameters and multiplications."""
        return cast("ShowModel", self._container.show_model())

    @property
    def doctor(self) -> Doctor:
        """Says what is installed, and what works."""
        return cast("Doctor", self._container.doctor())

    def read_config(self, path: Path, table: str = "") -> Mapping[str, Any]:
        """Settings in a TOML file: those of ``[table]`` if there is one, as in a run's run.toml, else all of it."""
        from .adapters.storage.toml import read_toml

        values = read_toml(path)
        inner = values.get(table, values)
        return inner if isinstance(inner, Mapping) else values

    def write_folder(self, out: Path, texts: Mapping[str, str]) -> None:
        """Makes a folder of text files by their paths in it; all of them or none."""
        from .adapters.files import write_folder

        write_folder(out, texts)

    def stop_signals(self) -> AbstractContextManager[Callable[[], bool]]:
        """A flag that Ctrl-C and SIGTERM set, for a ``with`` block."""
        from .adapters.system.signals import StopSignals

        return StopSignals()

    @contextmanager
    def listening(self, *, quiet: bool = False) -> Iterator[tuple[Callable[[Event], None], Callable[[], bool]]]:
        """A listener that shows progress on stderr, and a flag that Ctrl-C and SIGTERM set, for a ``with`` block."""
        from .adapters.system.signals import StopSignals
        from .adapters.tracking.console import ConsoleTracker

        console = ConsoleTracker(quiet=quiet)
        with StopSignals(console.stopping) as stop:
            try:
                yield console.handle, stop
            finally:
                console.close()
