"""The embedded service: the API of Amazon Bedrock AgentCore Code Interpreter on loopback, one sandbox a session.

Known of the real service are its model (botocore), its documentation and recorded payloads. What follows is assumed,
because nothing public says it; each item is marked "assumed" where it is coded.

Requests and errors:

- A request that breaks the model is answered with `ValidationException`, reason `FieldValidationFailed`, and a text in
  AWS's usual form; a body that is no JSON object with reason `CannotParse`; an invoke without a session id is refused.
- A body above 100,000,000 bytes is answered with HTTP 413 `RequestEntityTooLargeException`.
- An unknown session or interpreter is `ResourceNotFoundException`; an invoke in a session that has ended is
  `ValidationException` with reason `ResourceConflict`, stopping it again `ConflictException` (the texts are recorded).
- The control plane: vpcConfig goes with networkMode VPC and no other; a second interpreter of a name, a session of one
  that is not READY, and the deletion of one with sessions are `ConflictException`s; a change of status takes
  0.2 seconds; at most 1000 interpreters; lists are in order of creation, newest first, the system's last. Roles and
  tags are kept and have no effect, certificates and file systems are refused, and sessions of VPC mode have no network.
- Trace headers are sent back as they came.
- An answer names the interpreter by the id that was asked for; of an ARN, by its last part.

Invokes:

- The headers of an invoke's answer are sent as soon as the session is known to run, the one `result` event when the
  tool has ended. So a client with a short read time-out does not send the invoke, and run the code, again.
- A session that ends under an invoke ends the stream with `validationException` "... is not active"; an invoke that
  takes more than 15 minutes, or has a result of more than 24 MiB of JSON, ends it with
  `serviceQuotaExceededException`. One `result` is one frame and one HTTP chunk: botocore decodes at most 24 MiB, other
  decoders 16 MiB, so a client that reads large files does so in parts of at most 8 MiB.
- A tool is stopped when its caller hangs up.

Sessions:

- A client token is remembered for the newest 10,000 requests; a repeated start gets the first answer, also after that
  session's end, and a repeated stop succeeds.
- Lists are in order of creation, newest first. Terminated sessions stay listable for 30 days, but only the newest
  2,000, and only as long as the service runs.
- `local` and `aws.codeinterpreter.v1` are one interpreter. Certificates and file systems of sessions are refused.
- Sessions have no rate limit.

Tools:

- executeCode without output has no content blocks. `sys.exit` in a cell ends it with exit code 1, whatever the status,
  as any exception does. The value of a last expression is shown as IPython's plain text, without `Out[n]`; figures are
  PNG images. A cleared context counts its cells from 1 again.
- JavaScript and TypeScript: each pair of language and runtime keeps variables of its own; `clearContext` works for all.
  The value of a last expression is shown as `util.inspect` does, a promise is awaited first. An exception is exit code
  1; `process.exit(n)` ends the code, not the context, with exit code n. Only code by Node in JavaScript is CommonJS;
  elsewhere import declarations become dynamic imports and exports declarations. An interrupt ends the process.
- executeCommand has a terminal of 24 lines and 80 columns for its output, no input, and `TERM=dumb`; a command of more
  than 131,071 bytes is a tool error.
- Of each stream the head and the tail are kept, 20 MiB in all, with a line in between that says what was left out, of
  stdout told in stderr too; of both streams together what fits into one message of 24 MiB. Where the content blocks,
  which repeat the streams, would not fit too, they are shortened and say so. Images of more than 3 MB in all are left
  out and told.
- What goes beyond the memory or the disk of its session is killed, and the result says so in stderr; a session's
  processes and threads are limited to 1024.
- What ran into a cancellation tells so in its output. The process of a context that ends by itself, or ignores
  an interrupt for two seconds, is replaced by a new one, and told of: by the next execution where it ended between two.
- readFiles returns text for whatever is UTF-8, a blob for all else; listFiles follows links. writeFiles makes folders.
  removeFiles removes files only, all of them or none where one is missing.
- A task that failed is `completed`, with its exit code; one that was stopped is `canceled`. A session remembers 100.
"""
