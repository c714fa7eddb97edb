"""Times in answers, read without dateutil where that is possible."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.utils import parse_timestamp

from agentcore_sandbox.aws import credentials


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-27T15:43:16Z",
        "2026-11-27T15:43:16.123456Z",
        "2026-11-27T15:43:16.5+00:00",
        "2026-11-27T15:43:16-08:00",
        "20261127T154316Z",
        "Fri, 27 Nov 2026 15:43:16 GMT",
        "1764258196",
        1764258196.25,
        "2026-1-2T3:4:5Z",
    ],
)
def test_every_form_is_the_same_moment_as_for_botocore(value: Any) -> None:
    assert credentials._timestamp(value).timestamp() == parse_timestamp(value).timestamp()


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid timestamp"):
        credentials._timestamp("2026-when")
