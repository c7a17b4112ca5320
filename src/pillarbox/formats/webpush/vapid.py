"""How the server signs its requests to push services, so that a service can tell it from others (RFC 8292).

RFC 7515 (the signature), RFC 9749 §3 (the key as the session tells it).
"""

from __future__ import annotations

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pillarbox.formats.webpush import base64url

_COORDINATE = 32
# RFC 8292 §2: "exp" "MUST NOT be more than 24 hours from the time of the request"; clocks differ.
TOKEN_SECONDS = 12 * 3_600


class SigningKey:
    """An application server's key: a private key on P-256."""

    def __init__(self, text: str) -> None:
        """The key from what `new_key` has made. Raises ValueError."""
        self._private = ec.derive_private_key(int.from_bytes(base64url.decode(text), "big"), ec.SECP256R1())
        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public = base64url.encode(point)  # the session's applicationServerKey

    def authorization(self, origin: str, contact: str, now_s: int) -> str:
        """The value of the Authorization header for requests to a push service, good for twelve hours.

        `contact` is a mailto: or https: URL of whoever runs this server (RFC 8292 §2.1).
        """
        claims: dict[str, str | int] = {"aud": origin, "exp": now_s + TOKEN_SECONDS, "sub": contact}
        return f"vapid t={self._token(claims)}, k={self.public}"

    def _token(self, claims: dict[str, str | int]) -> str:
        head = msgspec.json.encode({"typ": "JWT", "alg": "ES256"})
        signed = f"{base64url.encode(head)}.{base64url.encode(msgspec.json.encode(claims))}"
        r, s = decode_dss_signature(self._private.sign(signed.encode("ascii"), ec.ECDSA(SHA256())))
        # RFC 7518 §3.4: not the DER of other protocols, but both numbers in 32 octets each.
        signature = r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")
        return f"{signed}.{base64url.encode(signature)}"


def new_key() -> str:
    """A fresh private key as text."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return base64url.encode(number.to_bytes(_COORDINATE, "big"))
