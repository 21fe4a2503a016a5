"""Running checks, and saying what came of them; which there are of what is no plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from attrs import frozen

from ...domain.ports.backend import Capability
from . import averaging_checks as averaging
from . import checkpoint_checks, dataset_checks, dataset_store_checks, record_checks, run_store_checks
from . import evaluation_checks as evaluation
from . import model_checks as model
from . import training_checks as training
from . import tuning_checks as tuning
from . import update_checks as update
from .dataset_checks import DatasetSubject
from .dataset_store_subject import DatasetStoreSubject
from .expect import CheckFailed, Lacking
from .run_store_subject import RunStoreSubject
from .subject import Subject

OwnSubject: TypeAlias = Subject | DatasetSubject | RunStoreSubject | DatasetStoreSubject
"""What can be checked as an object, without being a plugin's."""

Check: TypeAlias = Callable[[Any], None]
"""A function of the subject it is made on, whose name reads as a sentence. It raises where that is not true."""

ALWAYS: tuple[Check, ...] = (
    model.logits_are_float32_with_one_value_per_pixel_and_class,
    model.logits_equal_the_reference,
    model.training_logits_use_the_statistics_of_the_batch_and_leave_the_running_ones,
    model.images_of_any_size_and_batches_of_any_length_are_taken,
    model.an_image_does_not_depend_on_its_batch,
    model.weights_survive_the_round_trip,
    model.loading_what_does_not_fit_is_refused_and_changes_nothing,
    model.weights_given_and_taken_are_copies,
    model.images_and_labels_are_not_written_to,
    model.unknown_devices_are_refused,
    evaluation.counts_of_images_equal_the_domains_for_any_batching,
    evaluation.losses_of_validation_equal_the_formula_on_the_logits,
    evaluation.masks_and_probabilities_follow_the_logits,
    evaluation.equal_logits_go_to_the_first_class,
    evaluation.evaluating_changes_no_weight,
    evaluation.feeding_keeps_the_order_hands_on_errors_and_closes_its_source,
)
WITH_TRAINING: tuple[Check, ...] = (
    training.losses_equal_the_formula_on_the_logits,
    training.draining_gives_every_loss_once,
    training.training_counts_equal_the_domains,
    training.a_rate_of_zero_changes_no_trainable_weight,
    training.running_statistics_move_by_the_momentum_to_the_unbiased_variance,
    training.ignored_pixels_change_neither_loss_nor_weights,
    training.one_batch_can_be_learnt_by_heart,
    training.a_restored_session_goes_on_as_if_never_interrupted,
    training.a_snapshot_is_not_changed_by_later_steps,
    training.restoring_what_does_not_fit_is_refused_and_changes_nothing,
    training.sessions_share_nothing,
    training.evaluating_between_steps_changes_no_step,
    training.closing_twice_does_no_harm,
    update.five_updates_equal_the_pinned_formulas,
    update.gradients_are_scaled_down_to_the_norm,
    update.accumulated_batches_are_averaged_into_one_update,
    tuning.a_frozen_part_keeps_weights_statistics_and_slots,
    tuning.a_frozen_norm_normalises_by_its_running_statistics,
    tuning.fixed_norms_stay_while_the_kernels_of_their_part_move,
    tuning.a_part_has_a_rate_of_its_own,
    tuning.a_thawed_part_begins_with_its_own_first_update,
    averaging.averages_equal_the_pinned_formula_after_every_update,
    averaging.averages_move_once_an_update_of_several_batches,
    averaging.the_result_holds_the_averages_and_the_trained_model_its_own_weights,
    averaging.averages_go_on_in_a_restored_session,
)
WITH_MIXED_PRECISION: tuple[Check, ...] = (model.mixed_precision_stays_near_float32,)

CHECKS: tuple[Check, ...] = (*ALWAYS, *WITH_TRAINING, *WITH_MIXED_PRECISION)
"""Every check of a backend."""

CHECKS_ON: Mapping[type[OwnSubject], tuple[Check, ...]] = {
    Subject: CHECKS,
    DatasetSubject: dataset_checks.CHECKS,
    RunStoreSubject: (*checkpoint_checks.CHECKS, *record_checks.CHECKS, *run_store_checks.CHECKS),
    DatasetStoreSubject: dataset_store_checks.CHECKS,
}
"""What an object of one's own must do."""

_NEEDS = {
    **dict.fromkeys(WITH_TRAINING, Capability.TRAINING),
    **dict.fromkeys(WITH_MIXED_PRECISION, Capability.MIXED_PRECISION),
}


@frozen
class Outcome:
    """What one check found. ``problem`` is empty when it passed; ``skipped`` says what is lacking.

    ``expected`` is the reason for a failure that was declared beforehand, which is none then.
    """

    sentence: str
    problem: str = ""
    skipped: str = ""
    expected: str = ""

    @property
    def passed(self) -> bool:
        """Whether the check ran and found nothing wrong."""
        return self.state == "ok"

    @property
    def state(self) -> str:
        """In a word: ok, FAILED, skipped or expected."""
        return "FAILED" if self.problem else "skipped" if self.skipped else "expected" if self.expected else "ok"

    @property
    def note(self) -> str:
        """What there is to say of it, or ""."""
        return self.problem or (f"needs {self.skipped}" if self.skipped else "") or self.expected

    def __str__(self) -> str:
        return f"{self.state:10}{self.sentence}" + (f": {self.note}" if self.note else "")


@frozen
class Report:
    """Outcomes on one part, in order of running."""

    part: str
    outcomes: tuple[Outcome, ...]

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """Outcomes of the checks that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.problem)

    @property
    def passed(self) -> bool:
        """Whether no check failed, and at least one ran."""
        return not self.failures and any(outcome.passed for outcome in self.outcomes)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.outcomes), self.total])

    @property
    def total(self) -> str:
        """How many passed, in a line."""
        ran = sum(not outcome.skipped for outcome in self.outcomes)
        lacking = f", {len(self.outcomes) - ran} skipped" if ran < len(self.outcomes) else ""
        return f"{self.part}: {sum(outcome.passed for outcome in self.outcomes)} of {ran} checks passed{lacking}"


def sentence(check: Check) -> str:
    """A check's name as words."""
    return check.__name__.replace("_", " ")


def lacking(check: Check, subject: Any) -> str:
    """The capability a check needs and the backend has not, or ""."""
    need = _NEEDS.get(check)
    return need.value if need is not None and need not in subject.backend.capabilities else ""


def run_check(check: Check, subject: Any, expected: str = "") -> Outcome:
    """One check. Any exception is a failure.

    Args:
        check: what must be true.
        subject: what it must be true of.
        expected: why it is known to fail, where it is; then passing is a failure.
    """
    missing = lacking(check, subject)
    if missing:
        return Outcome(sentence(check), skipped=missing)
    try:
        check(subject)
    except Lacking as lack:
        return Outcome(sentence(check), skipped=str(lack))
    except Exception as error:  # noqa: BLE001 - whatever a foreign part raises is what the report is about
        if expected:
            return Outcome(sentence(check), expected=expected)
        found = str(error) if isinstance(error, CheckFailed) else f"{type(error).__name__}: {error}"
        return Outcome(sentence(check), problem=found)
    return Outcome(sentence(check), problem=f"passed, though declared to fail ({expected})" if expected else "")


def run_checks(subject: OwnSubject, checks: Iterable[Check] | None = None) -> Report:
    """Checks of a backend, a data set or a store, all of them by default. Each is on models and runs of its own."""
    chosen = CHECKS_ON[type(subject)] if checks is None else checks
    return Report(subject.name, tuple(run_check(check, subject) for check in chosen))
