"""Makers of augmentation policies broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np

from segport.domain.augmentation.policy import AugmentationPolicy
from segport.plugins.conformance import augmentation_checks as augmentation
from segport.tests.conformance.saboteurs.kind import Saboteurs


def wild(**options):
    return attrs.evolve(AugmentationPolicy(), rotate=float(np.random.default_rng().uniform(0, 90)), **options)


def no_policy(**options):
    return SimpleNamespace(rotate=3.0, **options)


def deaf(**options):
    return AugmentationPolicy.light()


CAUGHT_BY: dict[Callable[..., Any], str] = {
    no_policy: "it_makes_a_policy",
    wild: "made_twice_it_is_the_same",
    deaf: "each_field_of_a_policy_is_an_option",
}
POLICIES = Saboteurs(CAUGHT_BY, augmentation.CHECKS, augmentation.PolicySubject, AugmentationPolicy)
