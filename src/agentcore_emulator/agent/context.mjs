// The worker of a JavaScript or TypeScript context, for deno and node alike: both have V8's inspector, whose REPL mode
// keeps variables between pieces of code, lets them be declared anew, and awaits at the top level.
//
// Arguments: runtime (deno, nodejs), language (javascript, typescript), descriptor of a stream socket to the supervisor.
// Messages on it are those of protocol.py: two big-endian 32-bit lengths, a JSON object, raw bytes.

import { Session } from "node:inspector";
import * as modules from "node:module";
import { Socket } from "node:net";
import process from "node:process";
import { inspect } from "node:util";
import * as vm from "node:vm";

const HEADER_BYTES = 8;
const FAILED = 1; // the exit code of code that ended in an exception, as in Python
const KEY = Symbol.for("agentcore-sandbox");
// Strings, comments and templates are matched so that nothing inside them is taken for an import.
const QUOTED = String.raw`\/\/.*|\/\*[^]*?\*\/|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'|` + "`(?:\\\\[^]|[^`\\\\])*`";
const DYNAMIC = String.raw`(?<dynamic>(?<![.\w$])import(?=\s*\())`;
const STATIC = String.raw`(?<![.\w$])import\b\s*(?:(?<names>[\w$\s{},*]+?)\bfrom\s*)?(?<from>"[^"\n]+"|'[^'\n]+')(?:\s*with\s*(?<attributes>\{[^}]*\}))?`;
const EXPORT = String.raw`(?<=^[ \t]*)(?<exported>export\s+(?:default\s+)?(?=(?:async|class|const|function|let|var)\b)|export\s+default\b|export\s*(?:\{[^}]*\}|\*)[^;\n]*)`;
const OWN_FRAME = /^\s+at .*(?:context\.mjs|node:internal\/|node:inspector|node:module:|ext:(?:core|deno_node)\/)/;

class Exit extends Error {
  constructor(code) {
    super(`process.exit(${code})`);
    this.code = code;
  }
}

class Context {
  #session = new Session();
  #cells = 0;
  #cell = null;

  constructor(runtime, language) {
    this.isTypeScript = language === "typescript";
    this.isModule = this.isTypeScript || runtime === "deno"; // else CommonJS
    this.#session.connect();
    globalThis[KEY] = { keep: (value) => (this.kept = value), import: importer() };
    Object.defineProperty(globalThis, KEY, { enumerable: false });
    if (!this.isModule) provideCommonJs();
  }

  /** Run code, show its value or its exception, and return its exit code. */
  async run(code) {
    const cell = (this.#cell = { exitCode: 0, isOver: false });
    try {
      await this.#execute(code);
    } catch (error) {
      this.#fail(error);
    }
    cell.isOver = true;
    await nextTurn(); // in which rejections that nobody handles are reported
    this.#cell = null;
    await written();
    return cell.exitCode;
  }

  /** Take an exception of a callback, or a rejection that nobody handles. */
  uncaught(error) {
    if (error instanceof Exit && this.#cell?.isOver === false) {
      this.end(error.code); // what the code awaits may never come
    } else {
      this.#fail(error);
    }
  }

  /** End this process; with an open inspector it might crash. */
  end(exitCode) {
    this.#session.disconnect();
    written().then(() => leave(exitCode));
  }

  #fail(error) {
    const isExit = error instanceof Exit;
    if (!isExit) process.stderr.write(`Uncaught ${describe(error)}\n`);
    if (this.#cell) this.#cell.exitCode = isExit ? error.code : FAILED;
  }

  async #execute(code) {
    const name = `cell_${++this.#cells}.${this.isTypeScript ? "ts" : "js"}`;
    const script = withImports(this.isTypeScript ? withoutTypes(code, name) : code, this.isModule);
    const expression = `${script}\n//# sourceURL=${name}`;
    const answer = await this.#post("Runtime.evaluate", { expression, replMode: true, awaitPromise: true });
    const details = answer.exceptionDetails;
    if (details) throw placed(await this.#value(details.exception), details, name);
    const value = await this.#value(answer.result);
    const shown = value instanceof Promise ? await value : value; // else what a last `main()` prints would be lost
    if (shown !== undefined) process.stdout.write(`${describe(shown)}\n`);
  }

  /** Return the value that the inspector speaks of: it lives in this process. */
  async #value(remote) {
    const { result } = await this.#post("Runtime.evaluate", { expression: "globalThis" });
    const { objectId, unserializableValue, value } = remote;
    await this.#post("Runtime.callFunctionOn", {
      objectId: result.objectId,
      functionDeclaration: `function (value) { this[Symbol.for(${JSON.stringify(KEY.description)})].keep(value); }`,
      arguments: [objectId ? { objectId } : unserializableValue ? { unserializableValue } : { value }],
    });
    const { kept } = this;
    this.kept = undefined;
    return kept;
  }

  #post(method, parameters) {
    return new Promise((resolve, reject) => {
      this.#session.post(method, parameters, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  }
}

/** Return a function that imports as a module in the work directory would. */
function importer() {
  return vm.runInThisContext("(name, options) => import(name, options)", {
    filename: `${process.cwd()}/cell.js`,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

function provideCommonJs() {
  const module = { exports: {} };
  const filename = `${process.cwd()}/cell.js`;
  const require = modules.createRequire(filename);
  Object.assign(globalThis, { require, module, exports: module.exports, __filename: filename, __dirname: process.cwd() });
}

/** Remove types; positions stay, but for code with enums or namespaces. */
function withoutTypes(code, name) {
  const strip = modules.stripTypeScriptTypes;
  if (!strip) throw new Error(`TypeScript needs Node 22.13 or newer, and this is ${process.version}`);
  try {
    return strip(code, { sourceUrl: name });
  } catch {
    return strip(code, { mode: "transform", sourceUrl: name });
  }
}

/** Rewrite imports, and in a module also import declarations and exports, which scripts cannot have. */
function withImports(code, isModule) {
  const patterns = isModule ? [QUOTED, DYNAMIC, STATIC, EXPORT] : [QUOTED, DYNAMIC];
  return code.replace(new RegExp(patterns.join("|"), "gm"), (text, ...rest) => {
    const { dynamic, from, names = "", attributes, exported } = rest.at(-1);
    const call = `globalThis[Symbol.for(${JSON.stringify(KEY.description)})].import`;
    if (dynamic) return call;
    if (exported) return /default$/.test(exported) ? "void " : "";
    if (!from) return text;
    const options = attributes ? `, { with: ${attributes} }` : "";
    return declaration(names, `await ${call}(${from}${options})`) + "\n".repeat(text.split("\n").length - 1);
  });
}

/** Return the declaration of an import's names. */
function declaration(names, value) {
  const [, first, braces, space] = names.match(/^\s*([\w$]+)?\s*,?\s*(?:\{([^}]*)\}|\*\s*as\s+([\w$]+))?\s*$/) ?? [];
  const picked = (braces ?? "").split(",").filter((part) => part.trim()).map((part) => part.trim().replace(/\s+as\s+/, ": "));
  if (first) picked.push(`default: ${first}`);
  if (space) return `var ${space} = ${value}${first ? `, ${first} = ${space}.default` : ""}`;
  return picked.length ? `var { ${picked.join(", ")} } = ${value}` : `void ${value}`;
}

/** Add the place of a syntax error, which V8 tells beside it. */
function placed(error, details, name) {
  if (error instanceof SyntaxError && !/cell_\d|<anonymous>:\d/.test(error.stack)) {
    error.stack = `${error.name}: ${error.message}\n    at ${name}:${details.lineNumber + 1}:${details.columnNumber + 1}`;
  }
  return error;
}

/** Return a value as text; the stacks of exceptions end where this program's own frames begin. */
function describe(value) {
  for (let error = value; error instanceof Error && typeof error.stack === "string"; error = error.cause) shorten(error);
  return inspect(value);
}

function shorten(error) {
  const lines = error.stack.split("\n");
  const own = lines.findIndex((line) => OWN_FRAME.test(line));
  if (own >= 0) error.stack = lines.slice(0, own).join("\n");
}

function nextTurn() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Wait until all output is in its pipe: Node writes a large one later. */
function written() {
  const streams = [process.stdout, process.stderr].filter((stream) => stream.writable);
  return Promise.all(streams.map((stream) => new Promise((resolve) => stream.write("", resolve))));
}

/** Answer the supervisor's requests until it hangs up. */
function serve(context, descriptor) {
  const socket = new Socket({ fd: descriptor });
  let received = Buffer.alloc(0);
  let last = Promise.resolve();
  socket.on("end", () => context.end(0));
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    for (let size; received.length >= HEADER_BYTES && received.length >= (size = HEADER_BYTES + received.readUInt32BE(0)); ) {
      const { code } = JSON.parse(received.toString("utf8", HEADER_BYTES, size));
      received = received.subarray(size);
      last = last.then(() => context.run(code)).then((exitCode) => socket.write(frame({ exitCode, images: [] })));
    }
  });
}

function frame(message) {
  const text = Buffer.from(JSON.stringify(message));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(text.length, 0);
  return Buffer.concat([header, text]);
}

const [runtime, language, channel] = process.argv.slice(2);
const leave = (globalThis.Deno ?? process).exit.bind(globalThis.Deno ?? process);
const exit = (code) => {
  throw new Exit(Number(code ?? process.exitCode ?? 0) & 255);
};
process.exit = exit;
if (globalThis.Deno) globalThis.Deno.exit = exit;
process.argv.length = 1;
const context = new Context(runtime, language);
process.on("uncaughtException", (error) => context.uncaught(error));
process.on("unhandledRejection", (error) => context.uncaught(error));
serve(context, Number(channel));
