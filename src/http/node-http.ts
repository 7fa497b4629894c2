/**
 * `node:http` as a value. An `import` of it reads all it exports, WebSocket among them, for which Node then loads the whole of undici:
 * 16 MB of memory and 50 ms of every start. Types may be imported from `node:http` itself.
 */
export const { createServer, request } = process.getBuiltinModule('node:http')
