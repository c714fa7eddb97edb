"""Events as CloudTrail writes them."""

from __future__ import annotations

from typing import Any

ACCOUNT = "111122223333"


def denied(
    action: str = "s3:GetObject",
    user: str | None = "alice",
    source: str = "203.0.113.7",
    error: str | None = "AccessDenied",
) -> dict[str, Any]:
    """A call that was refused; without an error one that was not, without a user one of an AWS service."""
    service, _, name = action.partition(":")
    by_user = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/{user}", "userName": user}
    by_service = {"type": "AWSService", "invokedBy": "config.amazonaws.com"}
    event = {
        "eventVersion": "1.11",
        "userIdentity": by_service if user is None else by_user,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": source,
        "requestParameters": {"bucketName": "private", "errorCode": "not this one"},
    }
    return event if error is None else {**event, "errorCode": error, "errorMessage": "User is not authorized"}
