"""The REST interface, version 1: everything under /api/v1, a module per resource.

Lists come a page at a time (`paging`), times are capture times in seconds since the epoch, and
whatever goes wrong is answered with `{"detail": "a sentence"}` (`problems`).
"""

from pipeline.viewer.api.routes import PREFIX, Parts, add_api

__all__ = ["PREFIX", "Parts", "add_api"]
