"""The hooks a plugin may implement. Each returns entries; none may import anything heavy."""

from __future__ import annotations

import pluggy

from .entries import Entries

PROJECT = "segport"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def segport_backends() -> Entries:
    """Frameworks; factories make a domain.ports.backend.Backend."""
    raise AssertionError("a specification is never called")


@hookspec
def segport_readers() -> Entries:
    """Layouts of images and masks on disk; factories make a domain.ports.dataset.Reader."""
    raise AssertionError("a specification is never called")


@hookspec
def segport_architectures() -> Entries:
    """Whole graphs; factories make a domain.ports.model.Architecture."""
    raise AssertionError("a specification is never called")


@hookspec
def segport_encoders() -> Entries:
    """Feature pyramids; factories make a domain.ports.model.Encoder."""
    raise AssertionError("a specification is never called")


@hookspec
def segport_losses() -> Entries:
    """Loss formulas; factories make a domain.ports.loss.Loss."""
    raise AssertionError("a specification is never called")


@hookspec
def segport_metrics() -> Entries:
    """Metrics on confusion counts; factories make a domain.ports.metric.Metric."""
    raise AssertionError("a specification is never called")


@hookspec
def segport_augmentations() -> Entries:
    """Named augmentation policies; factories make a domain.augmentation.policy.AugmentationPolicy."""
    raise AssertionError("a specification is never called")


@hookspec
def segport_trackers() -> Entries:
    """Listeners to a run's events; factories take its folder as ``run`` and make a domain.ports.tracking.Tracker."""
    raise AssertionError("a specification is never called")


@hookspec
def segport_exporters() -> Entries:
    """Formats that others read models in; factories make a domain.ports.exporting.Exporter."""
    raise AssertionError("a specification is never called")
