import pytest

from monitor.roles import Role, merged, roles
from stser_core.errors import UsageError


def test_without_names_speakers_are_numbered_and_mix_is_one_however_many_channels():
    assert roles(None, 2, "call.wav", score_agents=False) == (Role("speaker1"), Role("speaker2"))
    assert roles("mix", 6, "film.mkv", score_agents=False) == (Role("mixed"),)


def test_an_agent_is_not_scored_unless_asked_for():
    given = roles("customer, Agent", 2, "call.wav", score_agents=False)
    assert given == (Role("customer", scored=True), Role("Agent", scored=False))
    assert all(role.scored for role in roles("customer,agent", 2, "call.wav", score_agents=True))


@pytest.mark.parametrize(
    ("names", "present", "why"),
    [
        ("a,b,c", 2, "3 channels .* has 2 channels"),
        ("customer", 2, "1 channel .* has 2 channels"),
        ("customer,agent", 1, "2 channels .* has 1 channel"),
        ("a,", 2, "empty name"),
        ("", 2, "empty name"),
        ("a,a", 2, "a twice"),
    ],
)
def test_a_name_for_each_channel_is_asked_for(names, present, why):
    with pytest.raises(UsageError, match=why):
        roles(names, present, "call.wav", score_agents=False)


def test_identical_channels_become_one_speaker_who_is_not_scored_where_an_agent_may_be_heard():
    assert merged(roles(None, 2, "x", score_agents=False), named=False) == Role("speaker1")
    assert merged(roles("left,right", 2, "x", score_agents=False), named=True) == Role("mixed")
    assert not merged(roles("customer,agent", 2, "x", score_agents=False), named=True).scored
    assert merged(roles("customer,agent", 2, "x", score_agents=True), named=True).scored
