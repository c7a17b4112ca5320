"""The limits that the session advertises and the server enforces: one place for both (RFC 8620 §2, RFC 8621 §1.3, RFC 9404 §3)."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Every limit of requests and of data. Octets, counts or seconds, as the name says."""

    max_size_upload: int = 50_000_000
    max_concurrent_upload: int = 4
    max_size_request: int = 10_000_000
    max_concurrent_requests: int = 16
    max_calls_in_request: int = 16
    max_objects_in_get: int = 500
    max_objects_in_set: int = 500
    max_json_depth: int = 128
    max_reference_results: int = 20_000
    max_changes: int = 5_000
    max_query_limit: int = 5_000
    max_filter_conditions: int = 100

    max_mailboxes_per_email: int = 100
    max_mailbox_depth: int = 10
    max_size_mailbox_name: int = 255
    max_mailboxes: int = 10_000
    max_size_attachments_per_email: int = 50_000_000
    max_size_message: int = 75_000_000
    max_keywords_per_email: int = 100
    max_body_values_octets: int = 60_000_000
    max_thread_emails: int = 500

    max_delayed_send_seconds: int = 30 * 86_400
    max_recipients: int = 1_000
    max_identities: int = 1_000
    max_app_passwords: int = 100

    max_size_blob_set: int = 7_500_000
    max_data_sources: int = 64
    upload_seconds: int = 3_600
    upload_quota_octets: int = 500_000_000
    upload_quota_count: int = 5_000
    blob_inline_octets: int = 262_144
