"""The curve from similarity to likelihood ratio, of people one knows or of a running site.

    python -m calibration.similarity labelled FOLDER --kind folder --output curve.yaml
    python -m calibration.similarity running --results results --output curve.yaml
    python -m calibration.similarity running --output curve.yaml --picture curve.png

`labelled` takes pictures of people of known identity (docs/network.md has the kinds of folders).
`running` takes an offline run's results, or asks the Redis of a running site. With `matching:
{similarity: curve.yaml}` in cams.yaml the matcher uses the curve in place of the network's own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml
from rich.console import Console

from calibration.alike import site_pairs
from calibration.people_seen import read_looks, read_results, read_results_network
from engines.card import LikelihoodRatio
from engines.reliability import Pairs, fit, join, report
from pipeline.check import connect
from pipeline.config import Site, load_site
from pipeline.curve import CurveFile
from pipeline.data import IdentityRecord
from pipeline.embed import find_weights, network_id
from pipeline.errors import ConfigError, HandoffError
from pipeline.roles import REDIS_VARIABLE

_MOST_IDENTITIES = 20_000
_BAD_INPUT = 2
_DOUBT = 0.02  # share of a matcher's confident decisions, and of people in two places, in error
_HEAD = """\
# Written by python -m calibration.similarity.
# log-likelihood ratio of one person against two = slope * similarity + offset, in nats.
"""

app = typer.Typer(add_completion=False, help=__doc__)
console = Console(width=100, highlight=False)

Cameras = Annotated[Path, typer.Option(help="Settings of the site: its network is used.")]
Output = Annotated[Path, typer.Option(help="YAML file to write.")]
Picture = Annotated[Path | None, typer.Option(help="PNG to draw it in.")]


@dataclass(frozen=True, slots=True)
class SeenPeople:
    """What a site has seen.

    Attributes:
        identities: who was seen where.
        pairs: those of which one may know whether they are one person.
        network: whose embeddings they are.
    """

    identities: Sequence[IdentityRecord]
    pairs: Pairs
    network: str


@app.command()
def labelled(
    folders: Annotated[list[Path], typer.Argument(help="Pictures of people of known identity.")],
    output: Output,
    kind: Annotated[str, typer.Option(help="How the folders are laid out.")] = "folder",
    cameras: Cameras = Path("cams.yaml"),
    picture: Picture = None,
) -> None:
    """Fits the curve to people of known identity, as `engines.calibrate` does for a network."""
    from engines.calibrate import labelled_sets  # PyTorch comes with it
    from engines.embedders import GraphEmbedder

    weights = find_weights(load_site(cameras).network.weights)
    embedder = GraphEmbedder(weights.parent, weights.name.removesuffix(".crop.onnx"))
    sets = labelled_sets(embedder, folders=[(kind, folder) for folder in folders])
    _finish(sets, network_id(weights), output, picture, {})


@app.command()
def running(
    output: Output,
    cameras: Cameras = Path("cams.yaml"),
    results: Annotated[
        Path | None, typer.Option(help="Results of --offline; none: a running site's Redis.")
    ] = None,
    redis: Annotated[
        str | None, typer.Option(envvar=REDIS_VARIABLE, help="Redis to use in place of redis.url.")
    ] = None,
    picture: Picture = None,
) -> None:
    """Fits the curve to what a site has seen: confident decisions, and who cannot be the same."""
    site = load_site(cameras)
    seen = _of_results(results, site) if results else _of_redis(cameras, site, redis)
    begin = min(identity.first_seen for identity in seen.identities)
    end = max(identity.last_seen for identity in seen.identities)
    when = {
        name: datetime.fromtimestamp(round(t), UTC) for name, t in (("begin", begin), ("end", end))
    }
    _finish({site.site: seen.pairs}, seen.network, output, picture, when, doubt=_DOUBT)


def _of_results(folder: Path, site: Site) -> SeenPeople:
    identities = read_results(folder)
    pairs = site_pairs(
        identities, read_looks(folder, identities), tolerance=site.matching.clock_tolerance
    )
    return SeenPeople(identities, pairs, read_results_network(folder))


def _of_redis(cameras: Path, site: Site, redis: str | None) -> SeenPeople:
    store = connect(cameras, site, redis)
    try:
        identities = store.identities(_MOST_IDENTITIES)
        looks = store.looks([t.tracklet for i in identities for t in i.tracklets])
        said = store.corrections.constraints().labelled_pairs()
        pairs = site_pairs(identities, looks, said=said, tolerance=site.matching.clock_tolerance)
        return SeenPeople(identities, pairs, store.gallery_network())
    finally:
        store.close()


def _finish(
    sets: Mapping[str, Pairs],
    network: str,
    output: Path,
    picture: Path | None,
    when: Mapping[str, datetime],
    *,
    doubt: float = 0.0,
) -> None:
    """Fits, tells, writes and draws."""
    pairs = join(list(sets.values()))
    ratio = fit(pairs, doubt=doubt)
    if ratio.slope <= 0:
        raise ConfigError("expected people to look more like themselves than others, found less")
    report(ratio, sets, console)
    write_curve(ratio, pairs, output, network=network, when=when)
    console.print(f"written to {output}; use it with `matching: {{similarity: {output.name}}}`")
    if picture is not None:
        _draw(ratio, pairs, picture, network)


def write_curve(
    ratio: LikelihoodRatio,
    pairs: Pairs,
    path: Path,
    *,
    network: str,
    when: Mapping[str, datetime] | None = None,
) -> None:
    """Writes the file that `matching.similarity` in cams.yaml names."""
    values: dict[str, Any] = {
        "network": network,
        "slope": round(ratio.slope, 4),
        "offset": round(ratio.offset, 4),
        "same": int(np.count_nonzero(pairs.same)),
        "different": int(np.count_nonzero(~pairs.same)),
        **(when or {}),
    }
    CurveFile.model_validate(values)
    path.write_text(_HEAD + yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def _draw(ratio: LikelihoodRatio, pairs: Pairs, path: Path, network: str) -> None:
    try:
        from calibration.similarity_picture import draw_curve  # the running system does without
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"command line: --picture: expected matplotlib (pip install -r requirements.txt), "
            f"found {error}"
        ) from None
    draw_curve(ratio, pairs, title=network).savefig(path, dpi=110)
    console.print(f"drawn in {path}")


def main() -> None:
    """Runs the command; a mistake is one sentence and exit code 2."""
    try:
        app()
    except HandoffError as error:
        print(error, file=sys.stderr)
        sys.exit(_BAD_INPUT)


if __name__ == "__main__":
    main()
