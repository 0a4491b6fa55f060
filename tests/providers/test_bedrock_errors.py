"""Denials are what AWS's own library raises, and repeats only where that may help."""

from __future__ import annotations

import json

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.model import OperationModel
from botocore.parsers import create_parser
from botocore.session import Session

from providers import bedrock_errors
from providers.wire import Denial


def operation() -> OperationModel:
    return Session().get_service_model("bedrock-runtime").operation_model("Converse")


@pytest.mark.parametrize(
    ("status", "retryable", "sent", "name"),
    [
        (400, False, 400, "ValidationException"),
        (401, False, 401, "UnrecognizedClientException"),
        (402, False, 402, "ServiceQuotaExceededException"),
        (403, False, 403, "AccessDeniedException"),
        (409, True, 409, "ConflictException"),
        (413, False, 413, "ValidationException"),
        (423, False, 423, "ValidationException"),
        (426, False, 426, "ValidationException"),
        (429, True, 429, "ThrottlingException"),
        (429, False, 429, "ServiceQuotaExceededException"),
        (502, False, 424, "ModelErrorException"),
        (503, False, 424, "ModelErrorException"),
        (503, True, 503, "ServiceUnavailableException"),
        (504, False, 424, "ModelErrorException"),
    ],
)
def test_what_the_library_raises(status: int, retryable: bool, sent: int, name: str) -> None:
    """It finds the name, the sentence with its remedy, and the id of the call."""
    denial = Denial(status, "a_code", "No.", "Do this.", retryable, execution_id="ex_1")
    reply = bedrock_errors.refuse(denial)
    assert reply.status == sent
    parser = create_parser("rest-json")
    model = operation()
    parsed = parser.parse(
        {"status_code": reply.status, "headers": dict(reply.headers), "body": reply.body},
        model.output_shape,
    )
    assert parsed["Error"] == {"Code": name, "Message": "No. Do this."}
    assert parsed["ResponseMetadata"]["RequestId"] == "ex_1"
    assert dict(reply.headers)["x-should-retry"] == str(retryable).lower()
    assert json.loads(reply.body)["code"] == "a_code"


@pytest.mark.parametrize(("seconds", "told"), [(3, "3000"), (-1, "0"), (3600, "60000")])
def test_the_time_to_wait(seconds: int, told: str) -> None:
    """It is told in milliseconds too, and only where a repeat may help."""
    headers = dict(bedrock_errors.refuse(Denial(429, "c", "m", "", True, seconds)).headers)
    assert headers["x-amz-retry-after"] == told
    final = dict(bedrock_errors.refuse(Denial(402, "c", "m", "", False, seconds)).headers)
    assert not {"retry-after", "x-amz-retry-after"} & final.keys()


@pytest.mark.parametrize(
    ("denial", "name"),
    [
        (Denial(402, "c", "m"), "validationException"),
        (Denial(429, "c", "m", "", True), "throttlingException"),
        (Denial(503, "c", "m", "", True), "serviceUnavailableException"),
    ],
)
def test_the_frame_that_ends_a_stream(denial: Denial, name: str) -> None:
    """Its headers and payload are those of an exception that the stream's model knows."""
    buffer = EventStreamBuffer()
    buffer.add_data(bedrock_errors.error_event(denial))
    (message,) = buffer
    assert message.headers[":message-type"] == "exception"
    assert message.headers[":exception-type"] == name
    assert json.loads(message.payload) == {"message": "m", "code": "c"}
    shapes = Session().get_service_model("bedrock-runtime")
    stream = shapes.operation_model("ConverseStream").output_shape.members["stream"]
    assert name in stream.members
