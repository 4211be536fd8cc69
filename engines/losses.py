"""What the network is trained to minimise.

The paper's loss is `OnlineInstanceMatching` plus a weight times `diversity_penalty`; the others are
options that its successors found to help, and distillation of another network's embedding.
All embeddings are unit vectors, so an inner product is the cosine.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.network import unit_length


def diversity_penalty(log_maps: Tensor) -> Tensor:
    """How far the spatial attentions of a frame look at the same place.

    With R the square root of the maps, 1 - (R Rᵀ)[i, j] is the squared Hellinger distance of maps
    i and j, and the penalty is the Frobenius norm of R Rᵀ - I: 0 when no two maps overlap,
    √(K² - K) when all are the same.

    √softmax is taken as exp(½ log_softmax): the derivative of √ is infinite at 0.

    Args:
        log_maps: float32[n, K, L], log-probabilities over the L positions.

    Returns:
        Mean over the frames, a scalar.
    """
    root = torch.exp(0.5 * log_maps)
    overlap = torch.matmul(root, root.transpose(1, 2))
    identity = torch.eye(overlap.shape[1], device=overlap.device)
    # The authors' epsilon: the norm itself has no derivative at 0.
    return ((overlap - identity).square().sum(dim=(1, 2)) + 1e-5).sqrt().mean()


class OnlineInstanceMatching(nn.Module):
    """OIM: classify by the cosine to a table with one slowly moving vector per person.

    Xiao et al., CVPR 2017.

    Args:
        people: number of people in the training set.
        dimensions: length of the embedding.
        scalar: factor on the cosine before the softmax.
        momentum: share of the old vector that stays when a person is seen.
        label_smoothing: probability given to all the other people together.
    """

    table: Tensor

    def __init__(
        self,
        people: int,
        dimensions: int,
        *,
        scalar: float = 30.0,
        momentum: float = 0.5,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.scalar = scalar
        self.momentum = momentum
        self.label_smoothing = label_smoothing
        self.register_buffer("table", torch.zeros(people, dimensions))

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """Cross entropy of float32[t, D] against people int64[t]; a scalar."""
        cosine = embedding @ self.table.T
        return F.cross_entropy(self.scalar * cosine, labels, label_smoothing=self.label_smoothing)

    @torch.no_grad()
    def update(self, embedding: Tensor, labels: Tensor) -> None:
        """Moves the table towards what was seen; call it after the backward pass.

        Somebody seen several times moves several times, in the order of the batch.
        """
        earlier = (labels.unsqueeze(0) == labels.unsqueeze(1)).tril(diagonal=-1).sum(dim=1)
        for turn in range(int(earlier.max()) + 1):
            now = earlier == turn
            seen, people = embedding.detach()[now].float(), labels[now]
            moved = self.momentum * self.table[people] + (1.0 - self.momentum) * seen
            self.table[people] = unit_length(moved)


class NeckClassifier(nn.Module):
    """Cross entropy of a linear classifier behind a batch normalisation without offset.

    The normalisation lets the triplet loss shape the embedding by distance while the classifier
    sees it spread out; Luo et al., "Bag of tricks", CVPR Workshops 2019.

    Args:
        people: number of people in the training set.
        dimensions: length of the embedding.
        label_smoothing: probability given to all the other people together.
    """

    def __init__(self, people: int, dimensions: int, *, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.neck = nn.BatchNorm1d(dimensions)
        self.neck.bias.requires_grad_(False)
        self.classify = nn.Linear(dimensions, people, bias=False)
        nn.init.normal_(self.classify.weight, std=0.001)
        self.label_smoothing = label_smoothing

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """Of float32[t, D] against people int64[t]; a scalar."""
        scores = self.classify(self.neck(embedding))
        return F.cross_entropy(scores, labels, label_smoothing=self.label_smoothing)


def batch_hard_triplet(embedding: Tensor, labels: Tensor, *, margin: float = 0.3) -> Tensor:
    """Each clip's farthest clip of the same person must be nearer than its nearest of another.

    Hermans et al., arXiv 1703.07737, on Euclidean distance.

    Args:
        embedding: float32[t, D], unit length.
        labels: int64[t]; a person needs at least two clips in the batch.
        margin: how much nearer.
    """
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    squared = (2.0 - 2.0 * embedding @ embedding.T).clamp(min=1e-8)
    distance = squared.sqrt()
    farthest_same = distance.masked_fill(~same, 0.0).amax(dim=1)
    nearest_other = distance.masked_fill(same, float("inf")).amin(dim=1)
    return F.relu(farthest_same - nearest_other + margin).mean()


def relation_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of the two networks' similarities between the crops of a batch.

    Args:
        student: float32[n, D], unit length.
        teacher: float32[n, E], unit length.
    """
    difference = student @ student.T - teacher @ teacher.T
    crops = len(difference)
    # The diagonal is 1 in both.
    return difference.square().sum() / (crops * (crops - 1))


class CosineDistillation(nn.Module):
    """Cosine distance between a linear view of the embedding and the teacher's.

    The linear map belongs to training only.
    """

    def __init__(self, dimensions: int, teacher_dimensions: int) -> None:
        super().__init__()
        self.head = nn.Linear(dimensions, teacher_dimensions)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """float32[n, D] against unit vectors float32[n, E]; a scalar, 0 to 2."""
        return (1.0 - F.cosine_similarity(self.head(student), teacher, dim=1)).mean()
