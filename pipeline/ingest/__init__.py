"""Ingest: a camera's stream or recording → frames.

`read_recordings` reads files as fast as the machine can and loses nothing; `LiveReaders` reads
streams, and files as if they were streams, and never falls behind.
"""

from pipeline.ingest.framing import check_regions
from pipeline.ingest.live import LiveReaders
from pipeline.ingest.recordings import read_recordings
from pipeline.ingest.source import SourceInfo, probe

__all__ = ["LiveReaders", "SourceInfo", "check_regions", "probe", "read_recordings"]
