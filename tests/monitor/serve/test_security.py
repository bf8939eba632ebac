"""Tokens, origins, signatures and paces."""

import pytest

from monitor.serve import security
from monitor.serve.security import Access, Limits, Pace, is_loopback, twilio_signature


def test_the_signature_is_that_of_twilios_documentation():
    form = "CallSidCA1234567890ABCDECaller+14158675309Digits1234From+14158675309To+18005551212"
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"

    assert twilio_signature("12345", url + form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("wss://monitor.example/media/twilio", True),
        ("ws://monitor.example/media/twilio", True),
        ("wss://monitor.example/media/twilio?x=1", False),
        ("wss://other.example/media/twilio", False),
    ],
)
def test_twilio_signs_the_address(url, signed):
    headers = {"host": "monitor.example", "x-twilio-signature": twilio_signature("token", url)}

    assert Access("secret", "token").twilio_signed(headers, "/media/twilio", "") is signed
    assert not Access("secret").twilio_signed(headers, "/media/twilio", "")
    assert not Access("secret", "token").twilio_signed({"host": "monitor.example"}, "/media/twilio", "")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback_is_this_machine_alone(host, loopback):
    assert is_loopback(host) is loopback
    assert not is_loopback("10.0.0.1") and not is_loopback("localhost.evil.example")


def test_messages_have_a_pace(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(security.time, "monotonic", lambda: now[0])
    pace = Pace(Limits(messages_per_s=100, burst=10))

    assert [pace.wait_s() for _ in range(9)] == [0.0] * 9
    waits = [pace.wait_s() for _ in range(3)]
    assert waits == pytest.approx([0.0, 0.01, 0.02])
    now[0] += 1.0
    assert pace.wait_s() == 0.0
