"""The text index: words, prefixes, phrases, CJK, diacritics, case; no text is an error (RFC 8621 §4.4.1)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.mail_house import House, message


@pytest.fixture
def library(house: House) -> tuple[House, dict[str, str]]:
    texts = {
        "plain": message("Quarterly report", "The quick brown fox jumps over the lazy dog."),
        "accents": message("Café Zürich", "naïve résumé, Łódź"),
        "cjk": message("会議のお知らせ", "明日の会議は東京で行います。한국어 문장"),
        "html": message("Markup", "<p>tick<b>tock</b> &amp; <i>hidden</i></p>", headers={"Content-Type": "text/html"}),
        "odd": message("Foo-bar_baz 3.14", 'don\'t say "hello world" C++ user@host.example'),
    }
    return house, {house.add(data): name for name, data in texts.items()}


FOUND = [
    ({"text": "quick"}, "plain"),
    ({"text": "QUICK"}, "plain"),
    ({"text": "quic"}, ""),
    ({"text": "quic*"}, "plain"),
    ({"text": "fox quick"}, "plain"),
    ({"text": "fox absent"}, ""),
    ({"text": '"quick brown"'}, "plain"),
    ({"text": '"brown quick"'}, ""),
    ({"text": '"quick bro"'}, ""),
    ({"text": '"quick bro"*'}, "plain"),
    ({"text": "'quick bro'*"}, "plain"),
    ({"text": '"uick bro"*'}, ""),
    ({"text": '"quick" bro*'}, "plain"),
    ({"text": '"quick brown fox jumps over the la"* report'}, "plain"),
    ({"text": "\"...'*"}, ""),
    ({"text": '"会議の"*'}, "cjk"),
    ({"subject": '"caf"*'}, "accents"),
    ({"text": "'quick brown'"}, "plain"),
    ({"text": "'brown quick'"}, ""),
    ({"text": '"say \\"hello world\\" c"'}, "odd"),
    ({"text": "don't"}, "odd"),
    ({"text": "cafe"}, "accents"),
    ({"text": "CAFÉ"}, "accents"),
    ({"text": "zurich"}, "accents"),
    ({"text": "resume"}, "accents"),
    ({"text": "Łódź"}, "accents"),
    ({"text": "会議"}, "cjk"),
    ({"text": "東京"}, "cjk"),
    ({"text": "京東"}, ""),
    ({"subject": "会議"}, "cjk"),
    ({"body": "会議"}, "cjk"),
    ({"text": "한국"}, "cjk"),
    ({"subject": "quick"}, ""),
    ({"subject": "report"}, "plain"),
    ({"body": "report"}, ""),
    ({"from": "ann"}, "plain accents cjk html odd"),
    ({"from": "ann@example.org"}, "plain accents cjk html odd"),
    ({"to": "ann"}, ""),
    ({"to": "bob"}, "plain accents cjk html odd"),
    ({"body": "tock"}, ""),
    ({"body": "ticktock"}, "html"),
    ({"body": "amp"}, ""),
    ({"subject": "foo-bar_baz"}, "odd"),
    ({"text": "3.14"}, "odd"),
    ({"body": "user@host.example"}, "odd"),
    ({"text": "!?.,"}, ""),
    ({"text": ""}, ""),
    ({"text": "*"}, ""),
    ({"text": "NOT"}, ""),
    ({"text": "fox NOT quick"}, ""),
    ({"text": "fox OR absent"}, ""),
    ({"text": "subject:report"}, ""),
    ({"text": "aa1"}, ""),
    ({"text": "quick\x00brown"}, "plain"),
    ({"text": '"quick'}, "plain"),
    ({"operator": "OR", "conditions": [{"text": "quick"}, {"subject": "zurich"}]}, "plain accents"),
    ({"operator": "NOT", "conditions": [{"text": "quick"}, {"subject": "zurich"}]}, "cjk html odd"),
    ({"operator": "AND", "conditions": [{"text": "quick"}, {"body": "dog"}]}, "plain"),
    ({"operator": "NOT", "conditions": [{"text": "..."}]}, "plain accents cjk html odd"),
]


@pytest.mark.parametrize(("filter", "names"), FOUND, ids=[str(filter) for filter, _ in FOUND])
def test_a_text_finds(library: tuple[House, dict[str, str]], filter: dict[str, object], names: str) -> None:
    house, known = library
    assert sorted(known[id] for id in house.query(filter=filter)) == sorted(names.split())


def test_a_search_stays_in_its_account(library: tuple[House, dict[str, str]]) -> None:
    house, _ = library
    house.add(message("Quarterly report", "quick"), account="a2")
    assert len(house.query(filter={"text": "quick"})) == 1
    assert len(house.query(filter={"text": "quick"}, accountId="a2")) == 1


def test_a_message_is_found_until_it_is_gone(house: House) -> None:
    first = house.add(message("One", "singular"))
    answers = house.request(
        (
            "Email/set",
            {"destroy": [first], "create": {"d": {"mailboxIds": {house.box["drafts"]: True}, "subject": "plural"}}},
        ),
        ("Email/query", {"filter": {"text": "singular"}}),
        ("Email/query", {"filter": {"text": "plural"}}),
    )
    assert answers[1][1]["ids"] == []
    assert answers[2][1]["ids"] == [answers[0][1]["created"]["d"]["id"]]


def test_attachment_names_are_found(house: House) -> None:
    part = 'text/plain; charset=utf-8; name="Budget-2023.txt"'
    id = house.add(
        message("x", "y", headers={"Content-Type": part, "Content-Disposition": 'attachment; filename="Budget.xls"'})
    )
    assert house.query(filter={"text": "budget"}) == [id]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(
        st.sampled_from(
            ["a", "*", '"', "'", "\\", "(", ")", ":", "^", "-", "+", "{", "}", " ", "\x00", "é", "漢", "𝄞", "\ud7ff"]
        ),
        max_size=12,
    )
)
def test_no_text_is_an_error(library: tuple[House, dict[str, str]], text: str) -> None:
    house, _ = library
    for name in ("text", "subject", "body"):
        house.query(filter={name: text})
        house.query(filter={"operator": "NOT", "conditions": [{name: text}]})
    house.call("SearchSnippet/get", filter={"text": text}, emailIds=house.query())
