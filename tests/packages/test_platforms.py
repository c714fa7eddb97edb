"""What a session says it is, and what uv and pip call that."""

from __future__ import annotations

from typing import Any

import pytest

from agentcore_sandbox.errors import UnexpectedAnswerError
from agentcore_sandbox.packages import platforms
from agentcore_sandbox.session_helpers import packages as helper

AWS = {"python": "3.12.7", "machine": "aarch64", "libc": "glibc", "libc_minor": 34}


@pytest.mark.parametrize(
    ("changed", "for_uv", "first_of_pip", "count_of_pip"),
    [
        ({}, "aarch64-manylinux_2_34", "manylinux_2_34_aarch64", 20),
        ({"machine": "x86_64", "libc_minor": 36}, "x86_64-manylinux_2_36", "manylinux_2_36_x86_64", 22),
        ({"libc_minor": 30}, "aarch64-manylinux_2_28", "manylinux_2_30_aarch64", 16),
        ({"libc_minor": 17}, "aarch64-manylinux_2_17", "manylinux_2_17_aarch64", 3),
        ({"libc_minor": 99}, "aarch64-manylinux_2_40", "manylinux_2_99_aarch64", 85),
        ({"libc": "musl", "libc_minor": 2}, "aarch64-unknown-linux-musl", "musllinux_1_2_aarch64", 2),
    ],
)
def test_platforms_have_names(changed: dict[str, Any], for_uv: str, first_of_pip: str, count_of_pip: int) -> None:
    platform = platforms.read({**AWS, **changed})
    assert platform.for_uv == for_uv
    assert (platform.for_pip[0], len(platform.for_pip)) == (first_of_pip, count_of_pip)
    assert platforms.read(platform._asdict()) == platform


def test_json_has_a_platform_in_words() -> None:
    assert platforms.read(AWS).as_json() == {"python": "3.12.7", "machine": "aarch64", "libc": "glibc 2.34"}


@pytest.mark.parametrize(
    "changed",
    [
        {"python": "pypy"},
        {"python": "3.12"},
        {"python": "3.12.7 --index-url=x"},
        {"python": "2.7.18"},
        {"python": 3},
        {"machine": "riscv64"},
        {"machine": "../x"},
        {"machine": None},
        {"libc": "bionic"},
        {"libc_minor": "34"},
        {"libc_minor": -1},
        {"libc_minor": 10**9},
        {"libc_minor": True},
        {"more": 1},
    ],
)
def test_a_session_that_says_something_else_is_not_believed(changed: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedAnswerError):
        platforms.read({**AWS, **changed})


@pytest.mark.parametrize("answer", [None, [], "x", {}, {"python": "3.12.7"}])
def test_no_platform_at_all_is_an_error(answer: object) -> None:
    with pytest.raises(UnexpectedAnswerError):
        platforms.read(answer)


def test_the_helper_tells_of_this_machine() -> None:
    assert platforms.read(helper.describe({})).python.startswith("3.")


@pytest.mark.parametrize(
    ("specifier", "does"),
    [
        ("", True),
        (">=3.12", True),
        (">=3.12.8", False),
        (">3.12", True),
        (">=3.13", False),
        ("<4", True),
        ("<3.12", False),
        ("<=3.12.7", True),
        ("==3.12.*", True),
        ("==3.*", True),
        ("==3.11.*", False),
        ("==3.12", False),
        ("!=3.12.7", False),
        ("!=3.11.*", True),
        ("~=3.11", True),
        ("~=3.12.8", False),
        ("~=3.11.0", False),
        (">=3.10,<3.12", False),
        (" >= 3.10 , < 4 ", True),
        ("===3.12.7", True),
    ],
)
def test_a_program_may_need_some_versions_of_python(specifier: str, *, does: bool) -> None:
    assert platforms.fits("3.12.7", specifier) is does
