import { createHmac } from 'node:crypto'
import { basicOf, receiver, type Received, type Reply } from './http-receiver.ts'

/** A pair of keys of an application at Duo. */
export const DUO_AUTH = { client_id: 'DIXXXXXXXXXXXXXXXXXX', client_secret: 'the auth secret' }
export const DUO_ADMIN = { admin_integration_key: 'DIAAAAAAAAAAAAAAAAAA', admin_secret_key: 'the admin secret' }

const SECRETS: Readonly<Record<string, string>> = {
  [DUO_AUTH.client_id]: DUO_AUTH.client_secret,
  [DUO_ADMIN.admin_integration_key]: DUO_ADMIN.admin_secret_key,
}

const MOST_SKEW = 5 * 60_000 // ms

/** RFC 3986, with the parameters as they were sent, not as they were meant. */
const signedParams = (text: string): string =>
  text
    .split('&')
    .filter(Boolean)
    .map(pair => pair.replaceAll('+', '%20'))
    .sort()
    .join('&')

/** What is wrong with a request's signature, as Duo's documentation defines it; undefined when it is right. */
function signatureFault(request: Received, now: Date): string | undefined {
  const [integration, signature] = basicOf(request)
  const secret = SECRETS[integration ?? '']
  if (secret === undefined) return 'Invalid integration key in request credentials'
  const date = String(request.headers.date)
  if (Math.abs(Date.parse(date) - now.getTime()) > MOST_SKEW) return 'Bad request timestamp'
  const params = request.method === 'POST' ? request.body : request.query.toString() && new URLSearchParams(request.query).toString()
  const text = [date, request.method, String(request.headers.host).toLowerCase(), request.path, signedParams(params)].join('\n')
  return signature === createHmac('sha512', secret).update(text).digest('hex') ? undefined : 'Invalid signature in request credentials'
}

type DuoUser = { user_id: string; username: string }

/** Duo's service, as far as we use it, on loopback. What people do on their phones is set by the test. */
export async function duoServer(now: () => Date = () => new Date()) {
  const users: DuoUser[] = []
  const enrollments = new Map<string, { code: string; status: 'success' | 'waiting' | 'invalid' }>()
  const phone: { preauth: string; answer: string; before?: () => Promise<void> } = { preauth: 'auth', answer: 'allow' }
  const pushes: URLSearchParams[] = []

  const ok = (response: unknown, more: Record<string, unknown> = {}): Reply => ({ json: { stat: 'OK', response, ...more } })
  const fail = (status: number, message: string, message_detail?: string): Reply => ({
    status,
    json: { stat: 'FAIL', code: status * 100, message, ...(message_detail !== undefined && { message_detail }) },
  })

  const operations: Record<string, (params: URLSearchParams) => Reply | Promise<Reply>> = {
    'POST /auth/v2/enroll': params => {
      const username = params.get('username')!
      if (users.some(user => user.username === username)) return fail(400, 'Invalid request parameters', 'username already exists')
      const user = { user_id: `DU${users.length}${username}`, username }
      const code = `duo://code-${users.push(user)}`
      enrollments.set(user.user_id, { code, status: 'waiting' })
      return ok({ ...user, activation_code: code, activation_barcode: `https://duo.example/frame/qr?value=${users.length}`, expiration: 0 })
    },
    'POST /auth/v2/enroll_status': params => {
      const enrollment = enrollments.get(params.get('user_id')!)
      return enrollment && enrollment.code === params.get('activation_code') ? ok(enrollment.status) : ok('invalid')
    },
    'POST /auth/v2/preauth': params =>
      users.some(user => user.user_id === params.get('user_id')) ? ok({ result: phone.preauth }) : ok({ result: 'enroll' }),
    'POST /auth/v2/auth': async params => {
      pushes.push(params)
      await phone.before?.()
      return ok({ result: phone.answer, status: phone.answer, status_msg: '' })
    },
    'GET /admin/v1/users': params => {
      const [limit, offset] = [Number(params.get('limit')), Number(params.get('offset'))]
      const page = users.slice(offset, offset + Math.min(limit, 2))
      const next = offset + page.length
      return ok(page, { metadata: { total_objects: users.length, ...(next < users.length && { next_offset: next }) } })
    },
  }

  const server = await receiver(request => {
    const fault = signatureFault(request, now())
    if (fault !== undefined) return fail(401, fault)
    const operation = operations[`${request.method} ${request.path}`]
    return operation?.(request.method === 'POST' ? new URLSearchParams(request.body) : request.query) ?? fail(404, 'Resource not found')
  })
  return { ...server, users, enrollments, phone, pushes }
}
