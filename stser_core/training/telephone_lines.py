"""Telephone lines: one that is always the same, and random ones (noise, colour, band, level, clipping, codec).

In training, clips come over random lines like those of real calls, whatever their label, so that the line says nothing
about the emotion. Noise is partly that of the pauses of routine calls.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import av
import numpy as np
import torch
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from torchaudio import functional

from stser_core.config import SAMPLE_RATE

Sound = NDArray[np.float32]

_NARROW = 8_000


class Codec(NamedTuple):
    """A codec of FFmpeg: its encoder and decoder, and how it is drawn."""

    encoder: str
    decoder: str
    rates: tuple[int, ...]  # sample rates that it takes
    bit_rates: tuple[int, ...]  # bits a second; one is drawn. 0 for the codec's own
    weight: float  # how often it is drawn


_CODECS = (
    Codec("pcm_mulaw", "pcm_mulaw", (8_000,), (0,), 0.25),
    Codec("pcm_alaw", "pcm_alaw", (8_000,), (0,), 0.12),
    Codec("libopus", "libopus", (8_000, 16_000), (8_000, 12_000, 16_000, 24_000), 0.2),
    Codec("libopencore_amrnb", "amrnb", (8_000,), (4_750, 5_900, 7_950, 12_200), 0.12),
    Codec("libgsm", "gsm", (8_000,), (0,), 0.06),
    Codec("adpcm_ima_wav", "adpcm_ima_wav", (8_000, 16_000), (0,), 0.05),
    Codec("g722", "g722", (16_000,), (0,), 0.05),
)
_NO_CODEC = 0.1


@cache
def available_codecs() -> tuple[Codec, ...]:
    """The codecs that this build of PyAV can encode and decode."""

    def works(codec: Codec) -> bool:
        try:
            transcoded(np.zeros(codec.rates[0] // 4, dtype=np.float32), codec, codec.rates[0], codec.bit_rates[0])
        except (av.FFmpegError, ValueError):
            return False
        return True

    return tuple(codec for codec in _CODECS if works(codec))


def random_line(sound: Sound, rng: Generator, pauses: Sequence[Sound] = ()) -> Sound:
    """Send sound, float32 [n] in −1…1, 16 kHz, over a random line, perhaps with noise of `pauses`; its length stays."""
    codecs = (None, *available_codecs())
    weights = np.array([_NO_CODEC if one is None else one.weight for one in codecs])
    codec = codecs[int(rng.choice(len(codecs), p=weights / weights.sum()))]
    rates = (_NARROW, SAMPLE_RATE) if codec is None else codec.rates
    line_rate = int(rng.choice(rates))
    sound = sound / np.float32(np.abs(sound).max() + 1e-6) * np.float32(10 ** (-rng.uniform(1, 20) / 20))
    if rng.random() < 0.75:
        if pauses and rng.random() < 0.6:
            pause = pauses[int(rng.integers(len(pauses)))]
            noise = np.roll(pause, int(rng.integers(len(pause))))
        else:
            noise = coloured_noise(len(sound), rng)
        sound = with_noise(sound, noise, rng.uniform(12, 45))
    if rng.random() < 0.5:
        sound = tilted(sound, rng.uniform(-4, 4))
    line = torch.from_numpy(np.ascontiguousarray(sound))
    if line_rate != SAMPLE_RATE:
        line = functional.resample(line, SAMPLE_RATE, line_rate, lowpass_filter_width=32)
        if rng.random() < 0.8:
            line = functional.highpass_biquad(line, line_rate, float(rng.uniform(150, 350)))
        if rng.random() < 0.6:
            line = functional.lowpass_biquad(line, line_rate, float(rng.uniform(3_000, 3_700)))
    if rng.random() < 0.08:
        line = (line * float(rng.uniform(1.5, 4))).clamp(-1, 1)  # clipping
    carried = np.clip(line.numpy(), -0.98, 0.98)
    if codec is not None:
        carried = transcoded(carried, codec, line_rate, int(rng.choice(codec.bit_rates)))
    if line_rate != SAMPLE_RATE:
        carried = functional.resample(torch.from_numpy(carried), line_rate, SAMPLE_RATE).numpy()
    return _of_length(carried, len(sound))


def telephone_band(sound: Sound) -> Sound:
    """Sound, float32 [..., n] in −1…1, 16 kHz, over a telephone: 300 to 3400 Hz, 8 kHz, µ-law (ITU-T G.712, G.711)."""
    line = torch.from_numpy(np.ascontiguousarray(sound))
    line = functional.resample(line, SAMPLE_RATE, _NARROW, lowpass_filter_width=32, rolloff=0.85)
    for q in (0.5412, 1.3066):  # two sections of a fourth-order Butterworth high-pass
        line = functional.highpass_biquad(line, _NARROW, 300.0, q)
    wide: Sound = functional.resample(mu_law(line), _NARROW, SAMPLE_RATE, lowpass_filter_width=32).numpy()
    return wide[..., : sound.shape[-1]]


def mu_law(line: torch.Tensor) -> torch.Tensor:
    """Sound in −1…1 as 8-bit µ-law carries it."""
    carried: torch.Tensor = functional.mu_law_decoding(functional.mu_law_encoding(line.clamp(-1.0, 1.0), 256), 256)
    return carried


def level(sound: Sound) -> float:
    """Root mean square, above 0."""
    return float(np.sqrt(np.square(sound, dtype=np.float64).mean())) or 1e-9


def with_noise(sound: Sound, noise: Sound, below_db: float) -> Sound:
    """Add noise, repeated as often as needed, so many dB below the sound."""
    repeated = np.resize(noise, len(sound))
    gain = 10 ** (-below_db / 20) * level(sound) / level(repeated)
    return np.clip(sound + repeated * np.float32(gain), -1, 1)


def coloured_noise(length: int, rng: Generator) -> Sound:
    """White to brown noise, float32 [length]."""
    fast = next_fast_len(length, real=True)
    spectrum = rfft(rng.standard_normal(fast, dtype=np.float32))
    spectrum *= np.maximum(np.arange(len(spectrum), dtype=np.float32), 1) ** np.float32(-rng.uniform(0.0, 1.0))
    noise: Sound = irfft(spectrum, fast)[:length]
    return noise


def tilted(sound: Sound, db_an_octave: float) -> Sound:
    """Colour sound by so many dB an octave around 1 kHz."""
    fast = next_fast_len(len(sound), real=True)
    hertz = np.maximum(np.fft.rfftfreq(fast, 1 / SAMPLE_RATE), 100).astype(np.float32)
    gains = 10 ** (np.float32(db_an_octave / 20) * np.log2(hertz / 1_000))
    coloured: Sound = irfft(rfft(sound, fast) * gains, fast)[: len(sound)]
    return np.clip(coloured, -1, 1)


def transcoded(sound: Sound, codec: Codec, rate: int, bit_rate: int) -> Sound:
    """Encode and decode sound of the codec's own sample rate; the length stays."""
    encoder: Any = av.CodecContext.create(codec.encoder, "w")
    encoder.sample_rate, encoder.layout, encoder.time_base = rate, "mono", Fraction(1, rate)
    formats = [one.name for one in encoder.codec.audio_formats or ()]
    encoder.format = next((one for one in ("s16", "s16p") if one in formats), "s16")
    if bit_rate:
        encoder.bit_rate = bit_rate
    encoder.open()
    size = encoder.frame_size or max(1, len(sound))
    samples = (np.clip(sound, -1, 1) * 32_767).astype(np.int16)
    samples = np.pad(samples, (0, -len(samples) % size + size))
    packets = []
    for start in range(0, len(samples), size):
        frame = AudioFrame.from_ndarray(samples[None, start : start + size], format=encoder.format.name, layout="mono")
        frame.sample_rate, frame.pts = rate, start
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder: Any = av.CodecContext.create(codec.decoder, "r")
    decoder.sample_rate, decoder.layout = rate, "mono"
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    resampler = AudioResampler(format="flt", layout="mono", rate=rate)
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    for frame in frames:
        frame.pts = None
    pieces = [piece.to_ndarray()[0] for frame in (*frames, None) for piece in resampler.resample(frame)]
    return _of_length(np.concatenate(pieces).astype(np.float32), len(sound))


def _of_length(sound: Sound, length: int) -> Sound:
    held = np.clip(sound[:length], -1, 1)
    return np.ascontiguousarray(np.pad(held, (0, length - len(held))), dtype=np.float32)
