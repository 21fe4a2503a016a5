"""What every data set store must do: keep prepared data sets whole, or say that it has none."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from attrs import evolve

from ...domain.errors import DataError
from ...domain.html import png
from ...domain.ports.dataset import SourceItem
from ...domain.samples import Sample, Task
from . import expect
from .dataset_store_subject import DatasetStoreSubject, Small, same_sample, sample_of

_THREADS = 4


def a_data_set_comes_back_as_it_was_saved(subject: DatasetStoreSubject) -> None:
    """Of every task: samples, splits, names and colours of classes, and what was measured."""
    for task in Task:
        with subject.creating() as (store, path):
            made = Small.of(task)
            made.save(store, path)
            found = store.open(path)
            expect.that(found.info == made.info, f"{task}: info is {found.info}, expected {made.info}")
            looks = [[(one.name, one.colour) for one in kept.classes] for kept in (found.classes, made.classes)]
            expect.that(looks[0] == looks[1], f"{task}: classes {looks[0]}, expected {looks[1]}")
            made.held_by(found)


def nothing_is_there_until_it_is_finished(subject: DatasetStoreSubject) -> None:
    """Whoever looks at the place meanwhile finds no data set."""
    made = Small.of()
    with subject.creating() as (store, path), store.create(path) as writer:
        rows = made.store(writer)
        expect.raises(DataError, "a data set that is not finished", lambda: store.open(path))
        place = made.finish(writer, rows)
        expect.that(place.resolve() == path.resolve(), f"it was finished at {place}, expected {path}")
        made.held_by(store.open(path))


def left_before_it_is_finished_nothing_stays(subject: DatasetStoreSubject) -> None:
    """By an error, an interruption or without one: no file of it, and the place can be taken."""
    made = Small.of()
    with subject.creating() as (store, path):
        for fault in (ValueError, KeyboardInterrupt):
            expect.raises(fault, "an error in the block", partial(made.begin, store, path, fault))
            _nothing_stays(path)
        made.begin(store, path)
        _nothing_stays(path)
        expect.raises(DataError, "a data set that was not finished", lambda: store.open(path))
        made.save(store, path)
        made.held_by(store.open(path))


def a_place_that_is_taken_is_refused(subject: DatasetStoreSubject) -> None:
    """With DataError, and what is there stays as it is. Also while somebody else makes a data set there."""
    made = Small.of()
    with subject.creating() as (store, path):
        with store.create(path) as writer:
            rows = made.store(writer)
            expect.raises(DataError, "two makers of one data set", lambda: made.begin(store, path))
            made.finish(writer, rows)
        expect.raises(DataError, "a second data set at one place", lambda: made.begin(store, path))
        made.held_by(store.open(path))


def pairs_that_no_row_names_are_dropped(subject: DatasetStoreSubject) -> None:
    """As those of images that were skipped."""
    with subject.creating() as (store, path):
        with store.create(path) as writer:
            dropped, *rows = Small.of().store(writer)
            rest = Small(Task.MULTICLASS, {key: p for key, p in Small.of().pairs.items() if key != dropped.id})
            rest.finish(writer, rows)
        rest.held_by(store.open(path))
        files = [file.name for file in path.rglob("*") if dropped.id in file.name] if path.exists() else []
        expect.that(not files, f"files of a pair that no row names: {', '.join(files)}")


def threads_store_what_one_stores(subject: DatasetStoreSubject) -> None:
    """Several workers hand in pairs at once."""
    made = Small.of()
    with subject.creating() as (store, path):
        with store.create(path) as writer, ThreadPoolExecutor(_THREADS) as pool:
            stored = pool.map(lambda pair: made.store_one(writer, pair[1]), made.pairs.values())
            made.finish(writer, [made.row(key, one) for key, one in zip(made.pairs, stored, strict=True)])
        made.held_by(store.open(path))


def what_was_stored_is_a_copy(subject: DatasetStoreSubject) -> None:
    """Of arrays that are written into later, and of an image file that goes."""
    with subject.creating() as (store, path):
        file, pictured = _picture(path, 7), sample_of(7)
        made = Small(Task.MULTICLASS, {**Small.of().pairs, pictured.key: ("train", pictured)})
        given = Small.of()
        with store.create(path) as writer:
            rows = [*given.store(writer), made.row(pictured.key, made.store_one(writer, pictured, file))]
            for _, sample in given.pairs.values():
                sample.image[...] = sample.labels[...] = 1
            file.unlink()
            made.finish(writer, rows)
        made.held_by(store.open(path))


def a_changed_image_is_kept_in_place_of_its_file(subject: DatasetStoreSubject) -> None:
    """Whether files are only referred to or not; the file stays as it is."""
    sample = sample_of(8)
    made = Small(Task.MULTICLASS, {sample.key: ("train", sample)})
    for reference in (False, True):
        with subject.creating() as (store, path):
            file = _picture(path, 7)
            before = file.read_bytes()
            with store.create(path, reference=reference) as writer:
                item = SourceItem(sample.key, file, ())
                stored = writer.store(item, sample.image, sample.labels, made.classes, changed=True)
                made.finish(writer, [made.row(sample.key, stored)])
            made.held_by(store.open(path))
            expect.that(file.read_bytes() == before, "the image file was written to")


def hashes_tell_contents_apart(subject: DatasetStoreSubject) -> None:
    """By them duplicates are found: equal images have one, others have others; and masks by themselves."""
    one, other = sample_of(1), evolve(sample_of(1), image=255 - sample_of(1).image, labels=sample_of(1).labels * 0)
    with subject.creating() as (store, path), store.create(path) as writer:
        pairs = [Sample("a", one.image, one.labels), Sample("b", one.image, other.labels)]
        a, b, c = (Small.of().store_one(writer, pair) for pair in (*pairs, Sample("c", other.image, one.labels)))
        expect.that(a.image_sha256 == b.image_sha256, "two equal images have different hashes")
        expect.that(a.image_sha256 != c.image_sha256, "two different images have one hash")
        expect.that(a.mask_sha256 == c.mask_sha256, "two equal masks have different hashes")
        expect.that(a.mask_sha256 != b.mask_sha256, "two different masks have one hash")


def a_key_never_leads_out_of_the_data_set(subject: DatasetStoreSubject) -> None:
    """Names come from strangers' files: those that no file can have are refused, or kept from being paths."""
    for key in ("../../out", "..", "a/b", "/out", "a\0b"):
        with subject.creating() as (store, path):
            with suppress(DataError), store.create(path) as writer:
                Small.of().store_one(writer, evolve(sample_of(1), key=key))
            outside = [file.name for file in path.parent.parent.rglob("*") if file.is_file()]
            expect.that(not outside, f"the key {key!r} led to {', '.join(outside)}")


def what_is_not_there_is_refused(subject: DatasetStoreSubject) -> None:
    """A data set, by its name; a folder of images, a table: with DataError."""
    with subject.fresh() as (store, path):
        gone = path / "nowhere"
        asked: tuple[Callable[[Path], object], ...] = (store.survey, store.read_classes, store.read_splits)
        for ask in asked:
            expect.raises(DataError, f"{ask.__name__} of what is not there", partial(ask, gone))
        try:
            store.open(gone)
        except DataError as error:
            expect.that(gone.name in str(error), f"the error does not name {gone.name}: {error}")
        else:
            raise expect.CheckFailed(f"{gone.name} was opened, where nothing is")


def opened_twice_it_is_the_same(subject: DatasetStoreSubject) -> None:
    """One that was ready from the beginning, too."""
    with subject.fresh() as (store, path):
        if subject.ready is None:
            Small.of().save(store, path)
        first, again = (store.open(subject.ready or path) for _ in range(2))
        expect.that(first.info == again.info and first.classes == again.classes, "opened again it is another")
        expect.that(list(first.splits) == list(again.splits), f"opened again its splits are {list(again.splits)}")
        for name in first.splits:
            same_sample(f"{name}[0], opened again", again.split(name)[0], first.split(name)[0])


def tables_are_read(subject: DatasetStoreSubject) -> None:
    """Classes of class_dict.csv, or a text file with a name a line; splits of a CSV file with id and split."""
    with subject.creating() as (store, path):
        path.mkdir(parents=True)
        (path / "class_dict.csv").write_text("name,r,g,b\nsky,0,0,0\nsea,1,2,3\n", encoding="utf-8")
        (path / "names.txt").write_text("sky\nsea\n", encoding="utf-8")
        (path / "splits.csv").write_text("id,split\na,train\nb,val\n", encoding="utf-8")
        for name in ("class_dict.csv", "names.txt"):
            found = store.read_classes(path / name).names
            expect.that(found == ("sky", "sea"), f"{name} was read as {found}")
        splits = dict(store.read_splits(path / "splits.csv"))
        expect.that(splits == {"a": "train", "b": "val"}, f"splits.csv was read as {splits}")
        said = store.survey(path)
        expect.that(bool(said) and "\n" not in said, f"survey said {said!r}, expected one line")


def _nothing_stays(path: Path) -> None:
    left = [file.name for file in path.parent.rglob("*")] if path.parent.exists() else []
    expect.that(not left, f"left behind: {', '.join(left[:3])}")


def _picture(path: Path, number: int) -> Path:
    """An image file beside the data set's folder."""
    file = path.parent.parent / f"picture {number}.png"
    file.write_bytes(png(sample_of(number).image))
    return file


CHECKS = (
    a_data_set_comes_back_as_it_was_saved,
    nothing_is_there_until_it_is_finished,
    left_before_it_is_finished_nothing_stays,
    a_place_that_is_taken_is_refused,
    pairs_that_no_row_names_are_dropped,
    threads_store_what_one_stores,
    what_was_stored_is_a_copy,
    a_changed_image_is_kept_in_place_of_its_file,
    hashes_tell_contents_apart,
    a_key_never_leads_out_of_the_data_set,
    what_is_not_there_is_refused,
    opened_twice_it_is_the_same,
    tables_are_read,
)
