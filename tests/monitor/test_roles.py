import pytest

from monitor.roles import Role, merged, roles
from stser_core.errors import UsageError


def test_without_names_speakers_are_numbered():
    assert roles(None, 2, "call.wav", score_agents=False) == (Role("speaker1"), Role("speaker2"))


def test_mix_is_one_lane_however_many_channels():
    assert roles("mix", 6, "film.mkv", score_agents=False) == (Role("mixed"),)


def test_an_agent_is_not_scored_unless_asked_for():
    given = roles("customer, Agent", 2, "call.wav", score_agents=False)
    assert given == (Role("customer", scored=True), Role("Agent", scored=False))
    assert all(role.scored for role in roles("customer,agent", 2, "call.wav", score_agents=True))


@pytest.mark.parametrize(("names", "present"), [("a,b,c", 2), ("customer", 2), ("customer,agent", 1)])
def test_the_message_names_both_numbers(names, present):
    with pytest.raises(UsageError) as caught:
        roles(names, present, "call.wav", score_agents=False)
    assert str(len(names.split(","))) in str(caught.value)
    assert f"has {present} channel" in str(caught.value)


@pytest.mark.parametrize("names", ["a,", ",b", "", " , "])
def test_an_empty_name_is_refused(names):
    with pytest.raises(UsageError, match="empty name"):
        roles(names, 2, "call.wav", score_agents=False)


def test_a_name_for_two_channels_is_refused():
    with pytest.raises(UsageError, match="a twice"):
        roles("a, b,a", 3, "call.wav", score_agents=False)


def test_identical_channels_become_one_speaker():
    assert merged(roles(None, 2, "x", score_agents=False), named=False) == Role("speaker1")
    assert merged(roles("left,right", 2, "x", score_agents=False), named=True) == Role("mixed")


def test_identical_channels_are_not_scored_where_an_agent_may_be_heard():
    assert not merged(roles("customer,agent", 2, "x", score_agents=False), named=True).scored
    assert merged(roles("customer,agent", 2, "x", score_agents=True), named=True).scored
