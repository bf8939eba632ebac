"""Where speech is found: real clips at known times, alone, in noise, and on two channels."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.flow import SAMPLE_RATE, AudioBlock, SpeechAudio, SpeechEnded, SpeechStarted
from monitor.segmenter.segmenter import Segmenter
from monitor.segmenter.settings import SegmenterSettings
from stser_core.audio import load_mono

CLIPS = ("03a02Nc", "03a02Ta", "08a01Wa", "10a02Fa", "13a02Wa", "14a01Na")
SPACING_S = 3.0


def events_of(sound, sizes=(1600,), settings=None, lost=range(0)):
    """All events of a sound [channels, n] in blocks of these sizes, without those that start in `lost`."""
    sound = np.atleast_2d(sound).astype(np.float32)
    segmenter = Segmenter(len(sound), settings)
    events, start, turn = [], 0, 0
    while start < sound.shape[1]:
        size = sizes[turn % len(sizes)]
        if start not in lost:
            events += segmenter.feed(AudioBlock(start, sound[:, start : start + size]))
        start, turn = start + size, turn + 1
    return events + segmenter.flush()


def utterances(sound, sizes=(1600,), settings=None, lost=range(0)):
    return [event.utterance for event in events_of(sound, sizes, settings, lost) if isinstance(event, SpeechEnded)]


def times(found):
    return [(one.channel, one.start_s, one.end_s, one.samples.tobytes()) for one in found]


def noise(seconds, dbfs, colour="white", seed=1):
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=round(seconds * SAMPLE_RATE)))
    if colour == "pink":
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20 * seconds))
    sound = np.fft.irfft(spectrum, round(seconds * SAMPLE_RATE))
    return sound / np.sqrt(np.mean(sound**2)) * 10 ** (dbfs / 20)


def loud_part(clip):
    """Seconds at which the clip's speech starts and ends: what is at most 35 dB below its loudest 10 ms."""
    levels = [np.mean(clip[i : i + 160] ** 2) for i in range(0, len(clip) - 159, 160)]
    loud = np.flatnonzero(levels > np.max(levels) / 10**3.5)
    return loud[0] / 100, (loud[-1] + 1) / 100


@pytest.fixture(scope="module")
def clips(data):
    return [load_mono(data / "emodb" / f"{name}.flac") for name in CLIPS]


@pytest.fixture(scope="module")
def spoken(clips):
    """All clips, three seconds apart: the sound, and when each one speaks."""
    sound = np.zeros(round((SPACING_S * len(clips) + 1) * SAMPLE_RATE))
    truth = []
    for number, clip in enumerate(clips):
        at = 1 + SPACING_S * number
        sound[round(at * SAMPLE_RATE) :][: len(clip)] = clip
        truth.append(tuple(at + edge for edge in loud_part(clip)))
    return sound, truth


def speech_level(sound):
    return 10 * np.log10(np.mean(sound[np.abs(sound) > 0] ** 2))


def assert_found(found, truth, tolerance_s=0.3):
    assert len(found) == len(truth)
    for one, (start_s, end_s) in zip(found, truth, strict=True):
        assert one.start_s == pytest.approx(start_s, abs=tolerance_s)
        assert one.end_s == pytest.approx(end_s, abs=tolerance_s)


class TestSpeechIsFound:
    def test_in_digital_silence_and_nothing_of_it_is_missing(self, spoken):
        sound, truth = spoken
        found = utterances(sound)
        assert_found(found, truth)
        assert all(one.start_s <= start for one, (start, _) in zip(found, truth, strict=True))
        for one in found:
            start, end = round(one.start_s * SAMPLE_RATE), round(one.end_s * SAMPLE_RATE)
            np.testing.assert_array_equal(one.samples, sound[start:end].astype(np.float32))

    @pytest.mark.parametrize(("snr_db", "colour"), [(30, "white"), (20, "pink"), (10, "white"), (10, "pink")])
    def test_in_noise(self, spoken, snr_db, colour):
        sound, truth = spoken
        level = speech_level(sound) - snr_db
        assert_found(utterances(sound + noise(len(sound) / SAMPLE_RATE, level, colour)), truth)

    def test_in_a_hiss_that_is_nearly_as_loud(self, spoken):
        sound, truth = spoken
        found = utterances(sound + noise(len(sound) / SAMPLE_RATE, speech_level(sound) - 2))
        heard = sum(max(0, min(one.end_s, end) - max(one.start_s, start)) for one in found for start, end in truth)
        assert heard > 0.95 * sum(end - start for start, end in truth)
        assert sum(one.end_s - one.start_s for one in found) < 1.3 * sum(end - start for start, end in truth)

    @pytest.mark.parametrize("below", [0.05, 0.1, -0.2, "50 Hz", "60 Hz"])
    @pytest.mark.parametrize("gain_db", [0, -25])
    def test_over_an_offset_or_hum(self, spoken, below, gain_db):
        quiet = spoken[0] * 10 ** (gain_db / 20) + noise(len(spoken[0]) / SAMPLE_RATE, -65)
        added = hum(len(quiet) / SAMPLE_RATE, float(below[:2])) if isinstance(below, str) else below
        assert_found(utterances(quiet + added), spoken[1], tolerance_s=0.4)

    def test_on_two_channels_that_talk_at_the_same_time(self, spoken):
        sound, truth = spoken
        later = round(0.7 * SAMPLE_RATE)
        other = np.concatenate([np.zeros(later), sound[:-later]])
        found = utterances(np.stack([sound, other]))
        assert_found([one for one in found if one.channel == 1], truth)
        assert_found([one for one in found if one.channel == 2], [(a + 0.7, b + 0.7) for a, b in truth])

    def test_from_the_first_sample_to_the_last(self, clips):
        (found,) = utterances(clips[0])
        assert found.start_s == 0
        assert found.end_s == pytest.approx(len(clips[0]) / SAMPLE_RATE, abs=0.1)

    def test_of_a_line_that_opens_in_the_middle_of_a_drawn_out_vowel(self, clips):
        # The vowel alone looks like a noise floor; only the first consonants show that it was none.
        vowel = sum(hum(0.5, 120 * harmonic, 0.15 / harmonic) for harmonic in range(1, 20))
        sound = np.concatenate([np.zeros(SAMPLE_RATE), vowel, clips[0], np.zeros(SAMPLE_RATE)])
        assert utterances(sound)[0].start_s <= 1


def hum(seconds, hertz=50.0, amplitude=0.1):
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


NOT_SPEECH = {
    "digital silence": np.zeros(60 * SAMPLE_RATE),
    "a quiet room": noise(60, -60),
    "white noise": noise(60, -30),
    "loud white noise": noise(60, -15),
    "pink noise": noise(60, -30, "pink"),
    "mains hum": hum(60),
    "mains hum in a noisy room": hum(60) + noise(60, -45),
    "a tone": hum(60, hertz=425),
    "ringing": hum(60, hertz=425) * (np.arange(60 * SAMPLE_RATE) % (5 * SAMPLE_RATE) < SAMPLE_RATE),
    "hum that sets in": np.concatenate([noise(30, -60), hum(30)]),
    "noise that sets in": np.concatenate([noise(30, -60), noise(30, -25)]),
    "a click": np.concatenate([np.zeros(16000), noise(0.01, -6), np.zeros(16000)]),
    "a click in a quiet room": np.concatenate([noise(2, -60), noise(0.01, -6), noise(2, -60)]),
    "no sample at all": np.zeros(0),
    "one sample": np.ones(1),
}


STRICT = ("white noise", "mains hum in a noisy room", "ringing", "noise that sets in", "a click in a quiet room")


@pytest.mark.parametrize(
    ("name", "sensitivity"), [*((name, "normal") for name in NOT_SPEECH), *((name, "high") for name in STRICT)]
)
def test_what_is_not_speech_gives_nothing(name, sensitivity):
    assert events_of(NOT_SPEECH[name], settings=SegmenterSettings(sensitivity=sensitivity)) == []


def answers(clips):
    """Every loud quarter of a second of some clips, faded in and out, three seconds apart."""
    length, fade = SAMPLE_RATE // 4, np.linspace(0, 1, 160)
    window = np.concatenate([fade, np.ones(length - 320), fade[::-1]])
    pieces = [clip[at : at + length] for clip in clips for at in range(0, len(clip) - length, length)]
    loudest = max(np.mean(piece**2) for piece in pieces)
    return [np.pad(piece * window, (0, 44_000)) for piece in pieces if np.mean(piece**2) > loudest / 30]


def test_answers_of_a_quarter_of_a_second_are_found_at_high_sensitivity_only(clips):
    sound = np.concatenate(answers(clips))
    found = {
        sensitivity: len(utterances(sound, settings=SegmenterSettings(sensitivity=sensitivity)))
        for sensitivity in ("low", "normal", "high")
    }
    assert found["low"] < found["normal"] < found["high"]
    assert 0.9 * len(answers(clips)) <= found["high"] <= len(answers(clips))


@settings(max_examples=20)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=4))
def test_the_size_of_the_blocks_does_not_matter(spoken_pair, sizes):
    sound, expected = spoken_pair
    assert times(utterances(sound, [*sizes, 4000])) == expected


@pytest.fixture(scope="module")
def spoken_pair(spoken):
    sound = np.stack([spoken[0], np.roll(spoken[0], 9000)])[:, : 8 * SAMPLE_RATE]
    return sound, times(utterances(sound))


def test_what_is_told_of_an_utterance_while_it_goes_on_joined_is_the_utterance(spoken, clips):
    monologue = np.concatenate(clips * 3)
    sound = np.zeros((2, max(len(monologue), len(spoken[0]))))
    sound[0, : len(monologue)], sound[1, : len(spoken[0])] = monologue, spoken[0]
    going, ended = {}, []
    for event in events_of(sound):
        match event:
            case SpeechStarted(channel, start_s):
                assert channel not in going
                going[channel] = (start_s, [])
            case SpeechAudio(channel, samples):
                going[channel][1].append(samples)
            case SpeechEnded(utterance):
                start_s, pieces = going.pop(utterance.channel)
                assert start_s == utterance.start_s
                np.testing.assert_array_equal(np.concatenate(pieces), utterance.samples)
                ended.append(utterance.channel)
    assert not going
    assert min(ended.count(1), ended.count(2)) > 1


class TestLongTurns:
    SETTINGS = SegmenterSettings(max_utterance_s=4, cut_search_s=1.5)

    def monologue(self, clips, dip_at_s):
        """Speech without a pause but for a dip of 60 ms at a known time."""
        parts = [clip[round(a * SAMPLE_RATE) : round(b * SAMPLE_RATE)] for clip in clips for a, b in [loud_part(clip)]]
        sound = np.concatenate(parts * 2)[: 7 * SAMPLE_RATE]
        dip = round(dip_at_s * SAMPLE_RATE)
        sound[dip - 480 : dip + 480] = 0
        return sound

    @pytest.mark.parametrize("dip_at_s", [2.7, 3.3, 3.84])
    def test_are_cut_at_their_quietest_late_point(self, clips, dip_at_s):
        found = utterances(self.monologue(clips, dip_at_s), settings=self.SETTINGS)
        assert found[0].end_s == pytest.approx(dip_at_s, abs=0.04)

    @pytest.mark.parametrize("cut", [SETTINGS, SegmenterSettings()])
    def test_lose_and_double_nothing(self, clips, cut):
        sound = np.tile(self.monologue(clips, 3.3), 4)
        found = utterances(sound, settings=cut)
        assert len(found) >= 2
        assert all(one.end_s - one.start_s <= cut.max_utterance_s for one in found)
        assert all(one.end_s == other.start_s for one, other in pairwise(found))
        joined = np.concatenate([one.samples for one in found])
        np.testing.assert_array_equal(joined, sound[: len(joined)].astype(np.float32))
        assert len(joined) > len(sound) - 0.3 * SAMPLE_RATE

    def test_wait_for_a_pause_elsewhere_that_may_be_an_earlier_end(self, clips):
        long = self.monologue(clips, dip_at_s=3.84)
        other = np.zeros_like(long)
        end = round((3.5 - loud_part(clips[4])[1]) * SAMPLE_RATE)
        other[end:][: len(clips[4])] = clips[4]
        found = utterances(np.stack([long, other]), settings=self.SETTINGS)
        assert [one.channel for one in found][:2] == [2, 1]
        # The cut is decided at 4 s, before the other's pause has lasted long enough to be an end.
        assert found[0].end_s < found[1].end_s < 4 < found[0].end_s - 0.15 + 0.5

    @settings(max_examples=20)
    @given(st.integers(0, 60_000), st.integers(0, 60_000))
    def test_on_several_channels_keep_the_order_of_ends(self, clips, shift, other_shift):
        sound = np.concatenate(clips)[: 12 * SAMPLE_RATE]
        three = np.stack([sound, np.roll(sound, shift), np.roll(sound, -other_shift)])
        short = SegmenterSettings(max_utterance_s=3, cut_search_s=1.5, pause_s=0.3)
        ends = [one.end_s for one in utterances(three, settings=short)]
        assert len(ends) > 9
        assert ends == sorted(ends)


class TestEcho:
    """Two parties who speak in turn, three seconds each; the second one's voice leaks into the first one's channel."""

    @pytest.fixture
    def parties(self, spoken):
        sound, truth = spoken
        turns = [np.where(np.arange(len(sound)) // (3 * SAMPLE_RATE) % 2 == party, sound, 0) for party in (0, 1)]
        return np.stack(turns) + noise(len(sound) / SAMPLE_RATE, -70), truth

    @staticmethod
    def leak(voice, gain_db, delay_s):
        """A voice through a line without its lowest and highest frequencies."""
        spectrum = np.fft.rfft(np.roll(voice, round(delay_s * SAMPLE_RATE)))
        hertz = np.fft.rfftfreq(len(voice), 1 / SAMPLE_RATE)
        return np.fft.irfft(spectrum * ((hertz > 300) & (hertz < 3000)), len(voice)) * 10 ** (gain_db / 20)

    @pytest.mark.parametrize(("gain_db", "delay_s"), [(-15, 0.0), (-20, 0.1), (-25, 0.3), (-35, 0.05)])
    def test_of_another_channel_is_not_speech(self, parties, gain_db, delay_s):
        sound, _ = parties
        echoing = sound + np.stack([self.leak(sound[1], gain_db, delay_s), np.zeros(sound.shape[1])])
        expected = [(one.channel, one.start_s) for one in utterances(sound)]
        assert {channel for channel, _ in expected} == {1, 2}
        assert [(one.channel, one.start_s) for one in utterances(echoing)] == expected

    def test_does_not_hide_what_is_said_over_it(self, parties, clips):
        sound, truth = parties
        over = sound.copy()
        start_s = truth[1][0] + 0.2
        start = round(start_s * SAMPLE_RATE)
        over[0, start : start + SAMPLE_RATE] += np.resize(clips[0][8_000:], SAMPLE_RATE) / 4
        over[0] += self.leak(sound[1], -20, 0.1)
        found = [one for one in utterances(over) if one.channel == 1]
        heard = max(
            min(one.end_s * SAMPLE_RATE, start + SAMPLE_RATE) - max(one.start_s * SAMPLE_RATE, start) for one in found
        )
        assert heard > 0.9


class TestGaps:
    def test_inside_an_utterance_are_silence_that_is_counted(self, spoken):
        sound, truth = spoken
        start = round(truth[0][0] + 0.6) * SAMPLE_RATE
        found = utterances(sound, lost=range(start, start + 3200))
        assert_found(found, truth)
        assert [one.dropped_ms for one in found] == [200, 0, 0, 0, 0, 0]
        first = round(found[0].start_s * SAMPLE_RATE)
        assert not found[0].samples[start - first : start - first + 3200].any()

    def test_of_a_day_end_what_goes_on_and_cost_nothing(self, clips):
        day = 24 * 3600
        segmenter = Segmenter(1)
        events = segmenter.feed(AudioBlock(0, clips[0][None, :SAMPLE_RATE]))
        events += segmenter.feed(AudioBlock(day * SAMPLE_RATE, clips[1][None]))
        events += segmenter.flush()
        first, second = [event.utterance for event in events if isinstance(event, SpeechEnded)]
        assert first.end_s < 1.3
        assert second.start_s == pytest.approx(day, abs=0.3)

    def test_that_go_back_are_an_error(self):
        segmenter = Segmenter(1)
        segmenter.feed(AudioBlock(0, np.zeros((1, 1600), np.float32)))
        with pytest.raises(ValueError, match="starts at sample 800, but 1600"):
            segmenter.feed(AudioBlock(800, np.zeros((1, 1600), np.float32)))
