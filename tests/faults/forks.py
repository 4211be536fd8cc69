"""Processes that tests kill: forked from one that has loaded what they need, and nothing else.

Native libraries do not survive a fork of the process that has used them, and a new interpreter
needs two seconds for its imports. The server of forks does not know the paths of the tests, so
that only modules of the product can be loaded ahead.
"""

from __future__ import annotations

import multiprocessing

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["pipeline.matcher", "pipeline.courier", "pipeline.heartbeat"])
