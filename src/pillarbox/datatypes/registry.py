"""All data types of this server. To add one: its module, and a line here."""

from __future__ import annotations

from typing import Any

from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.alias import ALIAS
from pillarbox.datatypes.admin.dkim_key import DKIM_KEY
from pillarbox.datatypes.admin.dmarc_report import DMARC_REPORT
from pillarbox.datatypes.admin.domain import DOMAIN
from pillarbox.datatypes.admin.feedback_report import FEEDBACK_REPORT
from pillarbox.datatypes.admin.mailing_list import MAILING_LIST
from pillarbox.datatypes.admin.removal import REMOVAL
from pillarbox.datatypes.admin.scram_secret import SCRAM_SECRET
from pillarbox.datatypes.admin.srs_secret import SRS_SECRET
from pillarbox.datatypes.admin.suppressed_address import SUPPRESSED_ADDRESS
from pillarbox.datatypes.admin.tls_report import TLS_REPORT
from pillarbox.datatypes.admin.web_push_key import WEB_PUSH_KEY
from pillarbox.datatypes.annotation import ANNOTATION
from pillarbox.datatypes.app_password import APP_PASSWORD
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.delivery import EMAIL_DELIVERY
from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.forwarding import FORWARDING
from pillarbox.datatypes.identity import IDENTITY
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.push_subscription import PUSH_SUBSCRIPTION
from pillarbox.datatypes.quota import QUOTA
from pillarbox.datatypes.thread import THREAD
from pillarbox.datatypes.vacation_response import VACATION_RESPONSE

TYPES: tuple[DataType[Any], ...] = (
    MAILBOX,
    THREAD,
    EMAIL,
    EMAIL_DELIVERY,
    IDENTITY,
    EMAIL_SUBMISSION,
    VACATION_RESPONSE,
    FORWARDING,
    QUOTA,
    ANNOTATION,
    APP_PASSWORD,
    PUSH_SUBSCRIPTION,
    WEB_PUSH_KEY,
    SCRAM_SECRET,
    SRS_SECRET,
    DOMAIN,
    ACCOUNT,
    ALIAS,
    MAILING_LIST,
    DKIM_KEY,
    DMARC_REPORT,
    TLS_REPORT,
    FEEDBACK_REPORT,
    SUPPRESSED_ADDRESS,
    REMOVAL,
)
