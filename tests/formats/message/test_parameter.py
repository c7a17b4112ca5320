import pytest

from pillarbox.formats.message.parameter import join_continuations, parse_parameters


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        (';a=b; name="x"', {"a": "b", "name": "x"}),
        (';name*0="one "; name*1=two', {"name": "one two"}),
        (";name*1=two; a=b; name*0=one", {"a": "b", "name": "onetwo"}),
        (";name*0*=utf-8'de'%C3%A9; name*1=\"a b%\"; name*2*=%20c", {"name*": "utf-8'de'%C3%A9a%20b%25%20c"}),
        (";name*0=plain; name*1*=%20x", {"name*": "''plain%20x"}),
        (";name*=utf-8''whole; name*0=piece", {"name*": "utf-8''whole", "name*0": "piece"}),
        (";name*1=orphan", {"name*1": "orphan"}),
        (";name*0=one; name*2=three", {"name": "one", "name*2": "three"}),
    ],
)
def test_pieces_of_a_parameter_are_put_together(text: str, joined: dict[str, str]) -> None:
    assert join_continuations(parse_parameters(text)) == joined
