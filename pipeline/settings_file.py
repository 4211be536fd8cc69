"""A YAML file as settings of ours, and every mistake in it as one sentence."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.errors import ConfigError, redact

Model = TypeVar("Model", bound=BaseModel)

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

_BOOL = "tag:yaml.org,2002:bool"
_SECRET = re.compile(r"passw|secret|token|^users$", re.IGNORECASE)  # keys whose values stay untold


def read_settings(path: Path, model: type[Model]) -> Model:
    """Reads and checks a YAML file.

    Args:
        path: the file.
        model: what is expected in it.

    Raises:
        ConfigError: one sentence per mistake, each naming file, key, expected and found.
    """
    document = _read_yaml(path)
    try:
        return model.model_validate(document, context={"folder": path.parent})
    except ValidationError as error:
        sentences = [_sentence(path, model, each) for each in error.errors()]
        raise ConfigError("\n".join(sentences)) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except FileNotFoundError:
        raise ConfigError(f"{path}: expected a file, found none") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a readable text file, found: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {_yaml_problem(error)}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected keys such as `cameras:`, found {_shown(document)}")
    return document


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, which YAML forbids and PyYAML silently accepts.

    `off` is a word to it, as in YAML 1.2, and not another way to say false.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 (of the base class, which annotates it otherwise)
        letter: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for i, key in enumerate(keys):
            if key in keys[:i]:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} stands twice",
                    problem_mark=node.value[i][0].start_mark,
                )
        return super().construct_mapping(node, deep=deep)


_UniqueKeyLoader.add_implicit_resolver(
    _BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    found = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{where}expected valid YAML, found: {found}"


def _sentence(path: Path, model: type[BaseModel], error: Any) -> str:
    """One pydantic error as a sentence of ours."""
    key = (
        ".".join(str(part) for part in error["loc"] if not _is_union_branch(part)) or "(top level)"
    )
    secret = any(_SECRET.search(str(part)) for part in error["loc"])
    kind, found = error["type"], "***" if secret else _shown(error["input"])
    if kind == "extra_forbidden":
        return f"{path}: {key}: unknown key{_suggestion(model, error['loc'])}"
    if kind == "missing":
        return f"{path}: {key}: expected a value, found none"
    if kind == "value_error" and "found none" in error["msg"]:
        return f"{path}: {key}: {error['msg'].removeprefix('Value error, ')}"
    return f"{path}: {key}: {_expected(error)}, found {found}"


def _expected(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        return (
            "expected letters, digits, - and _"
            if pattern == NAME_PATTERN
            else f"expected {pattern}"
        )
    message = re.sub(r"^(Input|String|List|Dictionary|Value) should", "expected to", message)
    return (
        message
        if message.startswith("expected")
        else f"expected: {message[0].lower()}{message[1:]}"
    )


def _is_union_branch(part: object) -> bool:
    return isinstance(part, str) and ("[" in part or part in ("literal", "tuple"))


def _shown(value: object) -> str:
    text = redact(repr(_told(value)))
    return text if len(text) <= 80 else text[:77] + "..."


def _told(value: object) -> object:
    """The value without what stands under keys of secrets, or before the @ of an address."""
    if isinstance(value, str) and "@" in value:
        scheme = f"{value.partition('://')[0]}://" if "://" in value else ""
        return f"{scheme}***@{value.rpartition('@')[2]}"
    if isinstance(value, list):
        return [_told(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: "***" if _SECRET.search(str(key)) else _told(v) for key, v in value.items()}


def _suggestion(model: type[BaseModel], location: tuple[str | int, ...]) -> str:
    known = _keys_at(model, location[:-1])
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected one of {', '.join(known)}" if known else ""


def _keys_at(model: Any, location: tuple[str | int, ...]) -> list[str]:
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(str(part))
            model = field.annotation if field else None
        else:  # a mapping of names to models: the name leads to the model
            model = get_args(model)[-1] if get_args(model) else None
        if get_origin(model) is UnionType:  # a section that may be missing
            model = get_args(model)[0]
    is_model = isinstance(model, type) and issubclass(model, BaseModel)
    return [field.alias or name for name, field in model.model_fields.items()] if is_model else []
