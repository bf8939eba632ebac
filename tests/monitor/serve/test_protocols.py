"""Messages of each protocol, as its documents show them, and as nobody should send them."""

import base64
import json
import random
import time
from functools import partial
from uuid import UUID

import av
import numpy as np
import pytest

from monitor.serve.protocols import (
    A_LAW,
    MU_LAW,
    AudioSocketDecoder,
    End,
    PcmDecoder,
    ProtocolError,
    Sound,
    Start,
    TwilioDecoder,
)
from monitor.serve.tracks import Tracks

CALL = UUID("12345678-1234-5678-1234-567812345678")
SAMPLES = (8000 * np.sin(np.arange(320) / 5)).astype("<i2")


def twilio_start(tracks=("inbound", "outbound"), **changes):
    about = {
        "accountSid": "AC1",
        "callSid": "CA1",
        "streamSid": "MZ1",
        "tracks": tracks,
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "secret"},
    }
    return {"event": "start", "sequenceNumber": "1", "start": {**about, **changes}, "streamSid": "MZ1"}


def media(payload=b"\xff\x00", track="inbound", chunk="1", timestamp="5"):
    content = {"track": track, "chunk": chunk, "timestamp": timestamp, "payload": base64.b64encode(payload).decode()}
    return {"event": "media", "sequenceNumber": "4", "media": content, "streamSid": "MZ1"}


def audiosocket(kind, payload=b""):
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


def fed(decoder, *messages):
    return [made for message in messages for made in decoder.feed(message)]


def joined(start, sounds):
    assert all(start.decode(sound.data).shape[1] == sound.length for sound in sounds)
    return start.decode(b"".join(sound.data for sound in sounds))


@pytest.mark.parametrize(("codec", "table"), [("pcm_mulaw", MU_LAW), ("pcm_alaw", A_LAW)])
def test_g711_is_that_of_ffmpeg(codec, table):
    decoder = av.CodecContext.create(codec, "r")
    decoder.sample_rate, decoder.layout = 8000, "mono"
    (frame,) = decoder.decode(av.Packet(bytes(range(256))))

    assert (table * 32768).astype(np.int16).tolist() == frame.to_ndarray().ravel().tolist()


def test_twilio_tells_its_call_and_its_tracks():
    messages = [
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        twilio_start(),
        media(),
        media(track="outbound", timestamp="25", chunk="2"),
        {"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "1"}},
        {"event": "mark", "streamSid": "MZ1", "mark": {"name": "m"}},
        {"event": "stop", "sequenceNumber": "5", "stop": {"accountSid": "AC1", "callSid": "CA1"}},
    ]
    start, first, second, end = fed(TwilioDecoder(), *map(json.dumps, messages))

    assert start == Start("CA1", 8000, (0, 1), "secret")
    assert (first.channel, first.at_ms, first.number) == (0, 5, 1)
    assert joined(start, [first]).tolist() == [[MU_LAW[255], MU_LAW[0]]]
    assert (second.channel, second.at_ms, second.number) == (1, 25, 2)
    assert end == End()


@pytest.mark.parametrize("tracks", [["outbound"], ["inbound"], ["outbound", "inbound"]])
def test_twilio_may_send_one_track(tracks):
    (start,) = TwilioDecoder().feed(json.dumps(twilio_start(tracks)))

    assert start.places == tuple(place for place, track in enumerate(("inbound", "outbound")) if track in tracks)


def test_telnyx_has_the_same_envelope():
    content = {"call_control_id": "v3:1", "media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1}}
    messages = [{"event": "start", "sequence_number": "1", "start": content, "stream_id": "32DE"}, media(b"\x55")]
    start, sound = fed(TwilioDecoder(["inbound_track"]), *map(json.dumps, messages))

    assert start == Start("v3:1", 8000, (0,))
    assert joined(start, [sound]).tolist() == [[A_LAW[0x55]]]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_pcm_may_be_cut_anywhere(size):
    data = SAMPLES.tobytes()
    start, *sounds = fed(PcmDecoder("x", 16_000, 2), *(data[at : at + size] for at in range(0, len(data), size)))

    assert start == Start("x", 16_000, (0, 1))
    assert (joined(start, sounds) * 32768).tolist() == SAMPLES.reshape(-1, 2).T.tolist()


@pytest.mark.parametrize(("size", "kind", "rate"), [(1, 0x10, 8_000), (5, 0x12, 16_000), (10_000, 0x18, 192_000)])
def test_audiosocket_may_be_cut_anywhere(size, kind, rate):
    data = audiosocket(0x01, CALL.bytes) + audiosocket(kind, SAMPLES.tobytes()) + audiosocket(0x03, b"5")
    data += audiosocket(kind, SAMPLES[:10].tobytes()) + audiosocket(0x00)
    start, *sounds, end = fed(AudioSocketDecoder(), *(data[at : at + size] for at in range(0, len(data), size)))

    assert start == Start(str(CALL), rate)
    assert (joined(start, sounds) * 32768).tolist() == [[*SAMPLES.tolist(), *SAMPLES[:10].tolist()]]
    assert end == End()


def test_audiosocket_is_that_of_another_codec():
    """Bytes that npm's asterisk-audiosocket 0.1.0 has made."""
    data = bytes.fromhex("01001040325ec25efd4bd3805f53576e581d13100008004000c0ff7f0080ff000101000000")
    start, sound, end, _ = AudioSocketDecoder().feed(data)

    assert start == Start("40325ec2-5efd-4bd3-805f-53576e581d13", 8_000)
    assert joined(start, [sound]).tolist() == [[0.5, -0.5, 32767 / 32768, -1.0]]
    assert end == End()


@pytest.mark.parametrize(
    ("decoder", "messages"),
    [
        *(
            (TwilioDecoder, [one if isinstance(one, str) else json.dumps(one) for one in messages])
            for messages in (
                ["not JSON"],
                ["[]"],
                ["[" * 100_000],
                [{"event": "start"}],
                [media()],
                [twilio_start(), twilio_start()],
                [twilio_start(mediaFormat={"encoding": "opus", "sampleRate": 48000})],
                [twilio_start(tracks=["sideways"])],
                [twilio_start(), media(timestamp="-1")],
                [twilio_start(), media(chunk="99999999999999999999999999")],
                [twilio_start(), {"event": "media", "media": {"payload": "=a", "track": "inbound"}}],
                [twilio_start(), {"event": "media", "media": {"payload": "é", "track": "inbound"}}],
            )
        ),
        *((partial(PcmDecoder, "x", *form), []) for form in ((100, 1), (1_000_000, 1), (16_000, 0), (16_000, 99))),
        (partial(PcmDecoder, "x", 16_000, 1), ["text"]),
        *(
            (AudioSocketDecoder, [data])
            for data in (
                audiosocket(0x10, b"1234"),
                audiosocket(0x01, b"short"),
                audiosocket(0x01, CALL.bytes) * 2,
                audiosocket(0x01, CALL.bytes) + audiosocket(0x10, b"123"),
                audiosocket(0x01, CALL.bytes) + audiosocket(0x10, b"12") + audiosocket(0x12, b"12"),
                b"GET / HTTP/1.1\r\n" * 2_000,
            )
        ),
    ],
)
def test_what_is_not_of_the_protocol_is_refused(decoder, messages):
    with pytest.raises(ProtocolError):
        fed(decoder(), *messages)


def mutated(data, chance):
    """Some of the bytes changed, lost, doubled or cut off."""
    made = bytearray(data)
    for _ in range(chance.randrange(4)):
        place = chance.randrange(len(made)) if made else 0
        match chance.randrange(5):
            case 0:
                made[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del made[place : place + chance.randrange(20)]
            case 2:
                made[place:place] = made[: chance.randrange(40)]
            case 3:
                made = made[:place]
            case 4:
                made[place:place] = str(chance.choice([-1, 0, 2**31, 2**53, 10**30, 1e400, "null", "{"])).encode()
    return bytes(made)


def twilio_messages(chance):
    yield json.dumps(twilio_start()).encode()
    at = 0
    while True:
        at += chance.choice([20, 20, 20, 0, -20, 40, 10_000, -(10**6), 10**9])
        track, chunk = chance.choice(["inbound", "outbound", "x"]), str(chance.choice([at // 20, 1, 2**52]))
        yield json.dumps(media(bytes(chance.randrange(400)), track, chunk, str(max(0, at)))).encode()


def pcm_messages(chance):
    while True:
        yield chance.randbytes(chance.randrange(2_000))


def audiosocket_messages(chance):
    yield audiosocket(0x01, CALL.bytes)
    while True:
        yield audiosocket(chance.choice([0x10] * 20 + [0x03, 0x12, 0x00, 0x7F]), bytes(chance.choice([320, 0, 7, 640])))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decoder", "messages"),
    [
        (TwilioDecoder, twilio_messages),
        (partial(PcmDecoder, "x", 8_000, 2), pcm_messages),
        (AudioSocketDecoder, audiosocket_messages),
    ],
)
def test_hostile_messages_are_taken_or_refused(decoder, messages):
    """20,000 of each: blocks follow each other in time, little is held, and nothing takes long."""
    chance = random.Random(1)
    refused = sent = 0
    began = time.process_time()
    while sent < 20_000:
        stream, start, tracks, position = decoder(), None, None, 0
        for number, message in enumerate(messages(chance)):
            sent += 1
            data = message if number == 0 or chance.random() < 0.9 else mutated(message, chance)
            try:
                made = stream.feed(data)
            except ProtocolError:
                refused += 1
                break
            for one in made:
                if isinstance(one, Start):
                    start, tracks = one, Tracks(one.rate, len(one.places))
                elif isinstance(one, Sound):
                    tracks.place(one, start.decode(one.data), 0.0, number * 0.02 + 5.0)
                    for block in tracks.blocks():
                        assert block.start >= position
                        assert np.isfinite(block.samples).all()
                        position = block.end
            if number > 300 or End() in made:
                break

    assert refused > 50 or decoder is not TwilioDecoder
    assert time.process_time() - began < 60
