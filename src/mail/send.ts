import { hostname } from 'node:os'
import type { Config } from '../config.ts'

export type Mail = { to: string; subject: string; text: string; html?: string }

/**
 * Sends a mail by the SMTP server of the settings; resolves when the server has taken it.
 * @throws what the server or the network said, without the password
 */
export async function sendMail({ email }: Pick<Config, 'email'>, mail: Mail): Promise<void> {
  // Twenty megabytes of memory, for what many installations never do.
  const { createTransport } = await import('nodemailer')
  const timeout = email.timeout * 1_000
  const transport = createTransport({
    host: email.host,
    port: email.port,
    name: /^[\w.-]+$/.test(hostname()) ? hostname() : 'localhost',
    secure: email.use_ssl,
    // Encrypted when the operator said so, and then never without; otherwise as it is, since most servers without it are on this machine.
    requireTLS: email.use_tls,
    ignoreTLS: !email.use_tls && !email.use_ssl,
    ...(email.username !== '' && { auth: { user: email.username, pass: email.password } }),
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    dnsTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    await transport.sendMail({ from: email.from, ...mail })
  } finally {
    transport.close()
  }
}
