"""What this package offers to the plugin manager. Nothing heavy is imported until a reader is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ...plugins import Entries, Entry, Kind, hookimpl


def _reader(module: str, name: str) -> Callable[[], Callable[..., Any]]:
    """What imports a reader when it is called."""
    return lambda: getattr(import_module(f".readers.{module}", __package__), name)


@hookimpl
def segport_readers() -> Entries:
    """Readers of layouts on disk."""
    offered = [
        ("folders", "images/ and masks/ with equal names, flat or in train, val, test", "folders", "FolderReader"),
        ("class-masks", "images/ and masks/<class>/, one mask a class (U-Net++)", "classmasks", "ClassMaskReader"),
        ("dsb2018", "<id>/images and <id>/masks, many masks an image", "dsb2018", "ScienceBowlReader"),
        ("file-list", "text files with image,mask a line: one, or train.txt, val.txt", "filelist", "FileListReader"),
        ("voc", "Pascal VOC: JPEGImages/, SegmentationClass/, ImageSets/", "voc", "VocReader"),
        ("cityscapes", "Cityscapes: leftImg8bit/ and gtFine/", "cityscapes", "CityscapesReader"),
        ("coco", "COCO JSON: polygons and run-length masks", "coco", "CocoReader"),
        ("open-images", "Open Images: CSV tables, one mask file a region", "openimages", "OpenImagesReader"),
        ("labelme", "LabelMe JSON beside each image", "labelme", "LabelMeReader"),
        (
            "image-folder",
            "<class>/*.jpg, flat or in train, val, test (ImageFolder)",
            "imagefolder",
            "ImageFolderReader",
        ),
    ]
    return [Entry(Kind.READER, name, summary, _reader(module, found)) for name, summary, module, found in offered]
