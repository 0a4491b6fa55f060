"""A denial in the shape of Bedrock's own errors, as JSON and in the middle of a stream.

Owns: the body, the exceptions' names and the headers. Refuses to know: why a call was denied.
https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html, and `Errors` of each
operation: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

AWS's SDKs raise the exception that a header names. They repeat a call for its status (429, 500,
502, 503, 504) or for a name that means throttling, and heed no header that says not to; so a final
refusal of the 5xx kind is told as 424 `ModelErrorException`, which Bedrock has for a model that
failed and which no SDK repeats.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

import json
from dataclasses import replace

from providers.eventstream import frame
from providers.refusal import reply, seconds_to_wait
from providers.wire import Denial, Reply

_BY_STATUS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    409: "ConflictException",
    424: "ModelErrorException",
    429: "ThrottlingException",
}
_FINAL_FAULT = 424


def refuse(denial: Denial) -> Reply:
    """The denial as an HTTP answer; with a time to wait only where a repeat may help."""
    status = denial.status
    if status >= 500 and not denial.retryable:
        status = _FINAL_FAULT
    told = reply(denial, _body(denial), status=status, shown_as="x-amzn-requestid")
    own = [("x-amzn-errortype", exception(status, denial.retryable))]
    seconds = seconds_to_wait(denial)
    if seconds is not None:
        # In milliseconds; what AWS's SDKs heed.
        own.append(("x-amz-retry-after", str(seconds * 1000)))
    return replace(told, headers=(*told.headers, *own))


def error_event(denial: Denial) -> bytes:
    """The denial as a frame that ends a stream; SDKs raise their EventStreamError on it."""
    name = "validationException"
    if denial.retryable:
        throttled = denial.status == 429
        name = "throttlingException" if throttled else "serviceUnavailableException"
    headers = {
        ":exception-type": name,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return frame(headers, _body(denial))


def exception(status: int, retryable: bool) -> str:
    """The name by which SDKs know the error."""
    if status >= 500:
        return "ServiceUnavailableException"
    if status == 429 and not retryable:
        return "ServiceQuotaExceededException"
    return _BY_STATUS.get(status, "ValidationException")


def _body(denial: Denial) -> bytes:
    message = denial.sentences
    return json.dumps({"message": message, "code": denial.code}).encode("ascii")
