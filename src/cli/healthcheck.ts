import { request } from '../http/node-http.ts'
import { request as requestTls } from 'node:https'
import { readConfig } from '../config.ts'
import { CommandError, type Command } from './command.ts'

const WITHIN = 3_000 // ms

export const healthcheck: Command = {
  arguments: '',
  help: 'Asks the server or worker on this machine, at the first address of LISTEN__HTTP (else LISTEN__HTTPS), whether it lives. Ends with 0 or 1.',
  async run({ source }) {
    const { listen, web } = readConfig(source)
    const [plain] = listen.http
    const [tls] = listen.https
    const listener = plain ?? tls
    if (!listener) throw new CommandError('No HTTP address is configured.')
    const hosts = listener.host === '::' ? ['127.0.0.1', '::1'] : [listener.host === '0.0.0.0' ? '127.0.0.1' : listener.host]
    const failures: string[] = []
    for (const host of hosts) {
      try {
        const status = await ask(plain === undefined, host, listener.port, `${web.path}-/health/live/`)
        if (status === 200) return
        failures.push(`${host} answers ${status}`)
      } catch (error) {
        failures.push(`${host}: ${(error as Error).message}`)
      }
    }
    throw new CommandError(`unhealthy: ${failures.join('; ')}`)
  },
}

const ask = (encrypted: boolean, host: string, port: number, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    // The certificate is our own, and the question no secret.
    const options = { host, port, path, agent: false, signal: AbortSignal.timeout(WITHIN), rejectUnauthorized: false }
    const sent = (encrypted ? requestTls : request)(options, response => {
      response.resume()
      resolve(response.statusCode)
    })
    sent.on('error', reject)
    sent.end()
  })
