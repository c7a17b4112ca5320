"""PushSubscription by its methods: it belongs to credentials, says little of itself, and ends in time."""

from typing import Any

import msgspec
import pytest

from pillarbox.core.account import Caller
from pillarbox.core.faults import Fault
from pillarbox.core.limits import Limits
from pillarbox.datatypes.app_password import APP_PASSWORD, AppPassword
from pillarbox.datatypes.push_subscription import PUSH_SUBSCRIPTION, RULES, PushSubscription
from pillarbox.formats.webpush import base64url
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.services.methods.method import check_arguments
from pillarbox.services.registry import METHODS
from tests.support.mail_house import House, house, open_house

__all__ = ["house"]
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
NEW: dict[str, Any] = {"deviceClientId": "a889-ffea-910", "url": "https://push.example.com/?device=X8980fc"}
WEEK_LATER = "2023-11-21T22:13:20Z"  # the house's clock stands at 2023-11-14T22:13:20Z


def make(house: House, caller: Caller | None = None, **given: Any) -> dict[str, Any]:
    ((_, answer, _),) = house.request(("PushSubscription/set", {"create": {"n": {**NEW, **given}}}), caller=caller)
    assert answer["notCreated"] is None, answer
    made: dict[str, Any] = answer["created"]["n"]
    return made


def refuse(house: House, **given: Any) -> dict[str, Any]:
    answer = house.call("PushSubscription/set", create={"n": {**NEW, **given}})
    error: dict[str, Any] = answer["notCreated"]["n"]
    return error


def change(house: House, id: str, caller: Caller | None = None, **patch: Any) -> dict[str, Any]:
    ((_, answer, _),) = house.request(("PushSubscription/set", {"update": {id: patch}}), caller=caller)
    out: dict[str, Any] = answer
    return out


def stored(house: House, id: str) -> PushSubscription:
    found = house.store.read(lambda view: view.get(PUSH_SUBSCRIPTION, "a1", id))
    assert found is not None
    return found


def test_a_new_subscription_is_told_its_id_and_its_end(house: House) -> None:
    made = make(house)
    assert made == {"id": made["id"], "expires": WEEK_LATER, "verificationCode": None, "types": None}
    one = stored(house, made["id"])
    assert not one.is_verified
    assert len(base64url.decode(one.secret_code)) >= 16


def test_answers_name_neither_account_nor_state(house: House) -> None:
    made = house.call("PushSubscription/set", create={"n": NEW})
    assert set(made) == {"created", "updated", "destroyed", "notCreated", "notUpdated", "notDestroyed"}
    assert set(house.call("PushSubscription/get")) == {"list", "notFound"}


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("PushSubscription/get", {"accountId": "a1"}),
        ("PushSubscription/set", {"accountId": "a1"}),
        ("PushSubscription/set", {"ifInState": "1"}),
    ],
)
def test_arguments_of_other_types_are_none_of_this_one(method: str, given: dict[str, Any]) -> None:
    with pytest.raises(Fault, match="has no argument"):
        check_arguments(METHODS[method], given)


@pytest.mark.parametrize("verb", ["changes", "query", "queryChanges", "copy"])
def test_there_are_no_other_methods(house: House, verb: str) -> None:
    assert house.refuse(f"PushSubscription/{verb}")["type"] == "unknownMethod"


def test_url_keys_and_the_code_to_be_are_never_shown(house: House) -> None:
    id = make(house, keys={"p256dh": POINT, "auth": AUTH})["id"]
    (one,) = house.call("PushSubscription/get", ids=None)["list"]
    assert one == {
        "id": id,
        "deviceClientId": NEW["deviceClientId"],
        "verificationCode": None,
        "expires": WEEK_LATER,
        "types": None,
    }
    for name in ("url", "keys"):
        assert house.refuse("PushSubscription/get", properties=["id", name])["type"] == "forbidden"
    for name in ("secretCode", "credential", "nonsense"):
        assert house.refuse("PushSubscription/get", properties=[name])["type"] == "invalidArguments"


# --- verification


def test_the_right_code_verifies(house: House) -> None:
    id = make(house)["id"]
    code = stored(house, id).secret_code
    assert change(house, id, verificationCode=code)["updated"] == {id: None}
    assert stored(house, id).is_verified
    assert house.call("PushSubscription/get")["list"][0]["verificationCode"] == code


@pytest.mark.parametrize("code", ["", "wrong", "é", "0" * 32])
def test_a_wrong_code_is_refused(house: House, code: str) -> None:
    id = make(house)["id"]
    error = change(house, id, verificationCode=code)["notUpdated"][id]
    assert (error["type"], error["properties"]) == ("invalidProperties", ["verificationCode"])
    assert not stored(house, id).is_verified


def test_a_verified_subscription_stays_so(house: House) -> None:
    id = make(house)["id"]
    change(house, id, verificationCode=stored(house, id).secret_code)
    assert change(house, id, verificationCode=None)["notUpdated"][id]["type"] == "invalidProperties"
    assert change(house, id, types=["Email"])["notUpdated"] is None
    assert stored(house, id).is_verified


def test_a_code_cannot_be_brought_along(house: House) -> None:
    assert refuse(house, verificationCode="mine")["properties"] == ["verificationCode"]


# --- what it may say


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"url": "http://push.example.com/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://[fd00:ec2::254]/"}, "url"),
        ({"url": "https://push.example.com:25/"}, "url"),
        ({"url": "https://me@push.example.com/"}, "url"),
        ({"url": "push.example.com"}, "url"),
        ({"url": ""}, "url"),
        ({"url": "https://push.example.com/" + "x" * 2_048}, "url"),
        ({"url": None}, "url"),
        ({"deviceClientId": ""}, "deviceClientId"),
        ({"deviceClientId": "x" * 256}, "deviceClientId"),
        ({"keys": {"p256dh": POINT}}, "keys"),
        ({"keys": {"p256dh": POINT, "auth": "AAAA"}}, "keys"),
        ({"keys": {"p256dh": POINT[:-4], "auth": AUTH}}, "keys"),
        ({"keys": {}}, "keys"),
        ({"types": "Email"}, "types"),
        ({"types": ["x"] * 101}, "types"),
        ({"types": ["x" * 256]}, "types"),
        ({"expires": "tomorrow"}, "expires"),
        ({"expires": "2030-01-01T00:00:00+01:00"}, "expires"),
        ({"expires": "2020-01-01T00:00:00Z"}, "expires"),
        ({"secretCode": "mine"}, "secretCode"),
        ({"wasGreeted": True}, "wasGreeted"),
        ({"credential": "other"}, "credential"),
    ],
)
def test_what_is_wrong_is_named(
    house: House, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], name: str
) -> None:
    monkeypatch.setattr(RULES, "complaint", GuardedClient(AddressPolicy()).complaint)
    error = refuse(house, **given)
    assert (error["type"], error["properties"]) == ("invalidProperties", [name])


def test_without_a_server_plain_http_is_refused_all_the_same(house: House) -> None:
    assert refuse(house, url="http://push.example.com/")["properties"] == ["url"]


@pytest.mark.parametrize("name", ["url", "keys", "deviceClientId"])
def test_what_is_immutable_cannot_be_changed(house: House, name: str) -> None:
    id = make(house)["id"]
    new: Any = {"p256dh": POINT, "auth": AUTH} if name == "keys" else "https://other.example/"
    assert change(house, id, **{name: new})["notUpdated"][id]["properties"] == [name]


# --- its end


def test_an_early_end_is_kept_and_a_late_one_is_brought_forward(house: House) -> None:
    assert "expires" not in make(house, expires="2023-11-15T00:00:00Z")
    id = make(house, expires="2033-01-01T00:00:00Z")["id"]
    assert stored(house, id).expires == WEEK_LATER


def test_the_end_can_be_put_off_again_and_again(house: House) -> None:
    id = make(house)["id"]
    house.clock.forward(seconds=86_400)
    assert change(house, id, expires="2033-01-01T00:00:00Z")["updated"] == {id: {"expires": "2023-11-22T22:13:20Z"}}
    house.clock.forward(seconds=86_400)
    assert change(house, id, expires=None)["updated"] == {id: {"expires": "2023-11-23T22:13:20Z"}}


def test_another_change_leaves_the_end_alone(house: House) -> None:
    id = make(house)["id"]
    house.clock.forward(seconds=8 * 86_400)
    assert change(house, id, types=["Email"])["notUpdated"] is None
    assert stored(house, id).expires == WEEK_LATER


def test_a_limit_below_48_hours_is_not_obeyed(tmp_path: Any) -> None:
    short = open_house(tmp_path, Limits(push_subscription_seconds=60))
    assert make(short)["expires"] == "2023-11-16T22:13:20Z"
    short.store.close()


# --- whose it is


def with_password(house: House, **given: Any) -> Caller:
    """The caller with an app password, which is stored."""

    def body(tx: Any) -> str:
        id: str = tx.new_id(APP_PASSWORD)
        tx.write(APP_PASSWORD, "a1", None, AppPassword(id=id, label="phone", **given))
        return id

    return msgspec.structs.replace(house.caller, credential=house.store.write(body))


def test_other_credentials_see_and_change_nothing(house: House) -> None:
    id, other = make(house)["id"], with_password(house)
    ((_, seen, _),) = house.request(("PushSubscription/get", {"ids": None}), caller=other)
    assert seen == {"list": [], "notFound": []}
    ((_, asked, _),) = house.request(("PushSubscription/get", {"ids": [id]}), caller=other)
    assert asked == {"list": [], "notFound": [id]}
    assert change(house, id, other, types=[])["notUpdated"][id]["type"] == "notFound"
    ((_, answer, _),) = house.request(("PushSubscription/set", {"destroy": [id]}), caller=other)
    assert answer["notDestroyed"][id]["type"] == "notFound"
    assert stored(house, id).types is None


def test_a_subscription_ends_with_the_app_password_that_made_it(house: House) -> None:
    phone = with_password(house)
    mine, theirs = make(house)["id"], make(house, phone)["id"]
    house.destroy("AppPassword", phone.credential)
    assert house.store.read(lambda view: view.ids(PUSH_SUBSCRIPTION, "a1", 10)) == [mine]
    rows = house.dump()["record"]
    assert not any(
        theirs in row and b"push.example.com" in b"".join(v for v in row if type(v) is bytes) for row in rows
    )


def test_credentials_that_expire_by_themselves_bound_the_end_and_nothing_else_does(house: House) -> None:
    phone = with_password(house, expires_at="2033-01-01T00:00:00Z")
    id = make(house, phone, expires="2030-01-01T00:00:00Z")["id"]
    assert stored(house, id).expires == "2030-01-01T00:00:00Z"
    assert stored(house, make(house, phone)["id"]).expires is None


def test_a_destroyed_subscription_leaves_neither_url_nor_keys(house: House) -> None:
    id = make(house, keys={"p256dh": POINT, "auth": AUTH})["id"]
    assert any(POINT.encode() in repr(row).encode() for row in house.dump()["record"])
    assert house.call("PushSubscription/set", destroy=[id])["destroyed"] == [id]
    assert not any(POINT.encode() in repr(row).encode() for row in house.dump()["record"])


# --- how many


def test_there_is_a_most_and_what_was_never_verified_makes_room(tmp_path: Any) -> None:
    small = open_house(tmp_path, Limits(max_push_subscriptions=2))
    first, second = make(small)["id"], make(small)["id"]
    assert refuse(small)["type"] == "overQuota"
    change(small, first, verificationCode=stored(small, first).secret_code)
    small.clock.forward(seconds=3_600)
    third = make(small)["id"]
    assert {one["id"] for one in small.call("PushSubscription/get")["list"]} == {first, third}
    assert second not in {first, third}
    small.store.close()
