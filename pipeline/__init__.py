"""The running system: a module per stage, in the order of the data."""
