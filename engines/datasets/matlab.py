"""Matrices of whole numbers from MATLAB files of any version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from engines.datasets.layout import DatasetError

Numbers = npt.NDArray[np.int64]


def read_matrix(path: Path, name: str, *, columns: int | None = None) -> Numbers:
    """One matrix, int64[rows, columns].

    Args:
        path: the MATLAB file.
        name: of the matrix in it.
        columns: how many it must have; None takes any.

    Raises:
        DatasetError: the file is not MATLAB's, has no such matrix, or one of another shape.
    """
    try:
        # Small unsigned numbers are what MATLAB saves; -1 and sums need room.
        matrix = np.asarray(_read(path, name)).astype(np.int64)
    except (KeyError, MatReadError, ValueError, OSError) as error:
        raise DatasetError(f"{path}: expected a MATLAB file with {name}, found: {error}") from None
    if matrix.ndim != 2 or (columns is not None and matrix.shape[1] != columns):
        raise DatasetError(
            f"{path}: {name}: expected a matrix{f' of {columns} columns' if columns else ''}, "
            f"found {list(matrix.shape)}"
        )
    return matrix


def _read(path: Path, name: str) -> npt.ArrayLike:
    try:
        content: npt.ArrayLike = loadmat(str(path))[name]
    except NotImplementedError:
        return _read_hdf5(path, name)
    return content


def _read_hdf5(path: Path, name: str) -> npt.ArrayLike:
    """MATLAB's format since version 7.3, which stores matrices transposed."""
    import h5py  # of the published sets only LS-VID needs it

    with h5py.File(path, "r") as file:
        return np.asarray(file[name]).T
