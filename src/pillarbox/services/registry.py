"""All methods of this server by name: those that types have by their declaration, and those of their own."""

from __future__ import annotations

from collections.abc import Mapping

from pillarbox.datatypes.registry import TYPES
from pillarbox.services import pending_report_method, queued_message_method, sending_use_method
from pillarbox.services.mail import import_method, parse_method, snippet_method
from pillarbox.services.methods import blob, blob_get, blob_upload, echo, mdn, mdn_parse, observed
from pillarbox.services.methods.derive import derive
from pillarbox.services.methods.method import Method

METHODS: Mapping[str, Method] = derive(
    TYPES,
    (
        echo.ECHO,
        *import_method.METHODS,
        *parse_method.METHODS,
        *snippet_method.METHODS,
        *blob.METHODS,
        *blob_get.METHODS,
        *blob_upload.METHODS,
        *mdn.METHODS,
        *mdn_parse.METHODS,
        *queued_message_method.METHODS,
        *pending_report_method.METHODS,
        *sending_use_method.METHODS,
    ),
)

observed.METHOD_SECONDS.declare(method=METHODS)
