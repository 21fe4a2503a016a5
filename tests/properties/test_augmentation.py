"""Images and masks move together, whatever the policy, and whole-number moves copy pixels."""

from __future__ import annotations

import colorsys

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segport.adapters.data.colour import recolour
from segport.adapters.data.training import augment
from segport.adapters.data.warp import warp
from segport.domain.augmentation.affine import compose
from segport.domain.augmentation.colour import colour_matrix, tone_table
from segport.domain.augmentation.elastic import displacement_grid
from segport.domain.augmentation.parameters import AugmentationParameters, sample_parameters
from segport.domain.augmentation.policy import AugmentationPolicy
from segport.domain.errors import InvalidSpecError
from segport.domain.samples import Sample

SIZES = st.tuples(st.integers(1, 90), st.integers(1, 90))
GEOMETRY = AugmentationPolicy(
    flip_horizontal=True, flip_vertical=True, quarter_turns=True, rotate=180, scale=(0.5, 2.0), shear=20
)
EXACT = AugmentationPolicy(flip_horizontal=True, flip_vertical=True, quarter_turns=True)
SEEDS = st.tuples(st.integers(0, 2**40), st.integers(0, 1000), st.integers(0, 10**6))


def random_sample(size: tuple[int, int], seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    return Sample("a", rng.integers(0, 256, (*size, 3), np.uint8), rng.integers(0, 5, size, np.uint8))


@settings(deadline=None)
@given(size=SIZES, crop=SIZES, seed=SEEDS, elastic=st.sampled_from([0.0, 5.0]))
def test_an_image_and_a_mask_of_the_same_pattern_agree_afterwards(size, crop, seed, elastic) -> None:
    # A slow ramp: a pixel of the image may be off by one step of the ramp, where the label is the nearest pixel.
    y, x = np.mgrid[: size[0], : size[1]]
    for ramp in (x, y):
        pattern = ramp.astype(np.uint8)
        image = np.repeat(pattern[..., None], 3, axis=2)
        parameters = sample_parameters(attrs.evolve(GEOMETRY, elastic=elastic), *seed)
        moved = augment(Sample("a", image, pattern), parameters, crop)
        assert moved.image.shape == (*crop, 3)
        assert moved.labels.shape == crop
        assert np.abs(moved.image[..., 0].astype(int) - moved.labels).max() <= 1


@settings(deadline=None)
@given(size=SIZES, crop=SIZES, seed=SEEDS)
def test_flips_quarter_turns_and_crops_copy_pixels_exactly(size, crop, seed) -> None:
    parameters = sample_parameters(EXACT, *seed)
    sample = random_sample(size)
    moved = augment(sample, parameters, crop)
    matrix = compose(parameters, size, crop)
    assert np.array_equal(matrix, np.rint(matrix))
    # The oracle: NumPy turns and mirrors the whole image, and the crop is somewhere in it.
    stacked = np.dstack([sample.image, sample.labels])
    y, x = np.mgrid[: crop[0], : crop[1]]
    mirrored = stacked[:: -1 if parameters.mirror_y else 1, :: -1 if parameters.mirror_x else 1]
    turned = np.rot90(mirrored, -parameters.quarter_turns)
    result = np.dstack([moved.image, moved.labels])
    room = [turned.shape[axis] - crop[axis] for axis in (0, 1)]
    candidates = (
        (top, left)
        for top in range(min(0, room[0]), max(0, room[0]) + 1)
        for left in range(min(0, room[1]), max(0, room[1]) + 1)
    )
    reflected = (
        turned[_reflect(y + top, turned.shape[0]), _reflect(x + left, turned.shape[1])] for top, left in candidates
    )
    assert any(np.array_equal(result, expected) for expected in reflected)


def _reflect(index: np.ndarray, length: int) -> np.ndarray:
    if length == 1:
        return np.zeros_like(index)
    index = np.abs(index) % (2 * length - 2)
    return np.where(index >= length, 2 * length - 2 - index, index)


@given(seed=SEEDS, size=SIZES, crop=SIZES)
def test_the_matrix_undoes_each_step_in_turn(seed, size, crop) -> None:
    """Independent oracle: the forward steps on points, relative to the middle, in the documented order."""
    p = sample_parameters(GEOMETRY, *seed)
    matrix = compose(p, size, crop)
    middle_out = np.array([(crop[1] - 1) / 2, (crop[0] - 1) / 2, 1.0])
    middle_in = (matrix @ middle_out)[:2]
    for point in np.random.default_rng(1).uniform(-20, 20, (5, 2)):
        x, y = point
        x, y = (-x if p.mirror_x else x), (-y if p.mirror_y else y)
        for _ in range(p.quarter_turns):
            x, y = -y, x  # clockwise on the screen, where y points down
        angle = np.deg2rad(p.angle)
        x, y = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
        x += np.tan(np.deg2rad(p.shear)) * y
        out = np.array([x * p.scale, y * p.scale, 0.0]) + middle_out
        assert np.allclose((matrix @ out)[:2], middle_in + point, atol=1e-9)


@given(seed=SEEDS, size=SIZES, crop=SIZES)
def test_the_crop_stays_inside_an_image_that_is_large_enough(seed, size, crop) -> None:
    p = sample_parameters(GEOMETRY, *seed)
    matrix = compose(p, size, crop)
    corners = np.array([[x, y, 1] for x in (-0.5, crop[1] - 0.5) for y in (-0.5, crop[0] - 0.5)]) @ matrix.T
    low, high = corners[:, :2].min(axis=0), corners[:, :2].max(axis=0)
    for axis, length in ((0, size[1]), (1, size[0])):
        if high[axis] - low[axis] <= length:
            assert low[axis] >= -0.5 - 1e-6
            assert high[axis] <= length - 0.5 + 1e-6
        else:
            assert low[axis] <= -0.5 + 1e-6
            assert high[axis] >= length - 0.5 - 1e-6


def test_every_crop_of_an_image_is_equally_likely() -> None:
    starts = [compose(sample_parameters(AugmentationPolicy.none(), 0, 0, i), (8, 8), (5, 6)) for i in range(4000)]
    rows = np.bincount([int(m[1, 2]) for m in starts], minlength=4)
    columns = np.bincount([int(m[0, 2]) for m in starts], minlength=3)
    assert len(rows) == 4
    assert len(columns) == 3
    assert np.abs(rows - 1000).max() < 150
    assert np.abs(columns - 1333).max() < 150


@given(seed=SEEDS)
def test_switching_a_step_off_leaves_the_others_as_they_were(seed) -> None:
    strong = sample_parameters(AugmentationPolicy.strong(), *seed)
    without = sample_parameters(attrs.evolve(AugmentationPolicy.strong(), rotate=0, noise=0), *seed)
    assert attrs.evolve(strong, angle=without.angle, noise=0.0) == without
    assert abs(without.angle) == 0.0


@given(seed=SEEDS)
def test_parameters_stay_within_their_policy(seed) -> None:
    policy = AugmentationPolicy.strong()
    p = sample_parameters(policy, *seed)
    assert policy.scale[0] <= p.scale <= policy.scale[1]
    assert abs(p.angle) <= policy.rotate
    assert abs(p.hue) <= policy.hue
    assert 1 - policy.contrast <= p.contrast <= 1 + policy.contrast
    assert 1 / (1 + policy.gamma) - 1e-9 <= p.gamma <= 1 + policy.gamma + 1e-9
    assert 0 <= p.blur <= policy.blur
    assert 0 <= p.elastic <= policy.elastic
    assert np.abs(displacement_grid(p, (70, 100))).max() <= p.elastic


def test_samples_epochs_and_seeds_all_differ() -> None:
    drawn = {sample_parameters(GEOMETRY, *key).angle for key in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 2))}
    assert len(drawn) == 5
    first = np.random.default_rng([5, 3]).random()
    assert sample_parameters(AugmentationPolicy.none(), 5, 3, 0).centre[0] != first


@pytest.mark.parametrize("preset", ["none", "light", "standard", "strong"])
def test_presets_are_possible_and_none_changes_nothing(preset: str) -> None:
    policy = getattr(AugmentationPolicy, preset)()
    sample = random_sample((40, 50))
    result = augment(sample, sample_parameters(policy, 1, 2, 3), (40, 50))
    unchanged = np.array_equal(result.image, sample.image) and np.array_equal(result.labels, sample.labels)
    assert unchanged == (preset == "none")


def test_every_impossible_range_is_named_at_once() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        AugmentationPolicy(rotate=-1, noise=2, scale=(2.0, 0.5), hue=float("nan"))
    assert [problem.split(" ")[0] for problem in caught.value.problems] == ["rotate", "hue", "noise", "scale"]


@given(
    brightness=st.floats(-0.5, 0.5), contrast=st.floats(0.2, 2.0), gamma=st.floats(0.3, 3.0), value=st.integers(0, 255)
)
def test_the_tone_table_is_gamma_then_contrast_then_brightness(brightness, contrast, gamma, value) -> None:
    p = AugmentationParameters((0, 0, 0), brightness=brightness, contrast=contrast, gamma=gamma)
    expected = ((value / 255) ** gamma - 0.5) * contrast + 0.5 + brightness
    assert abs(int(tone_table(p)[value]) - 255 * min(max(expected, 0), 1)) <= 0.5 + 1e-6
    assert (np.diff(tone_table(p).astype(int)) >= 0).all()


@given(hue=st.floats(-0.5, 0.5), saturation=st.floats(0, 2))
def test_greys_keep_their_colour(hue, saturation) -> None:
    matrix = colour_matrix(AugmentationParameters((0, 0, 0), hue=hue, saturation=saturation))
    if matrix is not None:
        assert np.allclose(matrix @ np.ones(3), 1.0)


def test_no_saturation_is_luma_and_a_third_of_a_turn_moves_the_hue_so() -> None:
    grey = colour_matrix(AugmentationParameters((0, 0, 0), saturation=0.0))
    assert grey is not None
    assert np.allclose(grey, [[0.299, 0.587, 0.114]] * 3, atol=1e-3)
    turned = colour_matrix(AugmentationParameters((0, 0, 0), hue=1 / 3))
    assert turned is not None
    start = np.array([0.6, 0.4, 0.4])
    moved = colorsys.rgb_to_hsv(*np.clip(turned @ start, 0, 1))[0]
    assert min(abs(moved - 1 / 3), abs(moved - 2 / 3)) < 0.06


def test_noise_is_the_samples_own_and_blur_smooths() -> None:
    image = np.full((32, 32, 3), 128, np.uint8)
    noisy = [recolour(image, AugmentationParameters((0, 0, i), noise=0.1)) for i in (0, 0, 1)]
    assert np.array_equal(noisy[0], noisy[1])
    assert not np.array_equal(noisy[0], noisy[2])
    assert abs(noisy[0].std() - 25.5) < 2
    sharp = random_sample((32, 32)).image
    assert recolour(sharp, AugmentationParameters((0, 0, 0), blur=2.0)).std() < 0.5 * sharp.std()
    assert recolour(sharp[..., :1], AugmentationParameters((0, 0, 0), hue=0.3, blur=1.0, noise=0.1)).shape == (
        32,
        32,
        1,
    )


def test_images_wider_than_opencv_can_address_are_warped_too() -> None:
    image = np.zeros((3, 40_000, 1), np.uint8)
    labels = np.zeros((3, 40_000), np.uint8)
    image[:, 39_000:], labels[:, 39_000:] = 200, 3
    matrix = np.array([[1.0, 0, 38_990], [0, 1, 0], [0, 0, 1]])
    warped, moved = warp(image, labels, matrix, (3, 20))
    assert warped[0, :, 0].tolist() == [0] * 10 + [200] * 10
    assert moved[2].tolist() == [0] * 10 + [3] * 10
