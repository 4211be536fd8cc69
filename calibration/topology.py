"""Zones and ways between cameras, learned from who was seen where.

    python -m calibration.topology learn --results results --output topology.yaml
    python -m calibration.topology learn --output topology.yaml --picture topology.png
    python -m calibration.topology show --picture topology.png

All take `--cameras cams.yaml`. `learn` takes the results of an offline run, or asks the Redis of a
running site. With `topology: topology.yaml` in cams.yaml the matcher uses what it has found; what
people write there besides (`zones`, `transits`, `never`) goes before it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

from calibration.backgrounds import camera_pictures
from calibration.people_seen import read_results
from calibration.transits import learn_topology
from pipeline.check import connect
from pipeline.config import Site, load_site
from pipeline.data import IdentityRecord
from pipeline.errors import ConfigError, HandoffError
from pipeline.gaps import Given
from pipeline.roles import REDIS_VARIABLE
from pipeline.topology import Topology, Transit, file_entries, load_topology

_MOST_IDENTITIES = 100_000
_BAD_INPUT = 2
_HEAD = """\
# Written by python -m calibration.topology learn; may be edited.
# zones: centre and half axes of ellipses in fractions of the picture, angle in degrees; entries and
# exits are shares of the camera's. transits: times are [seconds, how many].
"""

app = typer.Typer(add_completion=False, help=__doc__)
console = Console(soft_wrap=True, highlight=False)

Cameras = Annotated[Path, typer.Option(help="Settings of the site.")]
Picture = Annotated[Path | None, typer.Option(help="PNG to draw it in.")]


@app.command()
def learn(
    output: Annotated[Path, typer.Option(help="YAML file to write.")],
    cameras: Cameras = Path("cams.yaml"),
    results: Annotated[
        Path | None, typer.Option(help="Results of --offline; none: a running site's Redis.")
    ] = None,
    redis: Annotated[
        str | None, typer.Option(envvar=REDIS_VARIABLE, help="Redis to use in place of redis.url.")
    ] = None,
    picture: Picture = None,
) -> None:
    """Learns the topology and writes it down."""
    site = load_site(cameras)
    identities = read_results(results) if results else _running(cameras, site, redis)
    topology = learn_topology(identities, given=site.topology)
    if topology.tracklets == 0:
        raise ConfigError(f"{results or cameras}: expected people who were seen, found none")
    write_topology(topology, output)
    _tell(topology)
    console.print(f"written to {output}; use it with `topology: {output.name}` in {cameras}")
    _draw(topology, site, picture)


@app.command()
def show(
    cameras: Cameras = Path("cams.yaml"),
    picture: Picture = None,
) -> None:
    """Prints and draws the topology that cams.yaml names, with what people gave."""
    site = load_site(cameras)
    topology = load_topology(site, where=str(cameras))
    _tell(topology)
    _draw(topology, site, picture)


def write_topology(topology: Topology, path: Path) -> None:
    """Writes the file that `topology:` in cams.yaml names."""
    text = yaml.safe_dump(file_entries(topology), sort_keys=False, default_flow_style=None)
    path.write_text(_HEAD + text, encoding="utf-8")


def _running(cameras: Path, site: Site, redis: str | None) -> Sequence[IdentityRecord]:
    store = connect(cameras, site, redis)
    try:
        return store.identities(_MOST_IDENTITIES)
    finally:
        store.close()


def _draw(topology: Topology, site: Site, path: Path | None) -> None:
    if path is None:
        return
    try:
        from calibration.topology_picture import draw_topology  # the running system does without
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"command line: --picture: expected matplotlib (pip install -r requirements.txt), "
            f"found {error}"
        ) from None
    pictures = camera_pictures(site)
    draw_topology(topology, list(site.enabled_cameras), pictures).savefig(path, dpi=110)
    console.print(f"drawn in {path}")


# ── telling ─────────────────────────────────────────────────────────────────────────────────────


def _tell(topology: Topology) -> None:
    console.print(f"{topology.tracklets} tracklets")
    console.print(_zone_table(topology))
    if topology.transits:
        console.print(_transit_table(topology.transits))
    for (start, to), given in topology.said.items():
        console.print(f"given: {_name(start)} → {_name(to)}: {_words(given)}")
    for one, other in sorted(pair for pair in topology.never if pair[0] < pair[1]):
        console.print(f"given: nobody goes directly between {one} and {other}")


def _zone_table(topology: Topology) -> Table:
    table = Table("zone", "entries", "exits", "seen", "", title="where people come in and leave")
    for camera, zones in topology.zones.by_camera.items():
        for zone in zones:
            table.add_row(
                f"{camera}.{zone.name}",
                f"{zone.entries:.0%}",
                f"{zone.exits:.0%}",
                str(zone.count),
                "lost here" if zone.lost else "",
            )
        rest = 1 - sum(z.entries for z in zones), 1 - sum(z.exits for z in zones)
        table.add_row(f"{camera}, elsewhere", *(f"{max(0.0, each):.0%}" for each in rest), "", "")
    return table


def _transit_table(transits: Sequence[Transit]) -> Table:
    table = Table("from", "to", "people", "share", "median", "10 % to 90 %", title="transits")
    for transit in transits:
        low, high = (transit.histogram.quantile(share) for share in (0.1, 0.9))
        table.add_row(
            _name(transit.start),
            _name(transit.to),
            f"{transit.count:.1f}",
            f"{transit.share:.0%}",
            f"{transit.median:.1f} s",
            f"{low:.1f} to {high:.1f} s",
        )
    return table


def _name(place: tuple[str, str]) -> str:
    return ".".join(filter(None, place))


def _words(given: Given) -> str:
    if given.typical is not None:
        return f"{given.typical:g} s as a rule"
    return f"{given.shortest or 0:g} to {given.longest:g} s"


def main() -> None:
    """Runs the command; a mistake is one sentence and exit code 2."""
    try:
        app()
    except HandoffError as error:
        print(error, file=sys.stderr)
        sys.exit(_BAD_INPUT)


if __name__ == "__main__":
    main()
