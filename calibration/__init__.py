"""Calibration: lenses, ground plane, topology, similarity; a command each."""

import os

# Equations of calibration are small. On a busy machine OpenBLAS's threads, which wait for each
# other at every step, made a fit of 0.03 s take 5 s. They read this when OpenCV is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
