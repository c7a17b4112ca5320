"""Mail is fetched from servers that are odd, slow or broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.fetch_shell import FetchShell, Meter
from tests.support.imap_source import GMAIL, Folder, Message, Source, letter, letters, serving

Serve = Callable[..., Source]


def subjects(shell: FetchShell) -> list[tuple[int, str]]:
    """(number, mailboxes) of all letters."""
    return [(int(mail.data[16:21]), " ".join(sorted(mail.paths))) for mail in shell.mail()]


def inbox(*numbers: int) -> list[tuple[int, str]]:
    return [(number, "INBOX") for number in numbers]


# --- what a server cannot give


def test_a_message_that_the_server_refuses_is_told_of_and_tried_again_the_next_time(
    shell: FetchShell, serve: Serve
) -> None:
    source = serve({"INBOX": Folder(letters(*range(1, 9)))}, refused={3, 6})
    told = shell.fetch(source.port, code=1)
    assert told["copied"] == 6
    assert told["refused"]["first"] == [
        {"key": f"INBOX UID {uid}", "reason": "the server did not give it: the message is damaged"} for uid in (3, 6)
    ]
    source.refused = {6}
    assert shell.fetch(source.port, code=1)["copied"] == 1
    assert subjects(shell) == inbox(1, 2, 3, 4, 5, 7, 8)


def test_a_message_that_is_left_out_is_told_of_but_not_one_that_was_expunged_meanwhile(
    shell: FetchShell, serve: Serve
) -> None:
    source = serve({"INBOX": Folder(letters(*range(1, 6)))}, unsaid={2}, vanishing={4})
    told = shell.fetch(source.port, code=1)
    assert (told["copied"], told["refused"]["count"]) == (3, 1)
    assert told["refused"]["first"][0]["key"] == "INBOX UID 2"


def test_a_message_at_which_the_connection_always_breaks_does_not_stop_the_others(
    shell: FetchShell, serve: Serve, waits: list[float]
) -> None:
    source = serve({"INBOX": Folder(letters(*range(1, 150)))}, deadly={7, 8, 90})
    told = shell.fetch(source.port, code=1)
    assert (told["copied"], told["refused"]["count"]) == (146, 3)
    assert {one["reason"] for one in told["refused"]["first"]} == {"the connection broke each time it was fetched"}
    assert max(waits) == 8


def test_a_folder_that_may_not_be_read_does_not_stop_the_others(shell: FetchShell, serve: Serve) -> None:
    source = serve({"Locked": Folder(letters(1), r"\Forbidden"), "Open": Folder(letters(2))})
    told = shell.fetch(source.port, code=1)
    assert subjects(shell) == [(2, "Open")]
    assert {f["name"]: f["failure"] for f in told["folders"]} == {"Locked": "not for you", "Open": ""}


def test_a_message_larger_than_the_limit_is_not_fetched_at_all(shell: FetchShell, serve: Serve) -> None:
    source = serve({"INBOX": Folder({**letters(1), 2: letter(2, "x" * 5000)})})
    told = shell.fetch(source.port, code=1, PILLARBOX_LIMITS_MAX_SIZE_MESSAGE="4000")
    assert told["refused"]["first"] == [{"key": "INBOX UID 2", "reason": "it is larger than 4000 octets"}]
    assert [c for c in source.commands if "BODY" in c] == ["FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[])"]


def test_a_server_that_understates_sizes_is_believed_as_far_as_the_limit_goes(shell: FetchShell, serve: Serve) -> None:
    small = letter(1, "x" * 3000)
    small.told_size = 0
    large = letter(2, "x" * 9000)
    large.told_size = 0
    source = serve({"INBOX": Folder({1: small, 2: large})})
    told = shell.fetch(source.port, code=1, PILLARBOX_LIMITS_MAX_SIZE_MESSAGE="4000")
    assert (told["copied"], told["refused"]["first"][0]["key"]) == (1, "INBOX UID 2")


def test_when_nothing_fits_any_more_the_fetch_ends_early(shell: FetchShell, serve: Serve) -> None:
    source = serve({"INBOX": Folder({n: Message(b"\r\nno header") for n in range(1, 1200)})})
    told = shell.fetch(source.port, code=1)
    assert told["refused"]["count"] == 200
    assert told["failure"].startswith("200 messages in a row were refused, the last because this is not a message")


# --- servers that ask for patience, or are away


def test_a_server_that_asks_to_wait_is_waited_for(shell: FetchShell, serve: Serve, waits: list[float]) -> None:
    source = serve(
        {"INBOX": Folder(letters(1, 2))},
        refusals=[
            "NO [THROTTLED] slow down",
            "BAD Request is throttled. Suggested Backoff Time: 37500 milliseconds",
            "NO [UNAVAILABLE] later",
        ],
    )
    assert shell.fetch(source.port)["copied"] == 2
    assert waits == [1, 37.5, 4]


def test_a_server_that_stays_away_ends_the_fetch_which_goes_on_the_next_time(
    shell: FetchShell, serve: Serve, waits: list[float]
) -> None:
    source = serve({"INBOX": Folder(letters(*range(1, 60)))}, refusals=["OK"] * 0)

    def go_down(_meter: Meter, _octets: int) -> None:
        source.is_down = True

    source.deadly = {55}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Meter, "advance", go_down)
        told = shell.fetch(source.port, code=1)
    assert told["failure"] == "the server does not want us: come back later (tried 8 times)"
    assert waits == [1, 2, 4, 8, 16, 32, 64]
    source.is_down, source.deadly = False, set()
    again = shell.fetch(source.port)
    assert again["copied"] + told["copied"] == 59
    assert again["duplicates"] == 0
    assert subjects(shell) == inbox(*range(1, 60))


def test_nobody_at_all_is_told_soon(shell: FetchShell, waits: list[float]) -> None:
    with serving(Source({})) as source:
        pass
    told = shell.fetch(source.port, code=1)
    assert "cannot connect to 127.0.0.1" in told["failure"]
    assert waits == [1]


# --- going on, and what has changed


def test_a_memory_that_was_lost_doubles_nothing(shell: FetchShell, serve: Serve) -> None:
    source = serve({"INBOX": Folder(letters(1, 2, 3))})
    shell.fetch(source.port)
    for file in (shell.data / "fetch").iterdir():
        file.unlink()
    again = shell.fetch(source.port)
    assert (again["copied"], again["duplicates"]) == (0, 3)
    assert subjects(shell) == inbox(1, 2, 3)


def test_another_uidvalidity_doubles_nothing_and_removes_what_is_really_gone(shell: FetchShell, serve: Serve) -> None:
    source = serve({"INBOX": Folder(letters(1, 2, 3))})
    shell.fetch(source.port)
    source.folders["INBOX"] = Folder({1: letter(3), 2: letter(1), 3: letter(9)}, uid_validity=8)
    again = shell.fetch(source.port, "--remove-gone")
    assert (again["copied"], again["duplicates"], again["removed"]) == (1, 2, 1)
    assert subjects(shell) == inbox(1, 3, 9)


def test_without_condstore_all_flags_are_compared(shell: FetchShell, serve: Serve) -> None:
    source = serve({"INBOX": Folder(letters(1, 2))}, capabilities="IMAP4rev1")
    shell.fetch(source.port)
    source.folders["INBOX"].messages[2].flags = r"\Seen $Label1"
    assert shell.fetch(source.port)["changed"] == 1
    assert [mail.keywords for mail in shell.mail()] == [frozenset(), {"$seen", "$label1"}]
    source.folders["INBOX"].messages[2].flags = "$Label1"
    assert shell.fetch(source.port)["changed"] == 1
    assert [mail.keywords for mail in shell.mail()] == [frozenset(), {"$label1"}]
    assert not any("CHANGEDSINCE" in command for command in source.commands)


def test_with_condstore_only_what_changed_is_asked_for(shell: FetchShell, serve: Serve) -> None:
    source = serve({"INBOX": Folder(letters(1, 2))})
    shell.fetch(source.port)
    source.commands.clear()
    shell.fetch(source.port)
    assert not any("FLAGS)" in command for command in source.commands)
    source.folders["INBOX"].messages[2].flags, source.folders["INBOX"].messages[2].modseq = r"\Flagged", 5
    assert shell.fetch(source.port)["changed"] == 1
    assert "FETCH 1:2 (UID FLAGS) (CHANGEDSINCE 1)" in source.commands
    assert [mail.keywords for mail in shell.mail()] == [frozenset(), {"$flagged"}]


def test_removing_takes_only_what_no_folder_of_the_source_has_any_more(shell: FetchShell, serve: Serve) -> None:
    source = serve({"A": Folder(letters(1, 2)), "B": Folder(letters(2)), "C": Folder(letters(3))})
    shell.fetch(source.port)
    assert subjects(shell) == [(1, "A"), (2, "A B"), (3, "C")]
    source.folders["A"] = Folder({7: letter(2)})  # the same message, appended anew
    del source.folders["C"]
    told = shell.fetch(source.port, "--remove-gone")
    assert told["removed"] == 2
    assert subjects(shell) == [(2, "A B")]


def test_a_source_that_breaks_off_removes_nothing(shell: FetchShell, serve: Serve) -> None:
    source = serve({"A": Folder(letters(1, 2)), "B": Folder(letters(3))})
    shell.fetch(source.port)
    source.folders["A"] = Folder(letters(1))
    source.folders["B"].attributes = r"\Forbidden"
    told = shell.fetch(source.port, "--remove-gone", code=1)
    assert (told["gone"], told["removed"]) == (1, 0)
    assert len(shell.mail()) == 3
    source.folders["B"].attributes = ""
    assert shell.fetch(source.port, "--remove-gone")["removed"] == 1
    assert subjects(shell) == [(1, "A"), (3, "B")]


def test_a_dry_run_leaves_nothing_behind(shell: FetchShell, serve: Serve) -> None:
    source = serve({"INBOX": Folder(letters(1, 2)), "Work": Folder(letters(3))})
    boxes = set(shell.mailboxes())
    told = shell.fetch(source.port, "--dry-run")
    assert (told["new"], told["copied"]) == (3, 0)
    assert shell.mail() == []
    assert set(shell.mailboxes()) == boxes
    assert shell.fetch(source.port)["copied"] == 3


# --- names


def test_odd_names_of_folders_come_as_they_are_meant(shell: FetchShell, serve: Serve) -> None:
    names = ['with "quotes" and \\', "Entw&APw-rfe", "raw ü", "&-amp", "dots.in.it", "inbox.x"]
    source = serve({name: Folder({n: letter(n)}) for n, name in enumerate(names, 1)}, separator="^")
    assert shell.fetch(source.port)["copied"] == 6
    assert [path for _, path in subjects(shell)] == [
        'with "quotes" and \\', "Entwürfe", "raw ü", "&amp", "dots.in.it", "inbox.x"
    ]  # fmt: skip


def test_a_server_with_everything_below_the_inbox_is_understood_without_namespaces(
    shell: FetchShell, serve: Serve
) -> None:
    folders = {"INBOX": Folder(letters(1)), "INBOX.Sent": Folder(letters(2)), "INBOX.Work.New": Folder(letters(3))}
    source = serve(folders, capabilities="IMAP4rev1", separator=".")
    shell.fetch(source.port)
    assert subjects(shell) == [(1, "INBOX"), (2, "Sent"), (3, "Work/New")]


def test_what_others_share_is_taken_only_when_asked_for(shell: FetchShell, serve: Serve) -> None:
    folders = {"INBOX": Folder(letters(1)), "Shared/Team": Folder(letters(2)), "Users/bob": Folder(letters(3))}
    source = serve(folders, namespace='(("" "/")) (("Users/" "/")) (("Shared/" "/"))')
    shell.fetch(source.port)
    assert subjects(shell) == [(1, "INBOX")]
    shell.fetch(source.port, "--shared", "--exclude", "Users")
    assert subjects(shell) == [(1, "INBOX"), (2, "Shared/Team")]


def test_folders_go_where_they_are_sent(shell: FetchShell, serve: Serve) -> None:
    names = ["INBOX", "Lists", "Lists/jmap", "Old/2001", "Secret", "Secret/deep"]
    source = serve({name: Folder({n: letter(n)}) for n, name in enumerate(names, 1)})
    shell.fetch(
        source.port, "--exclude", "Secret", "--map", "Lists=Groups/All", "--map", "Lists/jmap=JMAP", "--below", "Was"
    )
    assert subjects(shell) == [(1, "Was/INBOX"), (2, "Was/Groups/All"), (3, "Was/JMAP"), (4, "Was/Old/2001")]
    shell.fetch(source.port, "--include", "Sec*")
    assert subjects(shell)[4:] == [(5, "Secret"), (6, "Secret/deep")]


def test_views_of_other_folders_are_left_out(shell: FetchShell, serve: Serve) -> None:
    source = serve(
        {
            "INBOX": Folder(letters(1)),
            "Virtual/All": Folder(letters(1, 2), r"\All"),
            "Virtual": Folder({}, r"\Noselect"),
        }
    )
    told = shell.fetch(source.port)
    assert subjects(shell) == [(1, "INBOX")]
    assert [f["leftOut"] for f in told["folders"]] == ["", "shows messages of other folders"]
    assert "Virtual" not in shell.mailboxes()


# --- Gmail


def gmail(serve: Serve) -> Source:
    def labelled(number: int, labels: str, flags: str = "") -> Message:
        return Message(letter(number).data, flags, labels=labels)

    return serve(
        {
            "INBOX": Folder(letters(1, 3)),
            "Reisen/&ANY-sterreich": Folder(letters(3)),
            "Empty": Folder({}, is_subscribed=False),
            "[Gmail]": Folder({}, r"\Noselect"),
            "[Gmail]/Alle Nachrichten": Folder(
                {
                    1: labelled(1, r'"\\Inbox" "\\Important"', r"\Seen"),
                    2: labelled(2, r'"\\Sent" "\\Starred"', r"\Seen \Flagged"),
                    3: labelled(3, r'"\\Inbox" "Reisen/&ANY-sterreich"'),
                    4: labelled(4, ""),
                },
                r"\All",
            ),
            "[Gmail]/Gesendet": Folder(letters(2), r"\Sent"),
            "[Gmail]/Markiert": Folder(letters(2), r"\Flagged"),
            "[Gmail]/Spam": Folder({9: letter(9)}, r"\Junk"),
            "[Gmail]/Papierkorb": Folder({8: letter(8)}, r"\Trash"),
        },
        capabilities=GMAIL,
    )


def test_each_message_of_gmail_comes_once_with_its_labels(shell: FetchShell, serve: Serve) -> None:
    source = gmail(serve)
    told = shell.fetch(source.port)
    assert (told["copied"], told["duplicates"]) == (6, 0)
    assert subjects(shell) == [
        (1, "INBOX"),
        (2, "Sent"),
        (3, "INBOX Reisen/Österreich"),
        (4, "Archive"),
        (8, "Trash"),
        (9, "Junk"),
    ]
    assert [mail.keywords for mail in shell.mail()][:4] == [
        {"$seen", "$important"}, {"$seen", "$flagged"}, frozenset(), frozenset()
    ]  # fmt: skip
    assert not shell.mailboxes()["Empty"].is_subscribed
    assert not any(path.startswith("[Gmail]") for path in shell.mailboxes())


def test_labels_that_change_at_gmail_move_the_message(shell: FetchShell, serve: Serve) -> None:
    source = gmail(serve)
    shell.fetch(source.port)
    everything = source.folders["[Gmail]/Alle Nachrichten"].messages
    everything[1].labels = r'"Work"'
    assert shell.fetch(source.port)["changed"] == 1
    assert subjects(shell)[0] == (1, "INBOX Work")
    everything[3].labels = r'"Reisen/&ANY-sterreich"'
    told = shell.fetch(source.port, "--remove-gone")
    assert told["changed"] == 1
    assert subjects(shell)[2] == (3, "Reisen/Österreich")
    assert shell.mail()[0].keywords == {"$seen"}


def test_labels_can_be_left_out_and_sent_elsewhere(shell: FetchShell, serve: Serve) -> None:
    source = gmail(serve)
    shell.fetch(source.port, "--exclude", "INBOX", "--exclude", "Archive", "--map", "Reisen=Travels")
    assert [one for one in subjects(shell) if one[0] < 8] == [(2, "Sent"), (3, "Travels/Österreich")]
    assert not any("BODY" in c and c.startswith(("FETCH 1", "FETCH 4")) for c in source.commands)
