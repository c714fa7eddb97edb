"""boto3 sessions and their credentials: which source they come from, and where temporary ones are kept.

Temporary credentials (assumed roles, web identities, IAM Identity Center) are kept where the AWS CLI keeps them, in
botocore's own format, so that either program reuses the other's (https://github.com/boto/botocore/issues/1148).
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import select
import subprocess
import sys
import time
from datetime import datetime, timezone
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore import awsrequest
from botocore import credentials as core_credentials
from botocore import session as core
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.credentials import CredentialResolver, create_credential_resolver
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, NoCredentialsError
from botocore.parsers import ResponseParserError
from botocore.utils import JSONFileCache, parse_timestamp

from agentcore_sandbox.aws.event_stream import StreamError, read_all
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.credentials import Credentials, ReadOnlyCredentials

    from agentcore_sandbox.settings import Settings

TOKEN_SECONDS, MOST_TOKEN_BYTES = 10, 1 << 20
CACHE = "~/.aws/cli/cache"  # as in the AWS CLI's customizations/assumerole.py
RENEWAL = Config(connect_timeout=10, read_timeout=20, retries={"mode": "standard"})  # of requests for credentials
# botocore's name of each source -> what a user calls it.
SOURCES = {
    "env": "the AWS_* variables",
    "assume-role": "the role of the profile",
    "assume-role-with-web-identity": "the web identity (AWS_WEB_IDENTITY_TOKEN_FILE, web_identity_token_file)",
    "sso": "IAM Identity Center",
    "login": "the login session of the profile",
    "shared-credentials-file": "the credentials file (AWS_SHARED_CREDENTIALS_FILE, ~/.aws/credentials)",
    "custom-process": "the profile's credential_process",
    "config-file": "the configuration file (AWS_CONFIG_FILE, ~/.aws/config)",
    "ec2-credentials-file": "the file named by AWS_CREDENTIAL_FILE",
    "boto-config": "the boto configuration (BOTO_CONFIG, ~/.boto)",
    "container-role": "the container's credentials (AWS_CONTAINER_*)",
    "iam-role": "the instance metadata service",
}


def session(settings: Settings) -> boto3.Session:
    """A session with the credentials of the chosen profile, or of the AWS variables.

    Raises:
        BotoCoreError: The profile or the configuration cannot be used.
    """
    botocore_session = _session(profile=settings.profile)
    botocore_session.set_default_client_config(RENEWAL)
    botocore_session.lazy_register_component("credential_provider", lambda: _resolver(botocore_session))
    with naming_settings(botocore_session):
        return boto3.Session(botocore_session=botocore_session, region_name=settings.region)


def fixed_session(access_key: str, secret_key: str, region: str | None) -> boto3.Session:
    """A session with these keys. It reads no file and no AWS variable, whatever is wrong with them."""
    defaults: dict[str, Any] = {
        name: (None, None, default, conversion)
        for name, (_key, _variable, default, conversion) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    no_file = (None, None, os.devnull, None)
    return boto3.Session(
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        botocore_session=_session(session_vars={**defaults, "config_file": no_file, "credentials_file": no_file}),
    )


def _session(**options: Any) -> core.Session:
    made = core.Session(**options)
    made.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    return made


class _Response(awsrequest.AWSResponse):
    """A response whose body is not read to an end that never comes."""

    @cached_property
    def content(self) -> bytes:
        try:
            return read_all(self.raw.stream())
        except StreamError:
            self.raw.close()
            raise


awsrequest.AWSResponse = _Response  # type: ignore[misc] # for every service, and the sources of credentials


def _timestamp(value: Any) -> datetime:
    """Parse AgentCore's format without dateutil, whose import takes as long as two requests; any other with it.

    Raises:
        ValueError: It is no point in time.
    """
    try:
        parsed = datetime.fromisoformat(value.replace("Z", "+00:00")) if str(value)[4:5] == "-" else None
    except (ValueError, AttributeError):
        parsed = None
    try:
        parsed = parsed or parse_timestamp(value)
        return parsed.astimezone(timezone.utc) if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)
    except (OverflowError, RuntimeError, OSError, TypeError) as error:
        raise ValueError(f"Invalid timestamp: {error}") from None


def resolve(session: boto3.Session) -> tuple[str, Credentials, ReadOnlyCredentials]:
    """Find credentials, renew them if need be, and return their source too.

    Call it in the main thread and outside of any deadline: a source may ask the user for an MFA code, or start a
    program that does. Later requests find the result in the session.

    Raises:
        BotoCoreError, ClientError: A source failed.
        AgentcoreSandboxError: The same, where botocore has no error for it.
    """
    with naming_settings(session._session):  # noqa: SLF001 - boto3 has no other way to it
        found = session.get_credentials()
    if found is None:
        raise NoCredentialsError
    with _naming_source(found.method):
        keys = found.get_frozen_credentials()
        _check_keys(keys)
    return SOURCES.get(found.method, found.method), found, keys


def _check_keys(keys: ReadOnlyCredentials) -> None:
    """Refuse what no HTTP header can carry, such as the end of a line; the message must not show it."""
    named = {"access key": keys.access_key, "secret key": keys.secret_key, "session token": keys.token or "-"}
    for name, value in named.items():
        if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
            message = f"the {name} is not one word of ASCII characters: is there a space or the end of a line in it?"
            raise ValueError(message)


@contextlib.contextmanager
def naming_settings(session: core.Session) -> Iterator[None]:
    """Name the setting that botocore cannot convert, for which it raises a plain ValueError."""
    try:
        yield
    except ValueError:
        for name, (key, variable, *_) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items():
            try:
                session.get_config_variable(name)
            except ValueError as error:
                place = variable if variable in os.environ else f"{key} in the AWS configuration"
                message = f"{place} cannot be used: {error}"
                raise AgentcoreSandboxError("AwsConfiguration", message, f"correct or remove {place}") from error
        raise


@contextlib.contextmanager
def _naming_source(method: str) -> Iterator[None]:
    """Name the source of credentials where its exception does not."""
    try:
        yield
    except (AgentcoreSandboxError, BotoCoreError, ClientError):
        raise  # these say what failed
    except Exception as error:
        source = SOURCES.get(method, method)
        if isinstance(error, RuntimeError):  # raised by RefreshableCredentials._protected_refresh
            message = f"the credentials from {source} have expired"
            raise AgentcoreSandboxError("ExpiredCredentials", message, "renew them the way you got them") from error
        hint = "run it by hand to see why: aws sts get-caller-identity"
        message = f"credentials from {source} cannot be used: {_described(error)}"
        raise AgentcoreSandboxError("NoCredentials", message, hint) from error


def _described(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, ResponseParserError):  # quotes the answer, which may have credentials in it
        return "the answer is not one that AWS gives"
    if isinstance(error, KeyError):
        return f"the answer has no {error}"
    return str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"


class _Resolver(CredentialResolver):
    """A chain of sources that names the one that failed."""

    def load_credentials(self) -> Any:
        for provider in self.providers:
            with _naming_source(str(provider.METHOD)):
                found = provider.load()
            if found is not None:
                return found
        return None


def _resolver(session: core.Session) -> _Resolver:
    cache: Any = _Cache(os.path.expanduser(CACHE))  # noqa: PTH111 - pathlib raises without a home
    chain = create_credential_resolver(session, cache=cache, region_name=session.get_config_variable("region"))
    role: Any = chain.get_provider("assume-role")
    role._prompter = _ask_mfa_code  # noqa: SLF001 - botocore passes no prompter on
    return _Resolver(chain.providers)


def _ask_mfa_code(prompt: str) -> str:
    import getpass

    if not (sys.stderr.isatty() or (sys.stdin and sys.stdin.isatty())):
        hint = "run `aws sts get-caller-identity` with this profile in a terminal: its credentials are used then"
        raise AgentcoreSandboxError("MfaRequired", "the profile needs an MFA code, and there is no terminal", hint)
    try:
        code = getpass.getpass(prompt).strip()
    except (EOFError, getpass.GetPassWarning):
        code = ""
    if not re.fullmatch(r"[0-9]{6}", code):
        raise AgentcoreSandboxError("MfaRequired", "that is not an MFA code", "an MFA code has six digits: try again")
    return code


class _Process(subprocess.Popen[bytes]):
    """A credential process, which must not read the data that a command gets on standard input.

    See https://github.com/boto/botocore/issues/1348: it may still ask its user on a terminal.
    """

    def __init__(self, command: list[str], **options: Any) -> None:
        is_terminal = sys.stdin is not None and sys.stdin.isatty()
        super().__init__(command, stdin=None if is_terminal else subprocess.DEVNULL, **options)

    def communicate(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().communicate(*arguments, **options)
        except BaseException:
            self.kill()
            raise


class _ProcessProvider(core_credentials.ProcessProvider):
    """Runs a profile's `credential_process`, and never repeats what it prints."""

    def __init__(self, profile_name: str, load_config: Any) -> None:
        super().__init__(profile_name, load_config, popen=self._start)
        self._processes: list[_Process] = []
        self._profile = profile_name

    def _start(self, command: list[str], **options: Any) -> _Process:
        self._processes.append(_Process(command, **options))
        return self._processes[-1]

    def _retrieve_credentials_using(self, credential_process: str) -> dict[str, Any]:
        self._processes.clear()
        parent: Any = super()
        try:
            found: dict[str, Any] = parent._retrieve_credentials_using(credential_process)  # noqa: SLF001 - the stubs lack it
        except OSError as error:
            raise self._error(f"cannot be started: {_described(error)}") from error
        except CredentialRetrievalError as error:
            status = self._processes[-1].returncode
            details: Any = error.kwargs  # on a failure these are what the process printed
            raise self._error(f"failed with status {status}" if status else details["error_msg"]) from error
        except (AttributeError, TypeError, ValueError) as error:
            what = "does not print credentials as JSON" if self._processes else f"cannot be read: {error}"
            raise self._error(what) from error
        self._check_expiry(found["expiry_time"])
        return found

    def _check_expiry(self, expiry: Any) -> None:
        try:
            if expiry is not None:
                _timestamp(expiry)
        except ValueError:
            raise self._error("prints an Expiration that is not a time") from None

    def _error(self, what: str) -> AgentcoreSandboxError:
        message = f"credential_process of profile {self._profile!r} {what}"
        hint = "run it by hand to see why; the AWS CLI's documentation has the format that it must print"
        return AgentcoreSandboxError("NoCredentials", message, hint)


core_credentials.ProcessProvider = _ProcessProvider  # type: ignore[assignment,misc] # for source profiles too


def _open_token(path: str) -> io.StringIO:
    """Open a file with a token, as a file in memory. It may be a pipe, but nobody is waited for without end.

    Raises:
        OSError: It cannot be read, or not to its end.
    """
    if sys.platform == "win32":
        return io.StringIO(open(path, encoding="utf-8").read())  # noqa: PTH123 - pipes have no names there
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return io.StringIO(_read_to_the_end(descriptor, path).decode())
    finally:
        os.close(descriptor)


def _read_to_the_end(descriptor: int, path: str) -> bytes:
    data, deadline, poll = b"", time.monotonic() + TOKEN_SECONDS, select.poll()
    poll.register(descriptor, select.POLLIN)
    while len(data) < MOST_TOKEN_BYTES and poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        piece = os.read(descriptor, MOST_TOKEN_BYTES)
        if not piece:
            return data
        data += piece
    raise OSError(errno.ETIMEDOUT, f"no token that ends within {TOKEN_SECONDS} seconds and 1 MiB", path)


core_credentials.open = _open_token  # type: ignore[attr-defined] # of the container's token
core_credentials.FileWebIdentityTokenLoader = partial(  # type: ignore[misc,assignment]
    core_credentials.FileWebIdentityTokenLoader, _open=_open_token
)


class _Cache(JSONFileCache):
    """A cache that may fail: credentials that cannot be read or written are requested again."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._folder = folder

    def __contains__(self, cache_key: Any) -> bool:
        try:
            found = self[cache_key]["Credentials"]
            _timestamp(found["Expiration"])
            return all(isinstance(found[key], str) for key in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        except (KeyError, TypeError, ValueError, RecursionError):
            return False

    def __setitem__(self, cache_key: str, value: Any) -> None:
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, 0o700, exist_ok=True)  # noqa: PTH103 - see above
            super().__setitem__(cache_key, value)
