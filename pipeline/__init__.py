"""The running system: a module per stage, in the order of the data."""

import os

# Products of matrices are small here. OpenBLAS's second thread, which spins while it waits for the
# next one, took the matcher 1.05 of 3.65 ms a sighting. It is read when numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
