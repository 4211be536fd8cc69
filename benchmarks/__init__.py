"""Measurements, each a command that prints one table; never part of the tests."""
