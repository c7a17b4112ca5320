"""How a push service verifies who sends (RFC 8292 §3)."""

import json

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from pillarbox.formats.webpush import base64url


def verify(authorization: str) -> dict[str, object]:
    """The claims of a header whose signature is right (RFC 8292 §3)."""
    scheme, _, rest = authorization.partition(" ")
    assert scheme == "vapid"
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    head, body, signature = fields["t"].split(".")
    point = base64url.decode(fields["k"])
    raw = base64url.decode(signature)
    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    key.verify(der, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    assert json.loads(base64url.decode(head)) == {"typ": "JWT", "alg": "ES256"}
    claims: dict[str, object] = json.loads(base64url.decode(body))
    return claims
