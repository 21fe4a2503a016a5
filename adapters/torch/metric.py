"""Predicting and counting on the device. Only integers leave it; the domain makes scores of them."""

from __future__ import annotations

import torch
from torch import Tensor


def predictions(logits: Tensor, *, planes: bool = False) -> Tensor:
    """(N, H, W) int64 classes of (N, H, W, K) logits: argmax, ties to the lowest index; for K = 1, logit > 0.

    Of ``planes`` (N, H, W, K) int64, 1 where logit > 0.
    """
    if planes:
        return (logits > 0).long()
    return (logits[..., 0] > 0).long() if logits.shape[-1] == 1 else logits.argmax(-1)


def confusions(predicted: Tensor, truth: Tensor, valid: Tensor, classes: int) -> Tensor:
    """(N, K, K) int64, one matrix an image: row = truth, column = prediction. Pixels that are not valid count nowhere.

    Of (N, H, W, K) planes (N, K, 2, 2): each is counted as an image of two classes.

    Args:
        predicted: (N, H, W) int64 in [0, classes).
        truth: (N, H, W) int64 in [0, classes) wherever valid.
        valid: (N, H, W) bool.
        classes: K.
    """
    if truth.ndim == 4:
        images, height, width, planes = truth.shape
        apart = (part.movedim(-1, 1).reshape(-1, height, width) for part in (predicted, truth, valid))
        predicted, truth, valid = apart
        return confusions(predicted, truth, valid, 2).view(images, planes, 2, 2)
    images, bins = len(predicted), classes * classes + 1
    cells = torch.where(valid, truth * classes + predicted, classes * classes)
    cells = (cells + torch.arange(0, images * bins, bins, device=cells.device).view(-1, 1, 1)).flatten()
    return _counted(cells, images * bins).view(images, bins)[:, :-1].reshape(images, classes, classes)


def _counted(cells: Tensor, bins: int) -> Tensor:
    if cells.device.type == "cpu":
        return torch.bincount(cells, minlength=bins)
    # Elsewhere bincount waits for the device to tell it the largest value. Integers add up the same in any order.
    return torch.zeros(bins, dtype=torch.int64, device=cells.device).scatter_add_(0, cells, torch.ones_like(cells))
