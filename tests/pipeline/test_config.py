"""cams.yaml: what is in it is read, and every mistake is a sentence that names file and key."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pipeline import config
from pipeline.config import Site, load_site
from pipeline.errors import ConfigError, redact

CAMERA = "cameras: {west: {source: 'device:0'}}\n"


def load(tmp_path: Path, text: str) -> Site:
    path = tmp_path / "cams.yaml"
    path.write_text(text, encoding="utf-8")
    return load_site(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cameras: [", "line 1, column 11: expected valid YAML"),
        ("- 1", "expected keys such as `cameras:`, found [1]"),
        ("site: x", "cameras: expected a value, found none"),
        ("cameras: {}", "cameras: expected to have at least 1 item"),
        ("cameras: {w: {sorce: x}}", "cameras.w.sorce: unknown key; did you mean 'source'?"),
        (CAMERA + "detektor: {}", "detektor: unknown key; did you mean 'detector'?"),
        (CAMERA + "tracker: {zzz: 1}", "tracker.zzz: unknown key; expected one of name, lost"),
        (CAMERA + "tracker: {name: sort}", "tracker.name: expected to be 'botsort', 'bytetrack'"),
        (
            "cameras: {w: {source: 'device:0', region: [1, 2, 3]}}",
            "[x, y, width, height] in pixels, x and y ≥ 0, found [1, 2, 3]",
        ),
        (
            "cameras: {w: {source: 'device:0', region: [0, 0, 0, 9]}}",
            "cameras.w.region: expected four whole numbers",
        ),
        ("cameras: {w: {source: 'device:0', fps: -1}}", "cameras.w.fps: expected to be greater"),
        (
            "cameras: {w: {source: 'device:0', masks: [[[0, 0], [1, 1]]]}}",
            "cameras.w.masks.0: expected at least three points [x, y], fractions of the picture",
        ),
        (
            "cameras: {w: {source: 'device:0', masks: [[[0, 0], [1, 1], [1, 0], [0, 1]]]}}",
            "cameras.w.masks.0: expected an outline that does not cross itself, found [[0, 0]",
        ),
        (
            "cameras: {w: {source: 'device:0', transport: sctp}}",
            "cameras.w.transport: expected to be 'tcp' or 'udp', found 'sctp'",
        ),
        (
            "cameras: {w: {source: 'device:0', read_timeout: 0}}",
            "cameras.w.read_timeout: expected to be greater than 0, found 0",
        ),
        (
            "cameras: {w: {source: 'device:0', hardware_decoding: gpu}}",
            "cameras.w.hardware_decoding: expected to be 'auto' or 'off', found 'gpu'",
        ),
        (CAMERA + "privacy: face", "privacy.people: expected to be 'none', 'faces' or 'persons'"),
        (
            CAMERA + "privacy: {at_rest: true}",
            "privacy: expected people: faces or persons with at_rest: true, found none",
        ),
        (CAMERA + "ingest: {max_age: -1s}", "ingest.max_age: expected"),
        ("cameras: {'a b': {source: 'device:0'}}", "expected letters, digits, - and _"),
        ("cameras: {w: {source: gone.mp4}}", "cameras.w.source: expected an existing file"),
        (
            "cameras: {w: {source: 'device:0', ground_truth: gone.txt}}",
            "cameras.w.ground_truth: expected an existing file",
        ),
        (
            "cameras: {w: {source: 'device:0', enabled: false}}",
            "cameras: expected at least one enabled camera, found none",
        ),
        (CAMERA + "redis: {ca_file: gone.pem}", "redis.ca_file: expected an existing file"),
        (CAMERA + "matching: {memory: soon}", "matching.memory: expected"),
        (CAMERA + "redis: {url: 'http://x'}", "redis.url: expected ^(redis|rediss|unix)://"),
        (
            CAMERA + "viewer: {host: 0.0.0.0}",
            "viewer: expected users, or a token of at least 16 characters, since host 0.0.0.0",
        ),
        (
            CAMERA + "site: a\nsite: b",
            "line 3, column 1: expected valid YAML, found: the key 'site'",
        ),
    ],
)
def test_a_mistake_is_a_sentence_with_file_and_key(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'cams.yaml'}: ")
    assert sentence in str(error.value)


def test_every_mistake_has_its_own_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, CAMERA + "tracker: {name: x}\ndetector: {confidence: 2}\nviewer: {port: -1}")
    assert len(str(error.value).splitlines()) == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: expected a file, found none"):
        load_site(tmp_path / "gone.yaml")


def test_durations_have_units(tmp_path: Path) -> None:
    site = load(
        tmp_path, CAMERA + "retention: {identities: 7d, crops: 90m}\nmatching: {memory: 30}"
    )
    assert site.retention.identities == 7 * 86400
    assert site.retention.crops == 90 * 60
    assert site.matching.memory == 30


def test_paths_count_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    site = load(tmp_path, "cameras: {w: {source: a.mp4}}")
    assert site.cameras["w"].source == str(tmp_path / "a.mp4")


def test_a_camera_that_is_off_may_have_no_file_yet(tmp_path: Path) -> None:
    site = load(
        tmp_path, "cameras: {w: {source: 'device:0'}, e: {source: gone.mp4, enabled: false}}"
    )
    assert list(site.enabled_cameras) == ["w"]


def test_models_are_looked_for_beside_the_file_too(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").touch()
    site = load(
        tmp_path, CAMERA + "detector: {model: mine.onnx}\nnetwork: {weights: drsa_osnet_x0_5}"
    )
    assert site.detector.model == str(tmp_path / "mine.onnx")
    assert site.network.weights == "drsa_osnet_x0_5"


def test_a_start_without_zone_is_utc(tmp_path: Path) -> None:
    naive = "cameras: {w: {source: 'device:0', start: 2009-06-25T13:57:00}}"
    aware = "cameras: {w: {source: 'device:0', start: 2009-06-25T15:57:00+02:00}}"
    assert load(tmp_path, naive).cameras["w"].start_time == 1245938220.0
    assert load(tmp_path, aware).cameras["w"].start_time == 1245938220.0


def test_a_password_in_a_source_is_never_shown(tmp_path: Path) -> None:
    text = "cameras: {w: {source: 'rtsp://me:canary@host/x', sorce: 'rtsp://me:canary@h'}}"
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert "canary" not in str(error.value)
    assert redact("rtsp://me:can@ry@host/x") == "rtsp://***@host/x"


def test_the_demo_site_is_in_order() -> None:
    site = load_site(Path(__file__).parents[2] / "cams.yaml")
    assert list(site.enabled_cameras) == ["west", "east"]


def sections() -> list[ast.ClassDef]:
    module = ast.parse(Path(config.__file__).read_text(encoding="utf-8"))
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    return [c for c in classes if any(isinstance(n, ast.AnnAssign) for n in c.body)]


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.name)
def test_every_setting_is_documented(section: ast.ClassDef) -> None:
    following = zip(section.body, [*section.body[1:], None], strict=True)
    undocumented = [
        ast.unparse(node.target)
        for node, after in following
        if isinstance(node, ast.AnnAssign)
        and not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]
    assert undocumented == []


def test_privacy_may_be_said_in_short(tmp_path: Path) -> None:
    assert load(tmp_path, CAMERA + "privacy: faces").privacy.people == "faces"
    assert load(tmp_path, CAMERA).privacy.people == "none"


def test_off_is_a_word_and_switches_still_know_it(tmp_path: Path) -> None:
    site = load(
        tmp_path,
        "cameras: {w: {source: 'device:0', hardware_decoding: off}, "
        "e: {source: 'device:1', enabled: off, loop: yes}}\n"
        "detector: {tiles: off}\nmatching: {hindsight: off}\n",
    )
    assert (site.detector.tiles, site.matching.hindsight) == ("off", "off")
    assert site.cameras["w"].hardware_decoding == "off"
    assert (site.cameras["e"].enabled, site.cameras["e"].loop) == (False, True)
