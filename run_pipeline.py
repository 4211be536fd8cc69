"""Follows people through a site whose cameras do not overlap.

python run_pipeline.py --cameras cams.yaml                       live, until Ctrl-C
python run_pipeline.py --cameras cams.yaml --window              the same in a window, until q
python run_pipeline.py --cameras cams.yaml --check               is everything in order?
python run_pipeline.py --cameras cams.yaml --offline --output results --video
python run_pipeline.py --view results                            look at what that has found
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.errors import ConfigError, HandoffError, Stopped, StoreError
from pipeline.logs import LogFormat, LogLevel, configure_logging
from pipeline.roles import (
    HEALTH_PORT_VARIABLE,
    REDIS_VARIABLE,
    Options,
    check,
    run_all,
    run_matcher,
    run_node,
    run_offline,
    run_view,
    run_viewer,
    run_window,
)


class Role(StrEnum):
    """What this process does for the site."""

    ALL = "all"
    NODE = "node"
    MATCHER = "matcher"
    VIEWER = "viewer"


_RUN = {
    Role.ALL: run_all,
    Role.NODE: run_node,
    Role.MATCHER: run_matcher,
    Role.VIEWER: run_viewer,
}


_BAD_INPUT = 2  # exit codes
_TRY_AGAIN = 75  # EX_TEMPFAIL: whoever watches over a role is to start it again
_STOPPED = 130


def main(
    cameras: Annotated[Path, typer.Option(help="Settings of the site.")] = Path("cams.yaml"),
    role: Annotated[Role, typer.Option(help="Part of the site to run here.")] = Role.ALL,
    check_only: Annotated[
        bool, typer.Option("--check", help="Validate and explain the settings; run nothing.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Process recorded files as fast as possible.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the results of --offline.")
    ] = None,
    video: Annotated[
        bool, typer.Option("--video", help="With --offline: write annotated videos, too.")
    ] = False,
    view: Annotated[
        Path | None, typer.Option(help="Open a folder of results in the browser; runs nothing.")
    ] = None,
    window: Annotated[
        bool, typer.Option("--window", help="Show everything in a window, without a browser.")
    ] = False,
    duration: Annotated[
        float | None, typer.Option(min=0.1, help="Stop after so many seconds.")
    ] = None,
    redis: Annotated[
        str | None, typer.Option(envvar=REDIS_VARIABLE, help="Redis to use in place of redis.url.")
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(envvar="HANDOFF_NODE", help="Name of this machine within the site."),
    ] = None,
    health_port: Annotated[
        int | None,
        typer.Option(
            envvar=HEALTH_PORT_VARIABLE, help="Answer probes and /metrics of this role here."
        ),
    ] = None,
    health_host: Annotated[
        str, typer.Option(envvar="HANDOFF_HEALTH_HOST", help="Address to answer them at.")
    ] = "127.0.0.1",
    log_level: Annotated[LogLevel, typer.Option(help="Which log lines to print.")] = "warning",
    log_format: Annotated[LogFormat, typer.Option(help="Lines for people, or JSON.")] = "console",
) -> None:
    """Follows people through a site whose cameras do not overlap."""
    configure_logging(log_level, role=role.value, form=log_format)
    options = Options(
        cameras,
        redis_url=redis,
        duration=duration,
        log_level=log_level,
        log_format=log_format,
        node=node,
        health_port=health_port,
        health_host=health_host,
        window=window,
    )
    try:
        if window and (offline or view or role not in (Role.ALL, Role.VIEWER)):
            raise ConfigError(
                "command line: expected --window for a live run, with --role all or viewer"
            )
        if view is not None:
            run_view(options, view)
        elif check_only:
            check(options)
        elif offline or output or video:
            run_offline(options, offline=offline, output=output, video=video)
        elif window and role is Role.VIEWER:
            run_window(options)
        else:
            _RUN[role](options)
    except HandoffError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False)
        sys.exit(_exit_code(error, check_only=check_only))


def _exit_code(error: HandoffError, *, check_only: bool) -> int:
    """Bad input stays bad; a Redis that is away may come back, after a power cut for example."""
    if isinstance(error, Stopped):
        return _STOPPED
    return _TRY_AGAIN if isinstance(error, StoreError) and not check_only else _BAD_INPUT


if __name__ == "__main__":
    typer.run(main)
