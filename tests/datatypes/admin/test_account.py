"""Accounts: names, passwords, the last administrator, and what becomes of the data."""

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.password import is_password
from pillarbox.datatypes.identity import IDENTITY
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.quota import OCTETS, QUOTA
from tests.directory_fixture import PASSWORD, Office


def test_an_account_has_its_mailboxes_and_identity_from_the_start(office: Office) -> None:
    id = office.account("Alice@Example.org", description="Alice Liddell")
    boxes = office.store.read(lambda view: view.all(MAILBOX, id))
    assert [box.role for box in boxes] == ["inbox", "drafts", "sent", "archive", "junk", "trash"]
    (identity,) = office.store.read(lambda view: view.all(IDENTITY, id))
    assert (identity.email, identity.name, identity.may_delete) == ("alice@example.org", "Alice Liddell", False)


def test_a_password_is_kept_as_a_hash_and_never_shown(office: Office) -> None:
    made = office.create("Account", name="alice@example.org", password=PASSWORD)
    shown = office.get("Account", made["id"])
    assert not {"password", "passwordHash"} & (set(made) | set(shown))
    stored = office.store.read(lambda view: view.get(ACCOUNT, DIRECTORY, made["id"]))
    assert stored is not None
    assert PASSWORD not in msgspec.json.encode(stored).decode()
    assert is_password(PASSWORD, stored.password_hash)


def test_equal_passwords_have_different_hashes(office: Office) -> None:
    create = {n: {"name": f"{n}@example.org", "password": PASSWORD} for n in ("alice", "bob")}
    office.call("Account/set", create=create)
    hashes = office.store.read(lambda view: [a.password_hash for a in view.all(ACCOUNT, DIRECTORY)])
    assert len(set(hashes)) == 2


def test_each_new_password_changes_the_state_even_within_a_second(office: Office) -> None:
    id = office.account("alice@example.org")
    states = set()
    for password in ("first password", "second password", "third password"):
        office.update("Account", id, {"password": password})
        states.add(office.call("Account/get", ids=[])["state"])
    assert len(states) == 3


@pytest.mark.parametrize(
    "password", ["short", "x" * 1025, "with\x00nul byte", "pbx_a00000000000_" + "0" * 32, 12345678]
)
def test_a_bad_password_is_refused(office: Office, password: object) -> None:
    with pytest.raises(Fault) as refused:
        office.create("Account", name="alice@example.org", password=password)
    assert refused.value.facts["properties"] == ["password"]
    assert str(password) not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["alice", "alice@elsewhere.example", "a b@example.org", "@example.org", "alice@[127.0.0.1]"]
)
def test_a_name_has_to_be_an_address_in_a_domain_of_this_server(office: Office, name: str) -> None:
    with pytest.raises(Fault) as refused:
        office.create("Account", name=name)
    assert refused.value.facts["properties"] == ["name"]


def test_names_are_unique_among_accounts_and_aliases(office: Office) -> None:
    id = office.account("alice@example.org")
    office.create("Alias", address="info@example.org", targets=[id])
    for taken in ("ALICE@example.org", "Info@example.org"):
        with pytest.raises(Fault) as refused:
            office.create("Account", name=taken)
        assert refused.value.kind is Kind.ALREADY_EXISTS


def test_a_renamed_account_sends_as_its_new_address_and_keeps_its_signature(office: Office) -> None:
    id = office.account("alice@example.org")
    (identity,) = office.store.read(lambda view: view.all(IDENTITY, id))
    signed = msgspec.structs.replace(identity, text_signature="-- A")
    office.store.write(lambda tx: tx.write(IDENTITY, id, identity, signed))
    office.update("Account", id, {"name": "liddell@example.org"})
    (now,) = office.store.read(lambda view: view.all(IDENTITY, id))
    assert (now.email, now.text_signature, now.may_delete) == ("liddell@example.org", "-- A", False)


def test_the_last_administrator_can_neither_be_destroyed_disabled_nor_demoted(office: Office) -> None:
    admin = office.account("root@example.org", isAdmin=True)
    office.account("off@example.org", isAdmin=True, isEnabled=False)
    with pytest.raises(Fault, match="last administrator"):
        office.destroy("Account", admin)
    for patch in ({"isEnabled": False}, {"isAdmin": False}):
        with pytest.raises(Fault, match="last administrator"):
            office.update("Account", admin, patch)
    office.account("second@example.org", isAdmin=True)
    office.destroy("Account", admin)
    assert office.id_of("root@example.org") is None


def test_nobody_logs_in_as_a_group(office: Office) -> None:
    for given in ({"password": PASSWORD}, {"isAdmin": True}):
        with pytest.raises(Fault, match="group"):
            office.create("Account", name="team@example.org", kind="group", **given)


def test_delegates_are_other_accounts(office: Office) -> None:
    alice = office.account("alice@example.org")
    team = office.account("team@example.org", kind="group", delegates={alice: "write"})
    for wrong in ({"nobody": "read"}, {team: "read"}, {alice: "everything"}):
        with pytest.raises(Fault) as refused:
            office.update("Account", team, {"delegates": wrong})
        assert refused.value.facts["properties"] == ["delegates"]


def test_a_quota_of_the_account_is_the_limit_of_its_quota_record(office: Office) -> None:
    id = office.account("alice@example.org", quotaOctets=1_000)
    office.update("Account", id, {"quotaOctets": 5_000})
    quota = office.store.read(lambda view: view.get(QUOTA, id, OCTETS))
    assert quota is not None
    assert quota.hard_limit == 5_000


def test_a_destroyed_account_leaves_no_name_behind_and_its_data_waits(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    both = office.create("Alias", address="both@example.org", targets=[alice, bob])["id"]
    office.create("Alias", address="only@example.org", targets=[alice])
    team = office.account("team@example.org", kind="group", delegates={alice: "write", bob: "read"})
    (domain,) = office.call("Domain/query")["ids"]
    office.update("Domain", domain, {"catchAll": alice})
    office.destroy("Account", alice)
    assert office.get("Alias", both)["targets"] == [bob]
    assert office.call("Alias/query")["ids"] == [both]
    assert office.get("Account", team)["delegates"] == {bob: "read"}
    assert office.get("Domain", domain)["catchAll"] is None
    (removal,) = office.records("AccountRemoval")
    assert removal["accountId"] == alice
    assert office.store.read(lambda view: len(view.all(MAILBOX, alice))) == 6
