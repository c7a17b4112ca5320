from pillarbox.wire.imap.envelope import END_OF_GROUP, Address, Envelope, address, addresses, envelope


def test_sender_and_reply_to_are_those_of_from_when_they_are_absent() -> None:
    one = addresses([address(Address("Ada", "ada", "example.org"))])
    other = addresses([address(Address(None, "bob", "example.org"))])

    shown = envelope(Envelope(None, "", one, "NIL", other, "NIL", "NIL", "NIL", None, "<1@x>"))
    assert shown == (
        '(NIL "" (("Ada" NIL "ada" "example.org")) (("Ada" NIL "ada" "example.org")) ((NIL NIL "bob" "example.org"))'
        ' NIL NIL NIL NIL "<1@x>")'
    )


def test_a_group_has_an_address_at_its_begin_and_one_at_its_end() -> None:
    group = [Address(None, "Friends", None), Address(None, "bob", "example.org", "@relay"), END_OF_GROUP]

    assert addresses(map(address, group)) == (
        '((NIL NIL "Friends" NIL)(NIL "@relay" "bob" "example.org")(NIL NIL NIL NIL))'
    )


def test_no_addresses_are_nil() -> None:
    assert addresses([]) == "NIL"
