"""Writers of data sets broken on purpose."""

from __future__ import annotations

import threading

import attrs
import numpy as np

from segport.tests.conformance.saboteurs.honest_data_sets import Folders, Writer, writing


class DropsIgnored(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        return super().store(item, image, np.where(labels == 255, 0, labels).astype(np.uint8), classes, changed=changed)


class DropsWarnings(Writer):
    def finish(self, info, classes, rows):
        return super().finish(attrs.evolve(info, warnings=()), classes, rows)


class RepaintsClasses(Writer):
    def finish(self, info, classes, rows):
        return super().finish(info, type(classes).of(classes.names), rows)


class AllIsTraining(Writer):
    def finish(self, info, classes, rows):
        info = attrs.evolve(info, split_sizes={"train": len(rows)})
        return super().finish(info, classes, [attrs.evolve(row, split="train") for row in rows])


class LeavesItsWork(Writer):
    def __exit__(self, kind, error, trace):
        self._claim.close()


class KeepsWhatIsWhole(Writer):
    """Even after an error."""

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.work.rename(self.out)
        super().__exit__(kind, error, trace)


class ClaimsNoPlace(Writer):
    def __enter__(self):
        for folder in ("images", "masks"):
            (self.work / folder).mkdir(parents=True)
        return self


class KeepsEveryFile(Writer):
    def finish(self, info, classes, rows):
        for file in [*self.work.rglob("*.png")]:
            file.with_suffix(".keep").write_bytes(file.read_bytes())
        place = super().finish(info, classes, rows)
        (place / "images" / "key 0.keep").touch()
        return place


class StoresOneAtATime(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        self.__dict__["now"] = item
        threading.Event().wait(0.005)
        return super().store(self.__dict__["now"], image, labels, classes, changed=changed)


class StoresLater(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        stored = super().store(item, image, labels, classes, changed=changed)
        self.__dict__.setdefault("later", []).append((item, image, labels, classes))
        return stored

    def finish(self, info, classes, rows):
        for item, image, labels, own in self.__dict__["later"]:
            super().store(item, image, labels, own, changed=True)
        return super().finish(info, classes, rows)


class KeepsTheFile(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        return super().store(item, image, labels, classes)


class HashesNames(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        stored = super().store(item, image, labels, classes, changed=changed)
        return attrs.evolve(stored, image_sha256=item.key)


class HashesImagesAlone(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        stored = super().store(item, image, labels, classes, changed=changed)
        return attrs.evolve(stored, mask_sha256=stored.image_sha256)


class FollowsPaths(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        if ".." in item.key:
            self.codec.write_image(self.work / "images" / f"{item.key}.png", image)
        return super().store(item, image, labels, classes, changed=changed)


CAUGHT_BY: dict[type[Folders], str] = {
    writing(DropsIgnored): "a_data_set_comes_back_as_it_was_saved",
    writing(DropsWarnings): "a_data_set_comes_back_as_it_was_saved",
    writing(RepaintsClasses): "a_data_set_comes_back_as_it_was_saved",
    writing(AllIsTraining): "a_data_set_comes_back_as_it_was_saved",
    writing(LeavesItsWork): "left_before_it_is_finished_nothing_stays",
    writing(KeepsWhatIsWhole): "left_before_it_is_finished_nothing_stays",
    writing(ClaimsNoPlace): "a_place_that_is_taken_is_refused",
    writing(KeepsEveryFile): "pairs_that_no_row_names_are_dropped",
    writing(StoresOneAtATime): "threads_store_what_one_stores",
    writing(StoresLater): "what_was_stored_is_a_copy",
    writing(KeepsTheFile): "a_changed_image_is_kept_in_place_of_its_file",
    writing(HashesNames): "hashes_tell_contents_apart",
    writing(HashesImagesAlone): "hashes_tell_contents_apart",
    writing(FollowsPaths): "a_key_never_leads_out_of_the_data_set",
}
