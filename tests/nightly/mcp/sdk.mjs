// The official TypeScript SDK against a server: node sdk.mjs v1|v2 PROJECT COMMAND...; prints one JSON object.

import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [version, project, command, ...args] = process.argv.slice(2)
const transport = { command, args, env: process.env, cwd: project }
const roots = { roots: [{ uri: pathToFileURL(project).href }] }
const capabilities = { roots: {}, elicitation: {} }

async function connect () {
  const info = { name: 'test', version: '1' }
  if (version === 'v2') {
    const { Client } = await import('@modelcontextprotocol/client')
    const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio')
    const client = new Client(info, { capabilities, versionNegotiation: { mode: 'auto' } })
    client.setRequestHandler('roots/list', async () => roots)
    client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: {} }))
    await client.connect(new StdioClientTransport(transport))
    return { client, revision: client.getNegotiatedProtocolVersion(), more: [] }
  }
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js')
  const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js')
  const schemas = await import('@modelcontextprotocol/sdk/types.js')
  const client = new Client(info, { capabilities })
  client.setRequestHandler(schemas.ListRootsRequestSchema, async () => roots)
  client.setRequestHandler(schemas.ElicitRequestSchema, async () => ({ action: 'accept', content: {} }))
  const connection = new StdioClientTransport(transport)
  await client.connect(connection)
  return { client, revision: connection._protocolVersion ?? '2025-11-25', more: [undefined] }
}

const { client, revision, more } = await connect()
const call = (name, given = {}, options = {}) => client.callTool({ name, arguments: given }, ...more, options)
const found = { revision, tools: (await client.listTools()).tools.map(tool => tool.name), progress: [] }
const slow = { code: 'import time; time.sleep(1.5); print(6 * 7)' }
found.answer = (await call('run_code', slow, { onprogress: seen => found.progress.push(seen.progress) })).structuredContent
found.put = (await call('put_files', { paths: ['in.bin'] })).structuredContent
await call('run_code', { code: "open('out.txt', 'w').write('x')" })
found.got = readFileSync((await call('get_files', { paths: ['out.txt'] })).structuredContent.files[0], 'utf-8')
found.failed = (await call('get_files', { paths: ['../out.txt'], to: '/' })).content[0].text
try {
  await call('run_code', { code: 'while True: pass' }, { timeout: 1000 })
} catch (error) {
  found.limit = error.message
}
found.after = (await call('run_code', { code: 'print(1)' })).structuredContent.stdout.trim()
await client.close()
console.log(JSON.stringify(found))
