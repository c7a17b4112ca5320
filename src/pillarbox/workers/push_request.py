"""Requests to push services: encrypted when the client gave keys, signed, and judged by what is answered.

RFC 8030 §5, RFC 8291, RFC 8292, RFC 8620 §7.2.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from pillarbox.core.clock import Clock
from pillarbox.datatypes.admin.web_push_key import WebPushKey
from pillarbox.formats.webpush.encrypt import CONTENT_CODING, encrypt, parse_auth, parse_public_key
from pillarbox.formats.webpush.vapid import TOKEN_SECONDS, SigningKey
from pillarbox.net.guarded_http import Answer, GuardedClient, OutboundError
from pillarbox.services.push import Owed

_TTL_SECONDS = 86_400  # a client that was away for longer asks for changes anyway
_MOST_RETRY_AFTER = 6 * 3_600.0
_MOST_TOKENS = 1_000
_SECONDS = 20.0


class Verdict(Enum):
    """What an attempt came to."""

    TAKEN = "the push service has it"
    LATER = "not now"
    SLOWER = "not so often"
    GONE = "the subscription is no more"
    UNREACHED = "nobody answered"


class Outcome(msgspec.Struct, frozen=True):
    """The verdict, why, and how many seconds the push service asked to wait."""

    verdict: Verdict
    reason: str = ""
    retry_after: float = 0.0


class PushSender:
    """Sends single messages."""

    def __init__(self, client: GuardedClient, clock: Clock, contact: str) -> None:
        """`contact` is a mailto: or https: URL of whoever runs this server."""
        self._client, self._clock, self._contact = client, clock, contact
        self._tokens: dict[tuple[str, str], tuple[int, str]] = {}  # by key and origin: when it was made, the header
        self._keys: dict[str, SigningKey] = {}

    async def send(self, message: Owed) -> Outcome:
        """Send one message."""
        try:
            headers, body = self._prepared(message)
            answer = await self._client.send("POST", message.subscription.url, headers, body, seconds=_SECONDS)
        except OutboundError as error:
            return Outcome(Verdict.UNREACHED, str(error))
        return judge(answer)

    def _prepared(self, message: Owed) -> tuple[dict[str, str], bytes]:
        one = message.subscription
        # RFC 8620 §7.2: "The POST request MUST have a content type of "application/json"" and "MUST have a "TTL"
        # header". No Topic: it would let a later message, about other types, take the place of one not delivered yet.
        headers = {
            "Content-Type": "application/json",
            "TTL": str(_TTL_SECONDS),
            "Urgency": "high" if message.is_urgent else "normal",
        }
        body = message.payload
        if one.keys is not None:
            body = encrypt(body, parse_public_key(one.keys.p256dh), parse_auth(one.keys.auth))
            headers["Content-Encoding"] = CONTENT_CODING
        if message.key is not None:
            headers["Authorization"] = self._authorization(message.key, self._client.check(one.url).origin)
        return headers, body

    def _authorization(self, stored: WebPushKey, origin: str) -> str:
        """A signed token for a push service; it is used again for half of its life (RFC 8292 §2)."""
        now = self._clock.now_ms() // 1000
        made, header = self._tokens.get((stored.id, origin), (0, ""))
        if not header or not 0 <= now - made < TOKEN_SECONDS // 2:
            if len(self._tokens) >= _MOST_TOKENS:
                self._tokens.clear()
                self._keys.clear()
            if (key := self._keys.get(stored.id)) is None:
                key = self._keys[stored.id] = SigningKey(stored.private_key)
            header = key.authorization(origin, self._contact, now)
            self._tokens[stored.id, origin] = (now, header)
        return header


def judge(answer: Answer) -> Outcome:
    """What a push service's answer means (RFC 8030 §5, §7.3)."""
    status = answer.status
    if 200 <= status < 300:
        return Outcome(Verdict.TAKEN)
    reason = f"the push service answered {status}"
    if status in (404, 410):
        return Outcome(Verdict.GONE, reason)
    wait = _retry_after(answer.headers.get("retry-after", ""))
    # RFC 8620 §7.2: "A 429 (Too Many Requests) response MUST cause the JMAP server to reduce the frequency of pushes".
    return Outcome(Verdict.SLOWER if status == 429 else Verdict.LATER, reason, wait)


def _retry_after(text: str) -> float:
    """Seconds of a Retry-After header; a date is not read, since our own waiting is long enough (RFC 9110 §10.2.3)."""
    text = text.strip()
    return min(float(text), _MOST_RETRY_AFTER) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
