"""DKIM-Signature fields, and the signatures of ARC that are like them, read into values.

Sections: RFC 6376 §3.5, §6.1.1; RFC 8301 §3.1; RFC 8463 §3; RFC 8616 §4.
"""

from __future__ import annotations

import base64
import binascii
import re

import idna
import msgspec

from pillarbox.formats.mailauth.tag_list import BadTagList, colon_list, number, parse_tags, unspaced

RSA_SHA256, ED25519_SHA256 = "rsa-sha256", "ed25519-sha256"
_KEY_TYPES = {RSA_SHA256: "rsa", ED25519_SHA256: "ed25519"}
# RFC 6376 §3.5, sub-domain of RFC 5321 §4.1.2; underscores are in selectors of real mail.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_CANONICAL = re.compile(r"(simple|relaxed)(?:/(simple|relaxed))?\Z")
_MAX_NAME = 253
_MAX_VALUE = 1_500  # octets of b=: an RSA key of 8192 bits makes 1,024
_MAX_NAMES = 1_000


class BadSignature(ValueError):
    """A signature that cannot be verified whatever the key; `result` in the words of RFC 8601 §2.7.1."""

    def __init__(self, reason: str, result: str = "neutral") -> None:
        super().__init__(reason)
        self.result = result


class Terms(msgspec.Struct, frozen=True):
    """What a signature says of itself. Names are A-labels in lower case."""

    algorithm: str
    value: bytes
    domain: str
    selector: str
    body_hash: bytes = b""
    names: tuple[str, ...] = ()
    relaxed_header: bool = False
    relaxed_body: bool = False
    body_limit: int | None = None
    identity: str = ""
    signed_at: int | None = None  # seconds of the epoch
    expires_at: int | None = None

    @property
    def key_type(self) -> str:
        """The type that the key must have."""
        return _KEY_TYPES[self.algorithm]

    @property
    def key_name(self) -> str:
        """Where the key is in the DNS (RFC 6376 §3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"


def read_terms(value: bytes) -> Terms:
    """The terms of a DKIM-Signature field's value. Raises BadSignature."""
    tags = tags_of(value)
    if tags.get("v") != "1":
        raise BadSignature("the signature is of another version")
    terms = message_terms(tags)
    # RFC 6376 §3.5: "q= ... If there are multiple query mechanisms listed, the choice ..."; dns/txt is the only one.
    if "q" in tags and "dns/txt" not in colon_list(tags["q"]):
        raise BadSignature("the key is not in the DNS")
    if terms.expires_at is not None and terms.signed_at is not None and terms.expires_at < terms.signed_at:
        raise BadSignature("the signature expires before it was made")
    return msgspec.structs.replace(terms, identity=_identity(tags, terms.domain))


def tags_of(value: bytes) -> dict[str, str]:
    """The tags of a signature. Raises BadSignature."""
    try:
        return parse_tags(value)
    except BadTagList as error:
        raise BadSignature(str(error)) from None


def message_terms(tags: dict[str, str], form: str = "simple/simple") -> Terms:
    """The terms of a signature over header and body, of DKIM or an ARC-Message-Signature. Raises BadSignature.

    `form` is what it is in when it does not say.
    """
    terms = seal_terms(tags)
    need(tags, "bh", "h")
    names = colon_list(tags["h"])
    if len(names) > _MAX_NAMES:
        raise BadSignature("too many names of fields")
    canonical = _CANONICAL.match(tags.get("c", form))
    if canonical is None:
        raise BadSignature("an unknown form")
    return msgspec.structs.replace(
        terms,
        body_hash=_base64(tags["bh"], "bh"),
        names=names,
        relaxed_header=canonical[1] == "relaxed",
        relaxed_body=canonical[2] == "relaxed",
        body_limit=_number(tags, "l", 76),
        expires_at=_number(tags, "x", 12),
    )


def seal_terms(tags: dict[str, str]) -> Terms:
    """The terms that every signature has. Raises BadSignature."""
    need(tags, "a", "b", "d", "s")
    algorithm = tags["a"].lower()
    if algorithm == "rsa-sha1":
        # RFC 8301 §3.1: "rsa-sha1 MUST NOT be used for signing or verifying."
        raise BadSignature("SHA-1 is not accepted", "policy")
    if algorithm not in _KEY_TYPES:
        raise BadSignature("an unknown algorithm")
    value = _base64(tags["b"], "b")
    if not 0 < len(value) <= _MAX_VALUE:
        raise BadSignature("no signature in b")
    return Terms(
        algorithm,
        value,
        dns_name(tags["d"], "d"),
        dns_name(tags["s"], "s"),
        signed_at=_number(tags, "t", 12),
    )


def need(tags: dict[str, str], *names: str) -> None:
    """Raise BadSignature if one of the tags is not there."""
    if missing := [name for name in names if name not in tags]:
        raise BadSignature(f"the tag {missing[0]} is missing")


def dns_name(text: str, tag: str) -> str:
    """A domain or selector in lower case, U-labels made A-labels (RFC 8616 §4). Raises BadSignature."""
    try:
        name = text.lower() if text.isascii() else idna.encode(text[:_MAX_NAME], uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        name = ""
    if len(name) > _MAX_NAME or not _NAME.match(name):
        raise BadSignature(f"no name in {tag}")
    return name


def _identity(tags: dict[str, str], domain: str) -> str:
    """`i=` with its domain as A-labels; it "MUST be the same as or a subdomain of" `d=` (RFC 6376 §3.5)."""
    text = unspaced(tags.get("i", f"@{domain}"))
    local, at, name = text.rpartition("@")
    if not at:
        raise BadSignature("no @ in i")
    name = dns_name(name, "i")
    if name != domain and not name.endswith(f".{domain}"):
        raise BadSignature("i is not within d", "permerror")
    return f"{local}@{name}"


def _number(tags: dict[str, str], name: str, most_digits: int) -> int | None:
    try:
        return number(tags, name, most_digits)
    except BadTagList as error:
        raise BadSignature(str(error)) from None


def _base64(text: str, tag: str) -> bytes:
    try:
        return base64.b64decode(unspaced(text), validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature(f"no base64 in {tag}") from None
