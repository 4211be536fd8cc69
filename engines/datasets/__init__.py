"""Data sets of people: who, which camera, which pictures; and how a clip is drawn from a tracklet.

A set is a list of `LabelledTracklet`. Cameras belong to a tracklet, never to a frame: published
figures were inflated by code that collected them per frame and so kept same-camera matches.

| kind | what lies in its folder |
|---|---|
| `market1501` | `bounding_box_train`, `query`, `bounding_box_test` |
| `msmt17` | `train`, `test`, and four lists from `list_train.txt` to `list_gallery.txt` |
| `mars` | `bbox_train`, `bbox_test`, `info` |
| `lsvid` | `tracklet_train`, `tracklet_test`, `list_sequence`, `test/data/info_test.mat` |
| `ilidsvid` | `i-LIDS-VID/sequences/cam1`, `cam2`, `train-test people splits` |
| `prid2011` | `prid_2011/multi_shot/cam_a`, `cam_b`, `splits_prid2011.json` |
| `folder` | PERSON/CAMERA/pictures, in `train`, `query` and `gallery` if these are there |
| `list` | `train.json`, `query.json`, `gallery.json`, here or in `gtPepper` |
"""

from engines.datasets.images import read_market1501, read_msmt17
from engines.datasets.layout import DatasetError
from engines.datasets.lists import read_loose_crops, read_tracklet_folder, read_tracklet_list
from engines.datasets.sets import KINDS, Kind, read_problems, read_training_set
from engines.datasets.splits import read_ilidsvid, read_prid2011
from engines.datasets.tracklets import (
    JUNK_PERSON,
    LabelledTracklet,
    RetrievalProblem,
    hold_out_people,
    read_crop,
    restricted_random_sampling,
)
from engines.datasets.video import read_lsvid, read_mars

__all__ = [
    "JUNK_PERSON",
    "KINDS",
    "DatasetError",
    "Kind",
    "LabelledTracklet",
    "RetrievalProblem",
    "hold_out_people",
    "read_crop",
    "read_ilidsvid",
    "read_loose_crops",
    "read_lsvid",
    "read_market1501",
    "read_mars",
    "read_msmt17",
    "read_prid2011",
    "read_problems",
    "read_tracklet_folder",
    "read_tracklet_list",
    "read_training_set",
    "restricted_random_sampling",
]
