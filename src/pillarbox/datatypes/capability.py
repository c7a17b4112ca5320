"""The capability URIs that this server knows, by short name (RFC 8620 §2)."""

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
SUBMISSION = "urn:ietf:params:jmap:submission"
VACATION = "urn:ietf:params:jmap:vacationresponse"
QUOTA = "urn:ietf:params:jmap:quota"
BLOB = "urn:ietf:params:jmap:blob"
MDN = "urn:ietf:params:jmap:mdn"
WEBSOCKET = "urn:ietf:params:jmap:websocket"
TICKET = "urn:pillarbox:params:jmap:ticket"
VAPID = "urn:ietf:params:jmap:webpush-vapid"
ADMIN = "urn:pillarbox:params:jmap:admin"
APP_PASSWORD = "urn:pillarbox:params:jmap:apppassword"  # noqa: S105 -- a URI
