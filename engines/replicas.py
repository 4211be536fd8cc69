"""Training in several processes that act as one: `torchrun --nproc-per-node 2 -m engines.train …`.

On a CPU this is faster than as many threads in one process as soon as anything else runs there:
threads wait for each other after every layer, processes once per step.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor


def join_replicas() -> None:
    """Finds the other processes when torchrun has started this one."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        dist.init_process_group("gloo")


def replica() -> int:
    """Number of this process among its replicas; 0 writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replaces every gradient by its mean over the replicas."""
    if not dist.is_initialized():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    joined = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(joined)
    joined /= dist.get_world_size()
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, mean in zip(gradients, joined.split(sizes), strict=True):
        gradient.copy_(mean.view_as(gradient))


def collect(local: Tensor) -> Tensor:
    """The tensors of all replicas, one after the other; all have the same shape."""
    if not dist.is_initialized():
        return local
    everywhere = [torch.empty_like(local) for _ in range(dist.get_world_size())]
    dist.all_gather(everywhere, local.contiguous())
    return torch.cat(everywhere)
