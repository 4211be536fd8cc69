"""Images, compose, systemd, Kubernetes: what they name exists, and what can be run of them runs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import typer
import yaml
from deployment import (
    COMPOSE,
    DOCKERFILE,
    EXAMPLE,
    KUBERNETES,
    PASSWORD,
    ROLES,
    ROOT,
    UNIT,
    Process,
    compose,
    containers,
    copied,
    entry_point,
    image_tree,
    instructions,
    is_sent,
    kubernetes,
    processes,
    secret,
    unit,
)
from redis_servers import RedisServer, free_port

import run_pipeline
from engines.catalogue import cache_folder
from pipeline.config import Site, load_site
from pipeline.embedded import EmbeddedRedis

OPERATIONS = ROOT / "docs" / "operations.md"
ENVIRONMENT = ROOT / "deploy" / "systemd" / "handoff.env.example"
FILES = (DOCKERFILE, COMPOSE, KUBERNETES, UNIT, ENVIRONMENT, EXAMPLE, OPERATIONS)
STARTED = dict(processes())
HEALTHCHECK = ROOT / "scripts" / "healthcheck.py"


def command_line() -> typer.core.TyperCommand:
    app = typer.Typer(add_completion=False)
    app.command()(run_pipeline.main)
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperCommand)
    return command


def known_variables() -> set[str]:
    of_options = {str(o.envvar) for o in command_line().params if getattr(o, "envvar", None)}
    return of_options | {"HANDOFF_CACHE"}


def verify(unit_file: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs systemd-analyze; skips where there is none."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(
        [tool, *command, str(unit_file)], capture_output=True, text=True, timeout=60, check=False
    )


def installed_unit(folder: Path, role: str) -> Path:
    """The unit of a role, with this checkout and this Python in the place of /opt/handoff."""
    text = UNIT.read_text(encoding="utf-8").replace("/opt/handoff/.venv/bin/python", sys.executable)
    (folder / UNIT.name).write_text(text.replace("/opt/handoff", str(ROOT)), encoding="utf-8")
    return folder / UNIT.name.replace("@", f"@{role}")


# ── what they name exists ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", STARTED)
def test_every_command_is_one_that_ours_understands(name: str) -> None:
    context = command_line().make_context("run_pipeline.py", list(STARTED[name].arguments))
    assert context.params["cameras"] == Path("/etc/handoff/cams.yaml")
    assert context.params["role"] in ROLES


def test_every_role_is_started_by_every_way_of_deploying() -> None:
    for way in ("compose", "kubernetes", "systemd"):
        assert {f"{way} {role}" for role in ROLES} <= set(STARTED)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_environment_variable_is_one_that_is_read(path: Path) -> None:
    found = set(re.findall(r"HANDOFF_[A-Z_]+", path.read_text(encoding="utf-8")))
    assert found <= known_variables()


def test_models_are_kept_where_the_deployment_mounts_a_volume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variable = re.search(r"HANDOFF_CACHE=(\S+)", dict(instructions("cpu"))["ENV"])
    assert variable is not None
    monkeypatch.setenv("HANDOFF_CACHE", variable[1])
    mounts = [m["mountPath"] for m in containers()["node"]["volumeMounts"]]
    assert str(cache_folder()) in mounts
    assert f"models:{cache_folder()}" in compose()["services"]["node"]["volumes"]
    assert dict(instructions("gpu"))["VOLUME"] == dict(instructions("cpu"))["VOLUME"]
    assert f"HANDOFF_CACHE={cache_folder()}" == unit()["Service"]["Environment"]


@pytest.mark.parametrize("stage", ["code", "cpu-packages", "gpu-packages"])
def test_what_the_images_copy_is_there_and_is_sent(stage: str) -> None:
    for source, _ in copied(stage):
        assert (ROOT / source).exists()
        assert is_sent(source)


@pytest.mark.parametrize(
    "path", ["cams.yaml", "config/cams.yaml", ".env", ".git/config", "pipeline/__pycache__/x.pyc"]
)
def test_no_settings_and_no_rubbish_get_into_the_images(path: str) -> None:
    assert not is_sent(path)


def test_the_images_use_a_python_that_the_project_supports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = re.search(r"PYTHON_IMAGE=python:3\.(\d+)-slim", DOCKERFILE.read_text("utf-8"))
    low, high = re.findall(r"3\.(\d+)", project["requires-python"])
    assert version is not None
    assert int(low) <= int(version[1]) < int(high)


@pytest.mark.parametrize("stage", ["cpu", "gpu"])
def test_images_run_as_a_user_without_rights_and_are_asked_how_they_do(stage: str) -> None:
    words = dict(instructions(stage))
    assert words["USER"] == "handoff"
    assert words["HEALTHCHECK"].endswith('CMD ["python", "scripts/healthcheck.py"]')


def test_what_the_images_hold_is_enough_to_run(tmp_path: Path, ssdlite_path: Path) -> None:
    tree = image_tree(tmp_path)
    (tmp_path / "cams.yaml").write_text(EXAMPLE.read_text("utf-8"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "run_pipeline.py", "--cameras", str(tmp_path / "cams.yaml"), "--check"],
        cwd=tree,
        env={"PATH": os.environ["PATH"], "HANDOFF_CACHE": str(ssdlite_path.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "in order" in done.stdout, done.stderr


# ── settings, ports, secrets ────────────────────────────────────────────────────────────────


@pytest.fixture
def kubernetes_site(tmp_path: Path) -> Path:
    path = tmp_path / "cams.yaml"
    path.write_text(secret("handoff-site", "cams.yaml"), encoding="utf-8")
    return path


def test_the_example_of_a_site_is_in_order(kubernetes_site: Path) -> None:
    example, pods = load_site(EXAMPLE), load_site(kubernetes_site)
    assert example.nodes == pods.nodes == "auto"
    assert example.viewer.host == pods.viewer.host == "0.0.0.0"


def test_the_viewer_is_published_at_the_port_it_listens_on(kubernetes_site: Path) -> None:
    published = compose()["services"]["viewer"]["ports"][0].split(":")
    assert published[0] == "127.0.0.1", "others reach it only if somebody says so"
    assert int(published[-1]) == load_site(EXAMPLE).viewer.port
    port = containers()["viewer"]["ports"][0]["containerPort"]
    assert port == load_site(kubernetes_site).viewer.port


@pytest.mark.parametrize("role", ["matcher", "node"])
def test_probes_ask_where_the_process_answers(role: str) -> None:
    container = containers()[role]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert variables["HANDOFF_HEALTH_HOST"] == "0.0.0.0"
    assert container["ports"] == [
        {"name": "health", "containerPort": int(variables["HANDOFF_HEALTH_PORT"] or 0)}
    ]


@pytest.mark.parametrize("name", STARTED)
def test_no_secret_stands_on_a_command_line(name: str) -> None:
    assert not re.search(r"redis:|passw|token|secret", " ".join(STARTED[name].arguments), re.I)


def test_no_secret_stands_on_the_command_line_of_redis() -> None:
    service, container = compose()["services"]["redis"], containers()["redis"]
    probe = container["readinessProbe"]["exec"]["command"]
    words = [*service["command"], *service["healthcheck"]["test"], *container["args"], *probe]
    assert PASSWORD not in " ".join(words)
    assert secret("handoff", "redis-password") not in " ".join(words)


def test_the_pods_find_redis_by_the_name_of_its_service() -> None:
    services = {d["metadata"]["name"] for d in kubernetes() if d["kind"] == "Service"}
    url = re.fullmatch(r"redis://:(.+)@(.+):6379/0", secret("handoff", "redis-url"))
    assert url is not None
    assert url[1] == secret("handoff", "redis-password")
    assert f"requirepass {url[1]}\n" in secret("handoff-redis-conf", "redis.conf")
    assert url[2] in services


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(compose()["configs"]["redis"]["content"], id="compose"),
        pytest.param(secret("handoff-redis-conf", "redis.conf"), id="kubernetes"),
    ],
)
def test_redis_takes_its_settings(tmp_path: Path, text: str) -> None:
    settings = dict(line.split(" ", 1) for line in text.splitlines())
    password = settings.pop("requirepass")
    settings |= {"dir": str(tmp_path), "bind": "127.0.0.1"}
    with RedisServer(password=password, options=settings) as server:
        client = redis.Redis.from_url(server.url, decode_responses=True)
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.close()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.port).ping()


# ── processes as they are started ───────────────────────────────────────────────────────────


def command(process: Process, settings: Path) -> list[str]:
    """How the deployment starts a process, with other settings."""
    arguments = [str(settings) if a == entry_point()[1] else a for a in process.arguments]
    return [sys.executable, str(ROOT / "run_pipeline.py"), *arguments]


@contextmanager
def running(process: Process, settings: Path, **environment: str) -> Iterator[None]:
    """A process of the deployment, with other settings and values."""
    variables = {**os.environ, **process.environment, **environment}
    with subprocess.Popen(
        command(process, settings), env=variables, stderr=subprocess.DEVNULL
    ) as started:
        try:
            yield
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(timeout=20)


def healthcheck(port: int) -> int:
    variables = {**os.environ, "HANDOFF_HEALTH_PORT": str(port)}
    done = subprocess.run([sys.executable, str(HEALTHCHECK)], env=variables, timeout=30)
    return done.returncode


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def becomes(wanted: int, address: str, *, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while (found := status(address)) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return found == wanted


def test_the_health_check_of_the_images_sees_whether_the_process_works(
    redis_server: EmbeddedRedis,
) -> None:
    port = free_port()
    process = STARTED["compose matcher"]
    url = {"HANDOFF_REDIS_URL": redis_server.url, "HANDOFF_HEALTH_PORT": str(port)}
    with running(process, EXAMPLE, **url):
        assert becomes(200, f"http://127.0.0.1:{port}/healthz")
        assert healthcheck(port) == 0
    assert healthcheck(port) == 1


def test_a_node_begins_and_ends_without_a_warning(
    redis_server: EmbeddedRedis, tmp_path: Path, vtest_path: Path, ssdlite_path: Path
) -> None:
    settings = tmp_path / "cams.yaml"
    settings.write_text("cameras: {west: {source: 'sample:vtest', loop: true}}", encoding="utf-8")
    done = subprocess.run(
        [*command(STARTED["compose node"], settings), "--duration", "1"],
        env={
            **os.environ,
            "HANDOFF_REDIS_URL": redis_server.url,
            "HANDOFF_HEALTH_PORT": str(free_port()),
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_probes_of_the_viewer_need_no_token_and_its_page_does(
    redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    port = free_port()
    document = yaml.safe_load(secret("handoff-site", "cams.yaml"))
    document["viewer"] |= {"port": port}
    settings = tmp_path / "cams.yaml"
    settings.write_text(yaml.safe_dump(document), encoding="utf-8")
    process, container = STARTED["kubernetes viewer"], containers()["viewer"]
    url = {"HANDOFF_REDIS_URL": redis_server.url, "HANDOFF_NODE": "viewer-0"}
    with running(process, settings, **url):
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = container[probe]["httpGet"]["path"]
            assert becomes(200, f"http://127.0.0.1:{port}{path}")
        assert status(f"http://127.0.0.1:{port}/") == 401


@pytest.mark.parametrize(
    ("text", "again"),
    [
        pytest.param("cameras: {door: {sauce: 'device:0'}}", False, id="wrong settings"),
        pytest.param("cameras: {door: {source: 'device:0'}}", True, id="Redis is away"),
    ],
)
def test_systemd_starts_a_process_again_only_if_that_may_help(
    tmp_path: Path, text: str, again: bool
) -> None:
    settings = tmp_path / "cams.yaml"
    settings.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(ROOT / "run_pipeline.py"), "--cameras", settings, "--role", "matcher"],
        env={**os.environ, "HANDOFF_REDIS_URL": f"redis://127.0.0.1:{free_port()}"},
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
    given_up = unit()["Service"]["RestartPreventExitStatus"].split()
    assert done.returncode != 0
    assert (str(done.returncode) not in given_up) is again


@pytest.mark.parametrize("role", ROLES)
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, role: str) -> None:
    done = verify(installed_unit(tmp_path, role), "verify")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_closed_to_what_it_does_not_need(tmp_path: Path) -> None:
    done = verify(installed_unit(tmp_path, "node"), "security", "--offline=true", "--threshold=25")
    assert done.returncode == 0, done.stdout.splitlines()[-1]


# ── what is written about it ────────────────────────────────────────────────────────────────


def test_operations_links_to_what_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", OPERATIONS.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (OPERATIONS.parent / link).exists()] == []


def test_operations_names_options_that_exist() -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    written = set(re.findall(r"`(--[a-z][a-z-]+)[^`]*`", text))
    options = {name for option in command_line().params for name in option.opts}
    assert written
    assert written <= options


def test_operations_names_settings_that_exist() -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    pairs = re.findall(r"`([a-z]+)\.([a-z_]+)(?::[^`]*)?`", text)
    sections = {name: field.annotation for name, field in Site.model_fields.items()}
    settings = [(s, key) for s, key in pairs if hasattr(sections.get(s), "model_fields")]
    assert settings
    assert [(s, k) for s, k in settings if k not in sections[s].model_fields] == []  # type: ignore[union-attr]
