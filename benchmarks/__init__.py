"""Measurements, each a command that prints one table; never part of the tests."""

import pipeline  # noqa: F401  # before numpy: it says how many threads numpy has
