import { hostname } from 'node:os'
import type { Config } from '../config.ts'

/** `to`, `cc` and `bcc` are one address, a list separated by commas, or a list; in the latter each is exactly one address. */
export type Mail = {
  to: string | readonly string[]
  cc?: string | readonly string[]
  bcc?: string | readonly string[]
  subject: string
  text: string
  html?: string
}

/** How to reach a mail server: the installation's settings, or those of a stage. */
export type SmtpSettings = Omit<Config['email'], 'template_dir'>

/** Whether a text is one plain mail address: what is written into an account must not name a second recipient. */
export const isMailAddress = (text: string): boolean => text.length <= 320 && /^[^\s@"(),:;<>[\\\]]+@[^\s@"(),:;<>[\\\]]+$/.test(text)

const recipients = (given: string | readonly string[] | undefined) =>
  typeof given === 'string' || given === undefined ? given : given.map(address => ({ name: '', address }))

/**
 * Sends a mail by an SMTP server; resolves when the server has taken it.
 * @throws what the server or the network said, without the password
 */
export async function sendMail({ email }: { email: SmtpSettings }, mail: Mail): Promise<void> {
  if (email.use_tls && email.use_ssl) throw new Error('use_tls and use_ssl exclude each other: STARTTLS begins without encryption')
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
    await transport.sendMail({ from: email.from, ...mail, to: recipients(mail.to), cc: recipients(mail.cc), bcc: recipients(mail.bcc) })
  } finally {
    transport.close()
  }
}
