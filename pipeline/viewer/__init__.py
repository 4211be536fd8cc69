"""The live page: its own process, reading everything from Redis."""

from pipeline.viewer.server import serve

__all__ = ["serve"]
