"""Where blobs are to be, as one setting: `s3://bucket/prefix?endpoint=...&region=...`, and how to get in."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

_STYLES = ("path", "virtual")
_OPTIONS = ("endpoint", "region", "style", "ca")
_BUCKET = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")


class S3Place(msgspec.Struct, frozen=True, kw_only=True):
    """What an S3 URL says. `ca` is a file of certificates to trust beside the system's."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    style: str = "path"
    ca: str | None = None


class BlobAccess(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a blob store. Without a key, the environment's or the machine's is used. Never printed."""

    key_id: str | None = None
    secret: str | None = None
    session_token: str | None = None
    seconds: int = 30

    def __repr__(self) -> str:
        return "BlobAccess(...)"


def parse_blob_url(url: str) -> S3Place:
    """Read an S3 URL. Raises ValueError, without the URL in its message: somebody may have put a secret there."""
    parts = urlsplit(url)
    if parts.scheme != "s3":
        raise ValueError("this is no URL such as s3://bucket/prefix?endpoint=https://s3.example.org")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("keys do not belong in the URL; use blobs.key_id and blobs.secret_key")
    if not parts.netloc or set(parts.netloc) - _BUCKET:
        raise ValueError("the URL needs the name of a bucket, as in s3://bucket")
    given = _options(parts.query)
    prefix = unquote(parts.path).strip("/")
    if any(segment in ("", ".", "..") for segment in prefix.split("/")) and prefix:
        raise ValueError("the prefix has an empty or dotted segment")
    return S3Place(bucket=parts.netloc, prefix=prefix, **given)


def _options(query: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)):
        if name not in _OPTIONS:
            raise ValueError(f"the URL knows only {', '.join(_OPTIONS)}")
        given[name] = value
    endpoint = urlsplit(given.get("endpoint", "https://x"))
    if endpoint.scheme not in ("http", "https") or not endpoint.netloc or endpoint.query or "@" in endpoint.netloc:
        raise ValueError("endpoint is no URL such as https://s3.example.org")
    if given.get("style", "path") not in _STYLES:
        raise ValueError(f"style is {' or '.join(_STYLES)}")
    return given
