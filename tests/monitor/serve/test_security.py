"""Signatures, loopback addresses and paces; test_server.py asks a real server with tokens and origins."""

import pytest

from monitor.serve import security
from monitor.serve.security import Access, DeniedError, Limits, Pace, is_loopback, twilio_signature


def test_the_signature_is_that_of_twilios_documentation():
    form = "CallSidCA1234567890ABCDECaller+14158675309Digits1234From+14158675309To+18005551212"
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"

    assert twilio_signature("12345", url + form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_twilio_signs_the_address_that_it_calls():
    def signed(url, access):
        headers = {"host": "monitor.example", "x-twilio-signature": twilio_signature("token", url)}
        return access.twilio_signed(headers, "/media/twilio", "")

    assert signed("ws://monitor.example/media/twilio", Access("secret", "token"))
    assert not signed("ws://monitor.example/media/twilio", Access("secret"))
    with pytest.raises(DeniedError):
        signed("wss://other.example/media/twilio", Access("secret", "token"))


def test_loopback_is_this_machine_alone():
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.evil.example")))


def test_messages_have_a_pace(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(security.time, "monotonic", lambda: now[0])
    pace = Pace(Limits(messages_per_s=100, burst=10))

    assert [pace.wait_s() for _ in range(12)] == pytest.approx([0.0] * 10 + [0.01, 0.02])
    now[0] += 1.0
    assert pace.wait_s() == 0.0
