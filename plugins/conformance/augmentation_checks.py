"""What every augmentation policy must do."""

from __future__ import annotations

from collections.abc import Callable

from attrs import fields, frozen

from ...domain.augmentation.parameters import sample_parameters
from ...domain.augmentation.policy import AugmentationPolicy
from . import expect


@frozen(eq=False)
class PolicySubject:
    """A policy under check: what makes it, with any options."""

    make: Callable[..., AugmentationPolicy]


def it_makes_a_policy(subject: PolicySubject) -> None:
    """One of the domain: ranges, which are checked as it is made."""
    made = subject.make()
    expect.that(isinstance(made, AugmentationPolicy), f"it makes a {type(made).__name__}")


def made_twice_it_is_the_same(subject: PolicySubject) -> None:
    """Chance comes with the sample, from seed, epoch and index; never with the policy."""
    first, second = subject.make(), subject.make()
    expect.that(first == second, f"it made {first}, then {second}")
    drawn = [sample_parameters(policy, 41, 2, 7) for policy in (first, second)]
    expect.that(drawn[0] == drawn[1], "the same sample was drawn differently")


def each_field_of_a_policy_is_an_option(subject: PolicySubject) -> None:
    """As in ``--augment mine:rotate=15``: that field is changed, and no other."""
    plain = subject.make()
    for name in (field.name for field in fields(AugmentationPolicy)):
        value = (0.9, 1.1) if name == "scale" else not getattr(plain, name) if "flip" in name else 0.125
        value = True if name == "quarter_turns" else value
        made = subject.make(**{name: value})
        changed = {f.name for f in fields(AugmentationPolicy) if getattr(made, f.name) != getattr(plain, f.name)}
        expect.that(getattr(made, name) == value and changed <= {name}, f"{name}={value} made {made}")


CHECKS = (it_makes_a_policy, made_twice_it_is_the_same, each_field_of_a_policy_is_an_option)
