/** The functions that every expression has, and those of policies alone. */
import { slugify } from '../../lib/slug.ts'
import { raise } from '../errors.ts'
import { native, nativeRaw } from '../module.ts'
import type { Runtime } from '../module.ts'
import { ipAddress, ipNetwork } from '../modules/ipaddress/index.ts'
import { logger } from '../modules/logging.ts'
import { re } from '../modules/re/index.ts'
import { bind } from '../pending.ts'
import { PyException, PyList, PyTuple } from '../values.ts'
import type { Kwargs, Result, Value, NativeFunction } from '../values.ts'
import { requests } from './http.ts'
import { ModelObject, modelObject } from './object.ts'

const member = (module: typeof re, name: string): NativeFunction => module.members.get(name) as NativeFunction
const searchIn = member(re, 'search')
const replaceIn = member(re, 'sub')

const texts = (value: Value, what: string): string[] => {
  if (value === null) return []
  const items = value instanceof PyList || value instanceof PyTuple ? value.items : [value]
  return items.map(item => (typeof item === 'string' ? item : raise('TypeError', `${what} is a str or a list of them`)))
}

/** The filters of `ak_user_by` and `ak_is_group_member`: keywords as in `filter`. */
const looking = (name: string, code: (args: Value[], filters: Kwargs, rt: Runtime) => Result): NativeFunction =>
  nativeRaw(name, (args, kwargs, rt) => code(args, kwargs ?? new Map(), rt))

const sendEmail = native(
  'ak_send_email',
  'address, subject, body=None, stage=None, template=None, context=None, cc=None, bcc=None',
  ([address, subject, body, stage, template, context, cc, bcc], rt) => {
    if (body !== null && template !== null) raise('ValueError', 'body and template parameters are mutually exclusive')
    if (body === null && template === null) raise('ValueError', 'Either body or template parameter must be provided')
    if (typeof subject !== 'string' || (body !== null && typeof body !== 'string') || (template !== null && typeof template !== 'string'))
      raise('TypeError', 'subject, body and template are str')
    return rt.hostCall('mail.queue', {
      to: texts(address, 'address'),
      cc: texts(cc, 'cc'),
      bcc: texts(bcc, 'bcc'),
      subject,
      body,
      template,
      stage,
      context,
    })
  },
)

export const helpers: Readonly<Record<string, Value>> = {
  ak_call_policy: looking('ak_call_policy', (args, kwargs, rt) =>
    rt.hostCall('policy.call', { name: args[0] ?? kwargs.get('name') ?? null, kwargs }),
  ),
  ak_create_event: looking('ak_create_event', (args, kwargs, rt) =>
    rt.hostCall('event.create', { action: args[0] ?? kwargs.get('action') ?? null, kwargs }),
  ),
  ak_create_jwt: native('ak_create_jwt', 'user, provider, scopes, validity="seconds=60"', ([user, provider, scopes, validity], rt) =>
    bind(rt.collect(scopes), (list: Value[]) =>
      rt.hostCall('jwt.create', { user: modelObject(user, 'User'), provider, scopes: list, validity }),
    ),
  ),
  ak_create_jwt_raw: native('ak_create_jwt_raw', 'provider, validity="seconds=60", **claims', ([provider, validity, claims], rt) =>
    rt.hostCall('jwt.raw', { provider, validity, claims }),
  ),
  ak_is_group_member: looking('ak_is_group_member', (args, filters, rt) => {
    const user = args[0] ?? filters.get('user') ?? null
    if (!(user instanceof ModelObject))
      return bind(rt.getAttribute(user, 'all_groups'), () => raise('TypeError', 'ak_is_group_member() takes a user'))
    return rt.hostCall('user.is_member', {
      user: modelObject(user, 'User'),
      filters: new Map([...filters].filter(([name]) => name !== 'user')),
    })
  }),
  ak_logger: logger('expression'),
  ak_send_email: sendEmail,
  // Filters that do not exist find nobody, as the function has always done.
  ak_user_by: looking('ak_user_by', (_, filters, rt) =>
    rt.hostCall('user.by', { filters }).then(
      user => user,
      error => {
        if (error instanceof PyException && error.cls.name === 'FieldError') return null
        throw error
      },
    ),
  ),
  ak_user_has_authenticator: native('ak_user_has_authenticator', 'user, device_type=None', ([user, type], rt) => {
    if (type !== null && typeof type !== 'string') raise('TypeError', 'device_type is a str')
    return rt.hostCall('user.has_device', { user: modelObject(user, 'User').key, type })
  }),
  ip_address: ipAddress,
  ip_network: ipNetwork,
  list_flatten: native('list_flatten', 'value', ([value]) =>
    value instanceof PyList || value instanceof PyTuple ? (value.items[0] ?? null) : value,
  ),
  regex_match: native('regex_match', 'value, regex', ([value, regex], rt) =>
    bind(searchIn.code([regex, value], null, rt), (found: Value) => found !== null),
  ),
  regex_replace: native('regex_replace', 'value, regex, repl', ([value, regex, repl], rt) =>
    replaceIn.code([regex, repl, value], null, rt),
  ),
  requests,
  resolve_dns: native('resolve_dns', 'host, ip_version=None', ([host, version], rt) =>
    rt.hostCall('dns.resolve', { host: rt.str(host), version }),
  ),
  reverse_dns: native('reverse_dns', 'ip_addr', ([ip], rt) => rt.hostCall('dns.reverse', { ip: rt.str(ip) })),
  slugify: native('slugify', 'value', ([value], rt) => {
    const text = rt.str(value)
    rt.charge(1 + 2 * text.length)
    rt.alloc(4 * text.length)
    return slugify(text, text.length + 1)
  }),
}

/** Of policies alone. */
export const policyHelpers: Readonly<Record<string, Value>> = {
  ak_message: native('ak_message', 'message', ([message], rt) => {
    rt.message(rt.str(message))
    return null
  }),
}
