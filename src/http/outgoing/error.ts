export type OutgoingCode = 'url' | 'refused' | 'dns' | 'connect' | 'tls' | 'timeout' | 'too_large' | 'redirects' | 'protocol'

/** A request that got no answer. The message names the host and what went wrong, and nothing that was sent. */
export class OutgoingError extends Error {
  readonly code: OutgoingCode
  constructor(code: OutgoingCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'OutgoingError'
    this.code = code
  }
}
