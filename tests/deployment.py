"""The files of the deployment, read as those who use them read them."""

from __future__ import annotations

import configparser
import fnmatch
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "Dockerfile"
COMPOSE = ROOT / "compose.yaml"
KUBERNETES = ROOT / "deploy" / "kubernetes" / "handoff.yaml"
UNIT = ROOT / "deploy" / "systemd" / "handoff@.service"
EXAMPLE = ROOT / "deploy" / "cams.example.yaml"
PASSWORD = "canary"
ROLES = ("node", "matcher", "viewer")


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours as a deployment starts it.

    Attributes:
        arguments: what follows `run_pipeline.py`.
        environment: values by name; empty where a file or a Secret has the value.
    """

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)


def instructions(stage: str) -> list[tuple[str, str]]:
    """(instruction, rest) of one stage of the Dockerfile, comments left out."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for word, _, rest in (line.strip().partition(" ") for line in lines if line.strip()):
        if word == "FROM":
            name = rest.split()[-1]
        found.setdefault(name, []).append((word, rest))
    return found[stage]


def copied(stage: str) -> list[tuple[str, str]]:
    """(source, target folder or file) that a stage copies out of the project."""
    rests = [rest.split() for word, rest in instructions(stage) if word == "COPY"]
    return [
        (source, words[-1])
        for words in rests
        if not words[0].startswith("--from")
        for source in words[:-1]
    ]


def is_sent(path: str) -> bool:
    """True if .dockerignore lets a file or folder of the project into the images."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        named = pattern.removeprefix("!").removeprefix("**/")
        parts = Path(path).parts if "**/" in pattern else [str(p) for p in _upwards(path)]
        if any(fnmatch.fnmatchcase(part, named) for part in parts):
            sent = pattern.startswith("!")
    return sent


def image_tree(folder: Path) -> Path:
    """What the images hold of the project, copied as the Dockerfile's stage `code` says."""
    for source, target in copied("code"):
        place = folder / target.strip("/")
        for file in (f for f in _files(ROOT / source) if is_sent(str(f.relative_to(ROOT)))):
            inside = file.relative_to(ROOT / source) if (ROOT / source).is_dir() else file.name
            (place / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place / inside)
    return folder / "opt" / "handoff"


def entry_point() -> list[str]:
    """Arguments that the images begin with."""
    words = dict(instructions("cpu"))
    arguments: list[str] = yaml.safe_load(words["ENTRYPOINT"])[2:]
    return arguments


def compose() -> dict[str, Any]:
    """compose.yaml, with a password filled in."""
    text = COMPOSE.read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{REDIS_PASSWORD[^}]*\}", PASSWORD, text))
    return document


def kubernetes() -> list[dict[str, Any]]:
    """The objects of the example for Kubernetes."""
    return list(yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8")))


def secret(name: str, key: str) -> str:
    """A value of one of its Secrets."""
    found = [d for d in kubernetes() if d["kind"] == "Secret" and d["metadata"]["name"] == name]
    value: str = found[0]["stringData"][key]
    return value


def containers() -> dict[str, dict[str, Any]]:
    """The containers of its pods by name."""
    workloads = [d for d in kubernetes() if d["kind"] in ("Deployment", "StatefulSet")]
    specs = [c for d in workloads for c in d["spec"]["template"]["spec"]["containers"]]
    return {spec["name"]: spec for spec in specs}


def unit() -> configparser.ConfigParser:
    """The systemd unit; of keys that stand several times the last one."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser


def processes() -> Iterator[tuple[str, Process]]:
    """Every process of ours that some file of the deployment starts, with a name for messages."""
    for stage in ("cpu", "gpu"):
        words = dict(instructions(stage))
        yield f"image {stage}", Process([*entry_point(), *yaml.safe_load(words["CMD"])])
    for name, service in compose()["services"].items():
        if name != "redis":
            arguments = [*entry_point(), *service["command"]]
            yield f"compose {name}", Process(arguments, service["environment"])
    for name, container in containers().items():
        if name != "redis":
            values = {entry["name"]: entry.get("value", "") for entry in container["env"]}
            yield f"kubernetes {name}", Process([*entry_point(), *container["args"]], values)
    for role in ROLES:
        line = shlex.split(unit()["Service"]["ExecStart"].replace("%i", role))
        yield f"systemd {role}", Process(line[2:])


def _upwards(path: str) -> list[Path]:
    return [Path(path), *Path(path).parents]


def _files(path: Path) -> list[Path]:
    return [f for f in sorted(path.rglob("*")) if f.is_file()] if path.is_dir() else [path]
