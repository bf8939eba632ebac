import numpy as np
import pytest

from benchmarks.scene import Scene, build, clips
from benchmarks.segmentation import Found, judge, ours

SECOND = 16_000


@pytest.fixture
def scene():
    """Ten seconds: speech from 1 to 3 and from 5 to 7."""
    return Scene(np.zeros(10 * SECOND, np.float32), ((SECOND, 3 * SECOND), (5 * SECOND, 7 * SECOND)))


def found(start, end, known):
    return Found(round(start * SECOND), round(end * SECOND), round(known * SECOND))


def test_one_who_finds_all_and_no_more_makes_no_mistake(scene):
    quality = judge(scene, [found(1, 3, 3.5), found(5, 7, 7.6)])

    assert (quality.missed, quality.false_alarm, quality.cut) == (0, 0, 0)
    assert quality.delays_s == pytest.approx((0.5, 0.6))


def test_shares_are_of_the_speech_and_of_the_rest(scene):
    quality = judge(scene, [found(2, 4, 4.5)])

    assert quality.missed == pytest.approx(3 / 4)
    assert quality.false_alarm == pytest.approx(1 / 6)
    assert quality.delays_s == ()


def test_an_end_within_a_sentence_is_a_cut(scene):
    assert judge(scene, [found(1, 2, 2.5), found(2, 3, 3.5), found(5, 7, 7.5)]).cut == 1


def test_a_scene_is_the_same_each_time_and_holds_every_clip():
    once, again = build(2), build(2)

    assert np.array_equal(once.samples, again.samples)
    assert len(once.spans) == 2 * len(clips())
    loud = np.abs(once.samples)
    assert loud[once.speech].mean() > 10 * loud[~once.speech].mean()


def test_the_programs_own_segmenter_finds_nearly_all_of_a_quiet_scene():
    scene = build(1)
    quality = judge(scene, ours(scene.samples))

    assert quality.missed < 0.05
    assert len(quality.delays_s) >= len(scene.spans) - 1
    assert all(0 < delay < 1.5 for delay in quality.delays_s)
