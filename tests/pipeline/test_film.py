"""A camera's own video is handed on: what is decoded from it is the picture that has the boxes."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import av
import numpy as np
import pytest
import supervision as sv
from streams import RtspServer, number_of, write_clip
from test_onlookers import node, seen

from pipeline.config import CameraSettings, Site, load_site
from pipeline.data import Frame
from pipeline.errors import ConfigError
from pipeline.film import Coding, Film, FilmMessage, Group, Place, Stretch
from pipeline.ingest import LiveReaders
from pipeline.ingest.reel import Reel
from pipeline.ingest.source import Connection, VideoSource
from pipeline.onlookers import Look
from pipeline.passing import Passing, may_pass_on
from pipeline.perceive import Observation
from pipeline.privacy_settings import PrivacySettings
from pipeline.store import Store
from pipeline.viewer_settings import ViewerSettings

BASELINE = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "keyint=10:bframes=0"}
VIDEO = Look(None, 30.0, 640, since=1.0)


def observed(frame: Frame) -> Observation:
    """A frame in which nobody was found."""
    return Observation(frame, sv.Detections.empty(), [], [], np.empty((0, 4), np.float32))


def decoded(film: Film, decoder: av.VideoCodecContext | None = None) -> list[int]:
    """The numbers that the pictures of a film show."""
    decoder = decoder or av.CodecContext.create("h264", "r")  # type: ignore[assignment]
    assert decoder is not None
    if film.coding.description:
        decoder.extradata = film.coding.description
    packets = [av.Packet(unit) for unit in film.units]
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    frames += decoder.decode(None)
    return [number_of(frame.to_ndarray(format="bgr24")) for frame in frames]


def frames_of(readers: LiveReaders, *, seconds: float = 60.0) -> Iterator[Frame]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield from readers.collect(0.2)


def first_filmed(frames: Iterator[Frame], count: int) -> list[Frame]:
    found = []
    for frame in frames:
        if frame.film is not None:
            found.append(frame)
        if len(found) == count:
            break
    return found


# ---------------------------------------------------------------- from the camera


@pytest.mark.parametrize("suffix", ["mp4", "h264", "ts", "flv"])
def test_the_last_unit_of_a_film_is_the_very_picture(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / f"clip.{suffix}", count=35, options=BASELINE)
    with VideoSource(str(clip), Connection(film=True)) as source:
        for picture in source.pictures():
            if suffix == "h264" and picture.film is None:
                continue  # raw video has no times
            assert picture.film is not None
            film = picture.film.film
            assert film.first == 0
            assert film.coding.codec.startswith("avc1.42C0")  # baseline, constrained
            assert decoded(film)[-1] == number_of(picture.image())


def test_pictures_that_are_decoded_in_another_order_are_not_handed_on(tmp_path: Path) -> None:
    options = {"x264-params": "bframes=3:b-adapt=0:keyint=20"}
    clip = write_clip(tmp_path / "clip.mp4", count=40, options=options)
    with VideoSource(str(clip), Connection(film=True)) as source:
        films = [picture.film for picture in source.pictures()]
    assert films[5:] == [None] * 35


def test_other_codecs_are_not_handed_on(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", codec="mjpeg")
    with VideoSource(str(clip), Connection(film=True)) as source:
        assert {picture.film for picture in source.pictures()} == {None}


def packets(clip: Path) -> tuple[bytes, list[av.Packet]]:
    with av.open(str(clip)) as container:
        found = list(container.demux(video=0))
        return bytes(container.streams.video[0].codec_context.extradata or b""), found


def test_a_group_that_is_too_long_is_not_handed_on_nor_the_next_one(tmp_path: Path) -> None:
    parameters, found = packets(write_clip(tmp_path / "clip.mp4", count=40, options=BASELINE))
    reel = Reel(parameters, most_units=10)
    handed_on = []
    for number, packet in enumerate(found[:-1]):
        if number == 8:
            reel = Reel(parameters, most_units=8)
        reel.add(packet)
        handed_on.append(reel.stretch(packet.pts) is not None)
    assert handed_on[:8] == [True] * 8
    assert handed_on[8:18] == [False] * 2 + [True] * 8  # until it turns out to be too long
    assert handed_on[18:] == [False] * 22


def test_what_builds_upon_harm_is_not_handed_on(tmp_path: Path) -> None:
    parameters, found = packets(write_clip(tmp_path / "clip.mp4", count=30, options=BASELINE))
    reel, handed_on = Reel(parameters), []
    for number, packet in enumerate(found[:-1]):
        reel.add(packet)
        if number == 13:
            reel.spoil()
        handed_on.append(reel.stretch(packet.pts) is not None)
    assert handed_on == [True] * 13 + [False] * 7 + [True] * 10


def test_a_live_camera_is_followed_picture_by_picture(rtsp_server: RtspServer) -> None:
    cameras = {"door": CameraSettings(source=rtsp_server.url)}
    passing, group, units = Passing(allowed=True), "", list[bytes]()
    with LiveReaders(cameras, film=True) as readers:
        for frame in first_filmed(frames_of(readers), 25):
            film = passing.film(observed(frame), VIDEO)
            assert film is not None
            if film.first == 0:
                group, units = film.group, []
            assert (film.group, film.first) == (group, len(units))
            units += film.units
            assert decoded(Film(group, 0, tuple(units), film.coding))[-1] == number_of(frame.image)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"region": [0, 0, 64, 32]}, id="region"),
        pytest.param({"region": [0, 0, 128, 32]}, id="region that is all of it"),
        pytest.param({"masks": [[[0, 0], [0.1, 0], [0, 0.1]]]}, id="masks"),
        pytest.param({"lens": "lens.yaml"}, id="lens"),
    ],
)
def test_what_is_cut_masked_or_straightened_never_comes_with_its_video(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", count=30, options=BASELINE)
    (tmp_path / "lens.yaml").write_text(LENS)
    if "lens" in settings:
        settings = {"lens": tmp_path / "lens.yaml"}
    cameras = {
        "cut": CameraSettings.model_validate({"source": str(clip), "loop": True} | settings),
        "whole": CameraSettings(source=str(clip), loop=True),
    }
    with LiveReaders(cameras, film=True) as readers:
        frames = frames_of(readers)
        seen = list(takewhile(lambda frame: frame.film is None, frames))
        seen += [frame for frame, _ in zip(frames, range(20), strict=False)]
    assert any(frame.film for frame in seen if frame.camera == "whole")
    assert {frame.film for frame in seen if frame.camera == "cut"} == {None}


LENS = """\
model: standard
size: [128, 32]
focal_length: [100.0, 100.0]
centre: [64.0, 16.0]
distortion: [0.01, 0.0, 0.0, 0.0]
rms: 0.1
"""


def test_when_a_mask_is_taken_away_what_was_behind_it_stays_there(rtsp_server: RtspServer) -> None:
    whole = CameraSettings(source=rtsp_server.url)
    masked = whole.model_copy(update={"masks": (((0.0, 0.0), (0.1, 0.0), (0.0, 0.1)),)})
    with LiveReaders({"door": masked}, film=True) as readers:
        frames = frames_of(readers)
        hidden = [next(frames) for _ in range(3)]
        readers.change({"door": whole})
        (frame,) = first_filmed(frames_of(readers), 1)
    assert [frame.film for frame in hidden] == [None] * 3
    assert frame.film is not None
    # Its video begins with a picture that came after the mask had gone.
    begins = decoded(frame.film.film)[0]
    assert (begins - number_of(hidden[-1].image)) % 100 > 0


# ---------------------------------------------------------------- what leaves the node


def site(**settings: object) -> Site:
    cameras = {"west": CameraSettings(source="rtsp://camera")}
    return Site.model_validate({"cameras": cameras} | settings)


def test_no_video_leaves_a_node_whose_people_are_hidden_or_that_is_told_so() -> None:
    assert may_pass_on(site())
    assert not may_pass_on(site(privacy=PrivacySettings(people="faces")))
    assert not may_pass_on(site(privacy=PrivacySettings(people="persons")))
    assert not may_pass_on(site(viewer=ViewerSettings(passthrough="off")))


def test_passthrough_is_auto_or_off(tmp_path: Path) -> None:
    cams = tmp_path / "cams.yaml"
    cams.write_text("cameras: {west: {source: 'rtsp://x'}}\nviewer: {passthrough: always}\n")
    with pytest.raises(ConfigError, match=r"viewer\.passthrough"):
        load_site(cams)


def filmed(index: int, group: int = 0) -> Observation:
    """Picture `index` of a group of which each unit is its number."""
    known = Group(f"g{group + index // 30}", Coding("avc1.42C01E"))
    known.units += [bytes([number]) for number in range(30)]
    film = Stretch(known, index % 30 + 1)
    return replace(seen("west", index), frame=replace(seen("west", index).frame, film=film))


def units(film: Film | None) -> list[int]:
    return [unit[0] for unit in film.units] if film else []


def test_each_unit_is_sent_once_also_of_pictures_nobody_analysed() -> None:
    passing = Passing(allowed=True)
    assert units(passing.film(filmed(2), VIDEO)) == [0, 1, 2]
    assert units(passing.film(filmed(3), VIDEO)) == [3]
    assert units(passing.film(filmed(7), VIDEO)) == [4, 5, 6, 7]
    assert units(passing.film(filmed(1, group=1), VIDEO)) == [0, 1]


def test_who_begins_to_look_is_sent_everything_since_the_key_frame() -> None:
    passing = Passing(allowed=True)
    passing.film(filmed(5), VIDEO)
    later = Look(None, 30.0, 640, since=2.0)
    assert units(passing.film(filmed(6), later)) == [0, 1, 2, 3, 4, 5, 6]
    assert units(passing.film(filmed(7), later)) == [7]


@pytest.mark.parametrize(
    ("allowed", "look"),
    [
        pytest.param(False, VIDEO, id="not allowed"),
        pytest.param(True, Look(640, 30.0), id="pictures are wanted"),
    ],
)
def test_else_it_is_a_picture(allowed: bool, look: Look) -> None:
    assert Passing(allowed=allowed).film(filmed(5), look) is None


class Collected:
    """What a node sends to whoever listens, by kind."""

    def __init__(self, messages: Sequence[bytes]) -> None:
        self.films = [m for m in messages if is_film(m)]
        self.pictures = [m for m in messages if not is_film(m)]


def is_film(message: bytes) -> bool:
    try:
        FilmMessage.parse(message)
    except KeyError:
        return False
    return True


def collected(store: Store, folder: Path, looks: dict[str, Look], more: str = "") -> Collected:
    """What comes of pictures with film under these looks, once a node has heard of them."""
    messages: list[bytes] = []
    with (
        node(store, folder, more=more, show=filmed),
        store.views(["west"], films=True, idle_seconds=0.1) as views,
    ):
        deadline = time.monotonic() + 60
        while len(messages) < 30 and time.monotonic() < deadline:
            for who, look in looks.items():
                store.onlookers.put(who, {"west": look})
            if (view := next(views)) is not None:
                messages.append(view[1])
    return Collected(messages[-10:])


def test_a_node_sends_video_to_those_who_want_it_and_no_pictures(
    store: Store, tmp_path: Path
) -> None:
    sent = collected(store, tmp_path, {"hall": VIDEO})
    assert sent.films
    assert sent.pictures == []


def test_where_somebody_wants_pictures_both_are_sent(store: Store, tmp_path: Path) -> None:
    sent = collected(store, tmp_path, {"hall": VIDEO, "yard": Look(320, 30.0)})
    assert sent.films
    assert sent.pictures
    assert b'"filmed":true' in sent.pictures[-1]


@pytest.mark.parametrize(
    "cams",
    [
        pytest.param("privacy: faces", id="privacy"),
        pytest.param("viewer: {passthrough: off}", id="off"),
    ],
)
def test_a_node_that_may_not_sends_pictures_to_all(store: Store, tmp_path: Path, cams: str) -> None:
    sent = collected(store, tmp_path, {"hall": VIDEO}, more=cams)
    assert sent.films == []
    assert sent.pictures
    assert b'"filmed"' not in sent.pictures[-1]


# ---------------------------------------------------------------- the messages


def film(first: int, count: int, group: str = "a") -> Film:
    numbers = range(first, first + count)
    return Film(group, first, tuple(bytes([n]) * (n + 1) for n in numbers), Coding("avc1.42C01E"))


def test_a_message_comes_back_as_it_was() -> None:
    coding = Coding("avc1.64001F", b"\x01\x64\x00\x1f")
    sent = FilmMessage({"camera": "west", "boxes": []}, Film("a", 3, (b"xy", b"z"), coding))
    received = FilmMessage.parse(sent.data)
    assert (received.header, received.film) == (sent.header, sent.film)
    assert received.data == sent.data


@pytest.mark.parametrize("left", [1, 5, -1], ids=["length", "header", "units"])
def test_half_a_message_is_refused(left: int) -> None:
    whole = FilmMessage({"camera": "west"}, film(0, 3)).data
    with pytest.raises((ValueError, struct.error)):
        FilmMessage.parse(whole[:left])


@pytest.mark.parametrize(
    ("place", "new"),
    [
        pytest.param(None, None, id="nothing yet: what is in the middle is of no use"),
        pytest.param(Place("a", 3), [3, 4, 5], id="all of it"),
        pytest.param(Place("a", 5), [5], id="the rest"),
        pytest.param(Place("a", 6), None, id="nothing"),
        pytest.param(Place("a", 2), None, id="something is missing"),
        pytest.param(Place("b", 3), None, id="another group"),
    ],
)
def test_what_is_new_to_whom(place: Place | None, new: list[int] | None) -> None:
    found = film(3, 3).since(place)
    assert (found and [unit[0] for unit in found.units]) == new


def test_two_messages_become_one_with_the_later_header() -> None:
    joined = FilmMessage({"index": 1}, film(0, 2)).then(FilmMessage({"index": 2}, film(2, 2)))
    assert joined.header == {"index": 2}
    assert joined.film == film(0, 4)


def test_a_key_frame_takes_the_place_of_what_was_before() -> None:
    joined = FilmMessage({"index": 1}, film(0, 2)).then(FilmMessage({"index": 2}, film(0, 1, "b")))
    assert joined.film == film(0, 1, "b")
