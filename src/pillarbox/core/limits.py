"""The limits that the session advertises and the server enforces: one place for both.

RFC 8620 §2, RFC 8621 §1.3, RFC 9404 §3.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Doc = msgspec.Meta


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Every limit of requests and of data. Octets, counts or seconds, as the name says."""

    max_size_upload: Annotated[int, Doc(description="The largest upload, in octets.")] = 50_000_000
    max_concurrent_upload: Annotated[int, Doc(description="How many uploads one account may have under way.")] = 4
    max_size_request: Annotated[int, Doc(description="The largest API request, in octets.")] = 10_000_000
    max_concurrent_requests: Annotated[
        int, Doc(description="How many API requests one account may have under way.")
    ] = 16
    max_open_streams: Annotated[
        int, Doc(description="How many event streams, and how many WebSockets, one account may hold open.")
    ] = 100
    max_connections_per_address: Annotated[
        int,
        Doc(
            description="How many HTTP connections one address, or network of IPv6, may have at a time;"
            " through trusted proxies, how many requests. Loopback is not counted."
        ),
    ] = 100
    max_connections: Annotated[
        int, Doc(description="How many HTTP connections a process holds, if it may have so many open files.")
    ] = 20_000
    max_calls_in_request: Annotated[int, Doc(description="How many method calls one API request may make.")] = 16
    max_size_answer: Annotated[
        int,
        Doc(
            ge=100_000,
            description="The largest answer to one API request, in octets; a call that would be more is refused.",
        ),
    ] = 60_000_000
    max_objects_in_get: Annotated[int, Doc(description="How many objects one /get may fetch.")] = 500
    max_properties_in_get: Annotated[
        int, Doc(ge=50, description="How many properties one call may name, of objects, and of their parts.")
    ] = 200
    max_objects_in_set: Annotated[
        int, Doc(description="How many objects one /set may create, update and destroy in all.")
    ] = 500
    max_json_depth: Annotated[int, Doc(description="How deeply the JSON of a request may be nested.")] = 128
    max_reference_results: Annotated[int, Doc(description="How many values one result reference may give.")] = 20_000
    max_reference_octets: Annotated[
        int, Doc(description="How many octets all result references of one request may read and give.")
    ] = 20_000_000
    max_json_values: Annotated[int, Doc(description="How many values the JSON of one request may have.")] = 300_000
    max_blob_octets_in_call: Annotated[int, Doc(description="How many octets of blobs one method call may read.")] = (
        250_000_000
    )
    max_changes: Annotated[int, Doc(description="How many changes one /changes tells at a time.")] = 5_000
    changes_days: Annotated[
        int,
        Doc(
            description="For how many days /changes tells what was destroyed; then it is forgotten, and clients that"
            " were away for longer read everything anew. 0 for ever."
        ),
    ] = 90
    max_query_limit: Annotated[int, Doc(description="How many ids one /query returns.")] = 5_000
    max_filter_conditions: Annotated[int, Doc(description="How many conditions a filter may have.")] = 100

    max_mailboxes_per_email: Annotated[int, Doc(description="How many mailboxes one email may be in.")] = 100
    max_mailbox_depth: Annotated[int, Doc(description="How deeply mailboxes may be nested.")] = 10
    max_size_mailbox_name: Annotated[int, Doc(description="The longest name of a mailbox, in octets of UTF-8.")] = 255
    max_mailboxes: Annotated[int, Doc(description="How many mailboxes one account may have.")] = 10_000
    max_size_attachments_per_email: Annotated[
        int, Doc(description="How many octets the attachments of a new email may have in all.")
    ] = 50_000_000
    max_size_message: Annotated[int, Doc(description="The largest message, in octets, however it comes in.")] = (
        75_000_000
    )
    max_keywords_per_email: Annotated[int, Doc(description="How many keywords one email may have.")] = 100
    max_thread_emails: Annotated[
        int, Doc(description="How many emails one thread may have; what follows begins another.")
    ] = 500

    max_delayed_send_seconds: Annotated[int, Doc(description="How far ahead mail may be sent, in seconds.")] = (
        30 * 86_400
    )
    max_recipients: Annotated[int, Doc(description="How many recipients one submission may have.")] = 1_000
    max_hops: Annotated[
        int,
        Doc(
            ge=20,
            description="How many Received fields a message may have: one with more goes in circles, and is refused.",
        ),
    ] = 100
    vacation_days: Annotated[
        int, Doc(ge=1, le=365, description="For how many days one sender gets no second answer that somebody is away.")
    ] = 7
    max_identities: Annotated[int, Doc(description="How many identities one account may have.")] = 1_000
    max_push_subscriptions: Annotated[int, Doc(description="How many push subscriptions one account may have.")] = 20
    push_subscription_seconds: Annotated[
        int, Doc(description="How long a push subscription lives without being renewed, in seconds; at least 48 hours.")
    ] = 7 * 86_400
    max_size_annotation: Annotated[int, Doc(description="The largest value that a client may annotate, in octets.")] = (
        32_768
    )
    max_annotations_of_mailbox: Annotated[
        int, Doc(description="How many annotations one mailbox may have of each user, and how many that all share.")
    ] = 100
    max_annotations: Annotated[
        int, Doc(description="How many annotations one account may hold of each user, and how many that all share.")
    ] = 2_000
    max_app_passwords: Annotated[int, Doc(description="How many app passwords one account may have.")] = 100

    max_size_blob_set: Annotated[int, Doc(description="The largest blob that Blob/upload makes, in octets.")] = (
        7_500_000
    )
    max_data_sources: Annotated[int, Doc(description="Of how many pieces Blob/upload may put a blob together.")] = 64
    upload_seconds: Annotated[
        int, Doc(description="How long an upload that nothing refers to is kept, in seconds.")
    ] = 3_600
    upload_quota_octets: Annotated[int, Doc(description="How many octets of such uploads one account may have.")] = (
        500_000_000
    )
    upload_quota_count: Annotated[int, Doc(description="How many such uploads one account may have.")] = 5_000
    blob_inline_octets: Annotated[
        int, Doc(description="Blobs up to this size are kept in the database, larger ones in files.")
    ] = 262_144
