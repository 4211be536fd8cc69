"""The REST interface, version 1: everything under /api/v1, a module per resource.

Lists come a page at a time (`paging`), times are capture times in seconds since the epoch, and
whatever goes wrong is answered with `{"detail": "a sentence"}` (`problems`).
"""

from pipeline.viewer.api.routes import Parts, add_api
from pipeline.viewer.permits import PREFIX

__all__ = ["PREFIX", "Parts", "add_api"]
