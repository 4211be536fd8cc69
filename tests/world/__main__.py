"""Records a synthetic site, or serves it as live cameras.

    python -m tests.world --record FOLDER [--cameras 4] [--people 12] [--seconds 60] [--seed 1]
    python -m tests.world --serve

What is written is described at `tests.world.recording.record`; run it with
`python run_pipeline.py --cameras FOLDER/cams.yaml --offline`.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .recording import Film, record
from .serving import serve
from .site import World
from .walks import SiteSpec

_STOP = {signal.SIGINT, signal.SIGTERM}


def main(arguments: Sequence[str] | None = None) -> None:
    """Does what the command line says."""
    options = _parser().parse_args(arguments)
    world = World(
        SiteSpec(
            cameras=options.cameras,
            people=options.people,
            seconds=options.seconds,
            seed=options.seed,
            spacing=options.spacing,
            errands=2,
        )
    )
    film = Film(
        fps=options.fps,
        size=options.size,
        lookalikes=options.lookalikes,
        clock=options.clock,
    )
    if options.record:
        print(record(world, options.record, film))
        return
    with tempfile.TemporaryDirectory() as folder, serve(world, Path(folder), film) as settings:
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)  # waited for below, so that servers end
        print(settings.read_text(encoding="ascii"), flush=True)
        print(f"served until Ctrl-C; the same as {settings}", flush=True)
        signal.sigwait(_STOP)


def _size(text: str) -> tuple[int, int]:
    width, height = (int(part) for part in text.split("x"))
    if width < 128 or height < 64 or width % 2 or height % 2:
        raise ValueError("expected an even width from 128 and an even height from 64")
    return width, height


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--record", type=Path, metavar="FOLDER", help="write videos and their truth")
    what.add_argument("--serve", action="store_true", help="serve it over RTSP, over and over")
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fps", type=int, default=10)
    parser.add_argument("--size", type=_size, default=(640, 360), metavar="WIDTHxHEIGHT")
    parser.add_argument("--spacing", type=float, default=17.0, help="metres between crossings")
    parser.add_argument("--lookalikes", type=float, default=0.3, help="share in dark coats")
    parser.add_argument("--clock", type=float, default=0.2, help="most seconds a clock is wrong")
    return parser


if __name__ == "__main__":
    main()
