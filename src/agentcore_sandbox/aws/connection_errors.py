"""Exceptions of connections, proxies and broken answers as errors that name the cause and the remedy."""

from __future__ import annotations

import os
import re
from traceback import walk_tb
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore import eventstream, exceptions
from urllib3 import exceptions as urllib3_exceptions

from agentcore_emulator import sandbox_runtime
from agentcore_sandbox.aws.errors import NETWORK_HINT
from agentcore_sandbox.aws.event_stream import StreamError
from agentcore_sandbox.errors import AgentcoreSandboxError, LostAnswerError, SessionOverError, TransientError

if TYPE_CHECKING:
    from agentcore_sandbox.aws.errors import RequestContext
    from agentcore_sandbox.settings import Settings


def translate(error: BaseException, request: RequestContext) -> AgentcoreSandboxError | None:
    """The error that explains an exception of a connection, None for any other."""
    return _stream(error, request) or _network(error, request)


def _stream(error: BaseException, request: RequestContext) -> AgentcoreSandboxError | None:
    if isinstance(error, eventstream.InvalidPayloadLength):
        return AgentcoreSandboxError(
            "OutputTooLarge",
            "the result is larger than the 24 MiB that a message may have",
            "print less, or write to a file and read it in parts; the program has run",
        )
    if isinstance(error, (eventstream.ParserError, StreamError)):
        return LostAnswerError("BrokenStream", f"the answer was damaged: {error}", request.if_lost)
    return None


def _network(error: BaseException, request: RequestContext) -> AgentcoreSandboxError | None:
    if isinstance(error, exceptions.SSLError):
        return _insecure(error)
    if isinstance(error, exceptions.ConnectionError):
        return _answer_of_proxy(error) or _unreachable(_place(error), request.settings)
    cause = error.kwargs.get("error") if isinstance(error, exceptions.HTTPClientError) else None
    if isinstance(cause, StreamError):
        return _stream(cause, request)
    if isinstance(cause, (urllib3_exceptions.LocationParseError, ValueError)):
        hint = "check HTTPS_PROXY, HTTP_PROXY and the endpoint's URL"
        return AgentcoreSandboxError("AwsConfiguration", "the URL of a proxy or an endpoint cannot be used", hint)
    if isinstance(error, (exceptions.HTTPClientError, urllib3_exceptions.HTTPError, ConnectionError, TimeoutError)):
        is_silent = "Timeout" in type(error).__name__
        kind = "it stayed silent too long" if is_silent else "the connection broke"
        hint = request.if_lost + (_question_of_sandbox(error) if is_silent else "")
        return LostAnswerError("ConnectionLost", f"no complete answer: {kind}", hint)
    return None


def _insecure(error: exceptions.SSLError) -> AgentcoreSandboxError:
    if re.search("no such file|no certificate|permission denied", str(error), re.IGNORECASE):
        hint = "AWS_CA_BUNDLE (or ca_bundle in the profile) must name a PEM file with certificates"
        return AgentcoreSandboxError("AwsConfiguration", f"the trusted certificates cannot be read: {error}", hint)
    if "CERTIFICATE_VERIFY_FAILED" not in str(error):
        return TransientError("NoNetwork", f"no secure connection: {error}", NETWORK_HINT)
    bundle = "set AWS_CA_BUNDLE (or ca_bundle in the profile) to a PEM file with its certificate"
    hint = f"if a proxy inspects TLS, {bundle}; or this machine's clock is wrong"
    return AgentcoreSandboxError("NoNetwork", f"the certificate is not trusted: {error}", hint)


def _unreachable(place: str, settings: Settings) -> AgentcoreSandboxError:
    if not settings.is_local:
        return TransientError("NoNetwork", f"cannot reach {place}", NETWORK_HINT)
    hint = "its sessions ended with it; the next call starts it anew"
    if settings.endpoint_url:
        hint = "start it: agentcore-sandbox local serve; or leave the endpoint out, and it starts by itself"
    return SessionOverError("LocalServiceGone", f"the emulator has ended: nobody answers at {place}", hint)


def _answer_of_proxy(error: exceptions.ConnectionError) -> AgentcoreSandboxError | None:
    """The error for what a proxy answered, or for one of an unknown kind; None where no proxy is to blame."""
    # botocore puts http:// before a URL of any other scheme: https://github.com/boto/botocore/issues/2540
    if scheme := re.match(r"http://([a-z0-9+.-]+)://", str(error.kwargs.get("proxy_url") or "")):
        hint = "set HTTPS_PROXY and HTTP_PROXY to an http:// or https:// URL, or NO_PROXY to the service's host"
        message = f"the proxy is not an HTTP proxy: {scheme[1]} is not supported"
        return AgentcoreSandboxError("AwsConfiguration", message, hint)
    answer = re.search(r"Tunnel connection failed: ([0-9]{3}) ?([^\n']*)", str(error.kwargs.get("error")))
    if not answer:
        return None
    host = _requested_host(error)
    if answer[1] == "403":
        return _refused_host(host, _place(error))
    if answer[1] == "407":
        hint = "give them in HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT"
        return AgentcoreSandboxError("AwsConfiguration", f"{_place(error)} wants a name and a password", hint)
    message = f"{_place(error)} cannot reach {host}: {answer[1]} {answer[2]}"
    return TransientError("NoNetwork", message.rstrip(), NETWORK_HINT)


def _refused_host(host: str, proxy: str) -> AgentcoreSandboxError:
    if sandbox_runtime.is_around(os.environ):
        hint = f"{sandbox_runtime.allow_hosts([host])}; agentcore-sandbox doctor names all that is needed"
        return AgentcoreSandboxError("HostRefused", f"Claude Code's sandbox does not let {host} be reached", hint)
    hint = "have the proxy let it through, or set NO_PROXY to the host if it can be reached without the proxy"
    return AgentcoreSandboxError("HostRefused", f"{proxy} does not let {host} be reached", hint)


def _question_of_sandbox(error: BaseException) -> str:
    """The end of a hint: Claude Code's sandbox may be asking its user whether a host may be reached."""
    host = urlsplit(getattr(error, "kwargs", {}).get("endpoint_url") or "").hostname
    if not host or not sandbox_runtime.is_around(os.environ):
        return ""
    return f"; if Claude Code asks whether {host} may be reached, answer, or {sandbox_runtime.allow_hosts([host])}"


def _place(error: exceptions.ConnectionError) -> str:
    """What could not be reached: a service, or a proxy, whose password botocore masks."""
    if proxy := error.kwargs.get("proxy_url"):
        return f"the proxy {proxy}"
    url = urlsplit(str(error.kwargs.get("endpoint_url") or ""))
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}" if url.netloc else "AWS"


def _requested_host(error: exceptions.ConnectionError) -> str:
    """The host that the proxy was asked for. The error names the proxy only; where it was raised, there is the URL."""
    requests = [frame.f_locals.get("request") for frame, _ in walk_tb(error.__traceback__)]
    hosts = [urlsplit(str(getattr(request, "url", ""))).hostname for request in requests]
    return next(filter(None, reversed(hosts)), "the service")
