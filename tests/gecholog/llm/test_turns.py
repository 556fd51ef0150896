from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.chat import Message, Role, Text, ToolCall, ToolResult
from gecholog.llm.turns import Turn, system_texts, turns_of

PARTS = st.lists(st.builds(Text, st.text(max_size=3)) | st.builds(ToolResult, st.text(max_size=3)), max_size=3).map(
    tuple
)
MESSAGES = st.lists(st.builds(Message, st.sampled_from(Role), PARTS), max_size=6).map(tuple)


def test_messages_of_one_role_are_one_turn_with_its_results_first() -> None:
    call, result = ToolCall("a", "look", "{}"), ToolResult("a")
    messages = (
        Message(Role.SYSTEM, (Text("s"),)),
        Message(Role.ASSISTANT, (call,)),
        Message(Role.USER, (Text("x"),)),
        Message(Role.SYSTEM, (Text(""), Text("t"))),
        Message(Role.USER, (result,)),
    )
    assert turns_of(messages) == [
        Turn(Role.ASSISTANT, (), (call,)),
        Turn(Role.USER, (result,), (Text("x"),)),
    ]
    assert system_texts(messages) == [Text("s"), Text("t")]


@given(MESSAGES)
def test_no_part_is_lost_and_roles_take_turns(messages: tuple[Message, ...]) -> None:
    turns = turns_of(messages)
    assert all(one.role is not other.role for one, other in pairwise(turns))
    kept = sorted(str(part) for turn in turns for part in (*turn.results, *turn.parts))
    assert kept == sorted(
        str(part) for message in messages if message.role is not Role.SYSTEM for part in message.parts
    )
