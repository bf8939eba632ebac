"""Alerts posted to a real server that answers as it likes."""

import hashlib
import hmac
import time

import pytest
from waiting import wait_until

from monitor.serve import webhook
from monitor.serve.metrics import Metrics
from monitor.serve.webhook import Webhook

pytestmark = pytest.mark.slow


@pytest.fixture
def hook(receiver, monkeypatch):
    """A function that starts a sender; its `counted` tells how often there was an outcome."""
    monkeypatch.setattr(webhook, "_TRIES_AFTER_S", (0.0, 0.05, 0.05))
    made = []

    def make(url=f"{receiver.url}/alerts"):
        said = []
        metrics = Metrics(said.append)
        made.append(Webhook(url, "secret", metrics))
        made[-1].said = said
        value = metrics.registry.get_sample_value
        made[-1].counted = lambda outcome: value("stser_webhook_total", {"outcome": outcome}) or 0
        return made[-1]

    yield make
    for sender in made:
        sender.close()


@pytest.mark.parametrize(
    ("answers", "tries", "outcome"),
    [
        ([], 1, "sent"),
        ([500, 503], 3, "sent"),
        ([429], 2, "sent"),
        ([500, 500, 500], 3, "failed"),
        ([404], 1, "failed"),
        ([307], 1, "failed"),
    ],
)
def test_a_body_is_signed_and_only_what_may_pass_is_tried_again(receiver, hook, answers, tries, outcome):
    receiver.answers, text = answers, '{"alert": "angry>0.7", "transcript": "ä"}'
    sender = hook()
    sender.run(text)
    wait_until(lambda: sender.counted(outcome) == 1)

    signature = "sha256=" + hmac.new(b"secret", text.encode(), hashlib.sha256).hexdigest()
    assert receiver.came == [("/alerts", signature, text.encode())] * tries
    assert bool(sender.said) is (outcome == "failed")


def test_nobody_waits_for_a_slow_or_missing_receiver(receiver, hook):
    receiver.delay_s = 1.0
    slow, missing = hook(), hook("http://127.0.0.1:9/")
    began = time.monotonic()
    for _ in range(400):
        slow.run("{}")
        missing.run("{}")
    assert time.monotonic() - began < 0.5
    assert slow.counted("dropped") > 100
    wait_until(lambda: missing.said)


def test_what_is_left_at_the_end_is_counted_and_said(receiver, hook, monkeypatch):
    monkeypatch.setattr(webhook, "_AT_END_S", 0.1)
    receiver.delay_s = 1.0
    sender = hook()
    for _ in range(3):
        sender.run("{}")
    wait_until(lambda: receiver.came)
    sender.close()
    assert sender.counted("failed") == 3
    (said,) = sender.said
    assert "3 alerts" in said
