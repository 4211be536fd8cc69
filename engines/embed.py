"""Embeds the tracklets of a list, outside the pipeline.

`python -m engines.embed LIST -o out.npz` writes `embeddings`, float32[n, D] of unit length; row i
is the i-th tracklet of the list. Compare two by their inner product.

A line of the list is one tracklet: its pictures in the order of time, separated by spaces, each an
absolute path or relative to the folder of the list. Pictures may have any size. A path that holds
spaces stands in quotes. Blank lines and lines that begin with # hold no tracklet and get no row.

The paper's test protocol: the tracklet in N equal chunks (`frames` of the network's card), the
first picture of each; a shorter tracklet gives each picture once. Threads read and resize ahead of
the network, graph A takes pictures of several tracklets together, graph B the tracklets that are
complete, so memory does not grow with the pictures. Imports no torch.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar, get_args

import cv2
import numpy as np
import numpy.typing as npt

from engines.card import GraphPaths, NetworkCard, graph_paths, read_card
from engines.datasets import DatasetError, read_crop, restricted_random_sampling
from engines.preprocess import Image, stack_crops
from engines.runtime import Device, Engine, Pending, Precision, choose_backend, open_engine
from pipeline.config import DEFAULT_NETWORK
from pipeline.errors import HandoffError, ModelError

WEIGHTS = Path(__file__).resolve().parent / "weights"
CPU_BATCH, GPU_BATCH = 32, 256
"""Crops that go through graph A together."""
IN_FLIGHT = 2
"""Batches handed to the accelerator at a time: it finds the next one when it has done one."""

_CROP_GRAPH = ".crop.onnx"

Embeddings = npt.NDArray[np.float32]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Clip:
    """The pictures of one tracklet that the network is going to see.

    Attributes:
        line: where the tracklet stands in the list, from 1.
        paths: 1 to N pictures, in the order of time.
    """

    line: int
    paths: tuple[str, ...]


def read_clips(path: Path, *, frames: int) -> list[Clip]:
    """Reads a list and chooses the pictures of each tracklet; looks whether all of them are there.

    Args:
        path: the list.
        frames: number N of chunks.

    Raises:
        DatasetError: the list cannot be read or is empty, or a picture it names is missing.
    """
    try:
        with path.open(encoding="utf-8-sig") as lines:
            clips = [
                _choose(_resolve(path, number, line), number, frames)
                for number, line in enumerate(lines, 1)
                if line.strip() and not line.lstrip().startswith("#")
            ]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: expected a list of tracklets, found: {error}") from error
    if not clips:
        raise DatasetError(f"{path}: expected a tracklet per line, found none")
    return clips


def _resolve(path: Path, number: int, line: str) -> list[str]:
    """The pictures of a line, relative to the folder of the list."""
    try:
        names = shlex.split(line) if '"' in line or "'" in line else line.split()
    except ValueError as error:
        raise DatasetError(f"{path}: line {number}: expected paths, found: {error}") from None
    folder = str(path.parent)
    pictures = [os.path.join(folder, name) for name in names]
    for picture in pictures:
        if not os.path.isfile(picture):
            raise DatasetError(
                f"{path}: line {number}: expected a picture at {picture}, found none"
            )
    return pictures


def _choose(pictures: Sequence[str], number: int, frames: int) -> Clip:
    chosen = dict.fromkeys(restricted_random_sampling(len(pictures), frames).tolist())
    return Clip(number, tuple(pictures[index] for index in chosen))


def find_graphs(weights: str) -> GraphPaths:
    """The two graphs of a network.

    Args:
        weights: a name in `engines/weights`, graph A's file, or a folder that holds one network.

    Raises:
        ModelError: there is none, or there are several.
    """
    path = Path(weights)
    if path.is_dir():
        path = _only_graph(path)
    elif not path.is_file():
        path = _shipped(weights)
    graphs = graph_paths(path.parent, path.name.removesuffix(_CROP_GRAPH))
    if graphs.crop != path or not graphs.tracklet.is_file():
        raise ModelError(
            f"{path}: expected a file named ….crop.onnx with its ….tracklet.onnx beside it"
        )
    return graphs


def _only_graph(folder: Path) -> Path:
    found = sorted(folder.glob(f"*{_CROP_GRAPH}"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ModelError(f"{folder}: expected one network (….crop.onnx), found {names}")
    return found[0]


def _shipped(name: str) -> Path:
    path = WEIGHTS / f"{name}{_CROP_GRAPH}"
    if not path.is_file():
        known = sorted(p.name.removesuffix(_CROP_GRAPH) for p in WEIGHTS.glob(f"*{_CROP_GRAPH}"))
        raise ModelError(
            f"expected one of {', '.join(known)}, or the path of a network, found {name!r}"
        )
    return path


class ListEmbedder:
    """A network, compiled, that embeds any number of clips.

    Args:
        graphs: its two files.
        device, precision: what graph A runs on, and its arithmetic; see `engines.runtime`.
        batch: crops that go through graph A together; None: what suits the device.

    Raises:
        ModelError: the network cannot be compiled, or the device cannot be had.
    """

    def __init__(
        self,
        graphs: GraphPaths,
        *,
        device: Device = "auto",
        precision: Precision = "auto",
        batch: int | None = None,
    ) -> None:
        self.card = read_card(graphs.crop)
        self._batch = batch or (GPU_BATCH if choose_backend(device).gpu else CPU_BATCH)
        self._crop = open_engine(
            graphs.crop,
            device=device,
            precision=precision,
            batch=(1, self._batch, self._batch),
        )
        # The temporal softmax and the final norm are too small to gain from a GPU.
        self._tracklet = open_engine(graphs.tracklet, device="cpu", precision="f32", threads=1)

    def __call__(self, clips: Sequence[Clip], *, origin: Path) -> Embeddings:
        """Embeds every clip.

        Args:
            clips: n of them.
            origin: the list they stand in; errors name it.

        Returns:
            float32[n, D], unit length.

        Raises:
            DatasetError: a picture cannot be decoded.
        """
        embeddings = np.empty((len(clips), self.card.embedding), np.float32)
        gatherer = Gatherer(self._tracklet, self.card, [len(clip.paths) for clip in clips])
        done = 0
        for known in self._describe(clips, origin):
            complete = gatherer.add(known["features"], known["logits"])
            embeddings[done : done + len(complete)] = complete
            done += len(complete)
        return embeddings

    def _describe(self, clips: Sequence[Clip], origin: Path) -> Iterator[dict[str, Embeddings]]:
        """Graph A's outputs for all crops in order, a batch at a time."""
        under_way: deque[Pending] = deque()
        for crops in self._read(clips, origin):
            under_way.append(self._crop.submit({"crops": crops}))
            if len(under_way) > IN_FLIGHT:
                yield under_way.popleft().wait()
        while under_way:
            yield under_way.popleft().wait()

    def _read(self, clips: Sequence[Clip], origin: Path) -> Iterator[Image]:
        """All crops in order, uint8[n, H, W, 3] BGR, n the batch but for the last."""
        crops = ((clip.line, path) for clip in clips for path in clip.paths)

        def read(part: Sequence[tuple[int, str]]) -> Image:
            pictures = [_read_picture(path, line, origin) for line, path in part]
            return stack_crops(pictures, height=self.card.height, width=self.card.width)

        return ahead(read, in_batches(crops, self._batch))


class Gatherer:
    """Keeps what graph A says until a tracklet is complete, then runs graph B on it.

    Args:
        engine: graph B.
        card: the network's.
        counts: number of crops of each tracklet, in the order in which they come; at least 1.
    """

    def __init__(self, engine: Engine, card: NetworkCard, counts: Sequence[int]) -> None:
        self._engine = engine
        self._frames = card.frames
        self._embedding = card.embedding
        self._counts = np.asarray(counts)
        self._ends = np.cumsum(self._counts)
        self._features = np.empty((0, card.parts, card.dimensions), np.float32)
        self._logits = np.empty((0, card.parts), np.float32)
        self._done = 0

    def add(self, features: Embeddings, logits: Embeddings) -> Embeddings:
        """Takes the next crops; returns the embeddings of the tracklets they complete.

        Args:
            features: float32[n, K, 128].
            logits: float32[n, K].

        Returns:
            float32[t, D]; t may be 0.
        """
        self._features = np.concatenate([self._features, features])
        self._logits = np.concatenate([self._logits, logits])
        used = self._ends[self._done - 1] if self._done else 0
        complete = int(np.searchsorted(self._ends, used + len(self._features), side="right"))
        embeddings = self._gather(slice(self._done, complete), used)
        kept = (self._ends[complete - 1] if complete else 0) - used
        self._features, self._logits = self._features[kept:], self._logits[kept:]
        self._done = complete
        return embeddings

    def _gather(self, tracklets: slice, used: int) -> Embeddings:
        """Graph B; the buffer begins with crop number `used`."""
        counts, frames = self._counts[tracklets], np.arange(self._frames)
        if not len(counts):
            return np.empty((0, self._embedding), np.float32)
        mask = frames < counts[:, None]
        first = self._ends[tracklets] - counts - used
        rows = np.where(mask, first[:, None] + frames, 0)
        clips = {"features": self._features[rows], "logits": self._logits[rows]}
        return self._engine({**clips, "mask": mask.astype(np.float32)})["embedding"]


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in order, `size` at a time; the last may be fewer."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results in order, worked out by a thread per core, never more than two each ahead."""
    threads = max(2, len(os.sched_getaffinity(0)))
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read_picture(path: str, line: int, origin: Path) -> Image:
    try:
        return read_crop(Path(path))
    except DatasetError as error:
        raise DatasetError(f"{origin}: line {line}: {error}") from None


def write_embeddings(path: Path, embeddings: Embeddings) -> None:
    """Writes the file beside its place and moves it there, so it is whole or not there."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".embed") as folder:
        unfinished = Path(folder) / "embeddings.npz"
        np.savez(unfinished, embeddings=embeddings)
        unfinished.replace(path)


def embed_list(path: Path, output: Path, embedder: ListEmbedder) -> str:
    """Embeds a list of tracklets and writes the result.

    Returns:
        What was done, in a line.

    Raises:
        DatasetError: the list, a picture or the output's folder is wrong; nothing is written then.
    """
    if not output.parent.is_dir():
        raise DatasetError(f"{output}: expected the folder {output.parent}, found none")
    clips = read_clips(path, frames=embedder.card.frames)
    began = time.perf_counter()
    embeddings = embedder(clips, origin=path)
    seconds = time.perf_counter() - began
    write_embeddings(output, embeddings)
    crops = sum(len(clip.paths) for clip in clips)
    return f"{output}: {len(clips)} tracklets, {crops} crops, {crops / seconds:.0f} crops a second"


def main(arguments: Sequence[str] | None = None) -> None:
    """Embeds a list; a mistake is answered with one sentence and exit code 2."""
    options = _parser().parse_args(arguments)
    cv2.setNumThreads(1)  # pictures are resized by several threads already
    try:
        embedder = ListEmbedder(
            find_graphs(options.weights),
            device=options.device,
            precision=options.precision,
            batch=options.batch,
        )
        print(embed_list(options.list, options.output, embedder))
    except HandoffError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("list", type=Path, help="a tracklet per line: paths of its pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .npz file to write")
    parser.add_argument("--weights", default=DEFAULT_NETWORK, help="name, graph A's file or folder")
    parser.add_argument("--device", choices=get_args(Device), default="auto")
    parser.add_argument("--precision", choices=get_args(Precision), default="auto")
    parser.add_argument("--batch", type=_positive, help="crops that go together")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, found {text}")
    return number


if __name__ == "__main__":
    main()
