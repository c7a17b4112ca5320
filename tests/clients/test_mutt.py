"""mutt and neomutt on a terminal, over TLS: they list, read, flag, delete and save what they are told by keys."""

import pytest

from tests.clients.imap_place import Place, message, needs

# What they would ask a person, or wait for, is answered here.
_SETTINGS = """\
set ssl_ca_certificates_file="{authority}"
set ssl_force_tls=yes
set imap_user="{user}"
set imap_pass="{password}"
set folder="imaps://{host}:{port}/"
set spoolfile="+INBOX"
set record="" postponed="+Drafts"
unset resolve
set move=no quit=yes delete=yes confirmappend=no mark_old=no sleep_time=0 wait_key=no sort=date
set header_cache="" imap_idle={idle} imap_qresync={qresync} imap_condstore={qresync}
"""


def settings_for(place: Place, program: str, *, qresync: bool) -> list[str]:
    user = place.user
    yes = "yes" if qresync else "no"
    text = _SETTINGS.format(
        host=place.host,
        port=place.port,
        user=user.name,
        password=user.password,
        authority=place.authority,
        idle="no",
        qresync=yes,
    )
    return [program, "-n", "-F", str(place.write("rc", text))]


@pytest.mark.parametrize("qresync", [False, True], ids=["plain", "qresync"])
@pytest.mark.parametrize("program", [pytest.param(name, marks=needs(name)) for name in ("mutt", "neomutt")])
def test_keys_do_what_they_say(place: Place, program: str, *, qresync: bool) -> None:
    first, second, third, fourth = place.add(*(message(n) for n in range(1, 5)))
    command = settings_for(place, program, qresync=qresync)
    steps = [
        ("Message 4", "=\n"),  # the list is there: to the first, and open it
        ("Übungen", "i"),  # back to the list
        ("Message 1", "=jFjd*s"),
        ("Save", "\x15+Archive\n"),
        ("Message", "$q"),
    ]
    place.talk(command, steps)
    emails = place.jmap.get("Email", None, properties=["keywords", "mailboxIds"])
    boxes = place.jmap.mailboxes()
    inbox, archive = boxes["inbox"]["id"], boxes["archive"]["id"]
    assert third not in emails
    assert emails[first]["keywords"] == {"$seen": True}
    assert emails[second]["keywords"] == {"$flagged": True}
    assert emails[fourth]["mailboxIds"] == {archive: True}
    assert emails[first]["mailboxIds"] == emails[second]["mailboxIds"] == {inbox: True}
    # Once more: what it left is what it finds.
    drawn = place.talk(command, [("Message 2", "q")])
    assert "Message 1" in drawn
    assert "Message 3" not in drawn
