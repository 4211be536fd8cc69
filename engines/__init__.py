"""The attention network, the detectors, and what they are compiled to."""
