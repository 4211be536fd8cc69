"""One thread for PyTorch: on a machine that is busy, threads mostly wait for each other."""

import torch

torch.set_num_threads(1)
