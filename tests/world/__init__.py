"""A synthetic site whose truth is known: who is where at any time, and what cameras make of it.

    world = World(SiteSpec(cameras=20, people=200, seconds=3600, seed=1))
    world.visits()                                     # true visits
    observed = world.observed(faults=Faults(missing=0.2))
    observed.sightings, observed.truth.person          # what nodes send; tracklet → person

`World.stream` gives the same, by and by, for sites that do not fit into memory:
`SiteSpec(cameras=500, people=100_000, seconds=86_400)`.
"""

from .looks import Looks, confusing
from .plan import Camera, Plan, build_plan
from .sight import Faults
from .site import Observed, Report, Truth, Visit, World
from .walks import SiteSpec

__all__ = [
    "Camera",
    "Faults",
    "Looks",
    "Observed",
    "Plan",
    "Report",
    "SiteSpec",
    "Truth",
    "Visit",
    "World",
    "build_plan",
    "confusing",
]
