/** What objects of some models can do beside holding fields. */
import { groupNumber } from '../../core/group/number.ts'
import type { Registry } from '../../registry.ts'
import { userPath } from '../../sources/source.ts'
import { raise } from '../errors.ts'
import { native, nativeRaw } from '../module.ts'
import type { Runtime } from '../module.ts'
import { PyList, PyStaticMethod } from '../values.ts'
import type { Kwargs, Result, Value, NativeFunction } from '../values.ts'
import { makeClasses, type Classes, type Extras, type ModelClass } from './classes.ts'
import { modelObject, type ModelObject } from './object.ts'
import { Manager, QuerySet, startQuery } from './queryset.ts'

const text = (value: Value): string => (typeof value === 'string' ? value : raise('TypeError', 'a password is a str'))

/** The stored key of an application. */
const keyOf = (application: Value): string => String(modelObject(application, 'Application').key)

/** A method whose `self` is an object of a model. */
const on = (
  name: string,
  model: string,
  signature: string,
  code: (self: ModelObject, args: Value[], rt: Runtime) => Result,
): [string, NativeFunction] => [
  name,
  native(name, signature ? `self, ${signature}` : 'self', ([self, ...args], rt) => code(modelObject(self, model), args, rt)),
]

const isUsable = (self: ModelObject): boolean =>
  self.password === undefined
    ? typeof self.row.password === 'string' && self.row.password !== '' && !self.row.password.startsWith('!')
    : self.password !== null

const superuser = (self: ModelObject, rt: Runtime): Result => (self.stored ? rt.hostCall('user.is_superuser', { user: self.key }) : false)

const user: Extras = {
  aliases: { ak_groups: 'groups' },
  computed: {
    is_superuser: superuser,
    is_staff: superuser,
    is_authenticated: () => true,
    is_anonymous: () => false,
    uid: (self, rt) => rt.hostCall('user.uid', { user: self.key }),
    avatar: (self, rt) => rt.hostCall('user.avatar', { row: self.row }),
  },
  methods: Object.fromEntries([
    on(
      'all_groups',
      'User',
      '',
      self =>
        new QuerySet(
          startQuery(
            self.own.all.byLabel.get('authentik_core.group')!,
            self.stored ? { kind: 'groups_of', user: self.key as number } : { kind: 'nothing' },
          ),
        ),
    ),
    on('group_attributes', 'User', 'request=None', (self, [request], rt) =>
      rt.hostCall('user.group_attributes', { user: self, request: request !== null }),
    ),
    on('app_entitlements', 'User', 'app', (self, [app]) =>
      app === null
        ? new PyList([])
        : new QuerySet(
            startQuery(
              self.own.all.byLabel.get('authentik_core.applicationentitlement')!,
              self.stored ? { kind: 'entitlements_of', user: self.key as number, application: keyOf(app!) } : { kind: 'nothing' },
            ),
          ),
    ),
    on('app_entitlements_attributes', 'User', 'app', (self, [app], rt) =>
      rt.hostCall('user.app_entitlements_attributes', {
        user: self.stored ? self.key : null,
        application: app === null ? null : keyOf(app!),
      }),
    ),
    on('locale', 'User', 'request=None', (self, _, rt) => rt.hostCall('user.locale', { user: self })),
    on('has_usable_password', 'User', '', self => isUsable(self)),
    on('set_password', 'User', 'raw_password, signal=True, sender=None, request=None', (self, [password]) => {
      self.password = password === null ? null : text(password!)
      return null
    }),
    on('set_unusable_password', 'User', '', self => {
      self.password = null
      return null
    }),
    on('check_password', 'User', 'raw_password', (self, [password], rt) => {
      if (self.password !== undefined) return self.password === text(password!)
      return isUsable(self) ? rt.hostCall('user.check_password', { hash: self.row.password, password: text(password!) }) : false
    }),
    on('get_username', 'User', '', self => String(self.row.username ?? '')),
    on('get_full_name', 'User', '', self => String(self.row.name ?? '')),
  ]),
}

const group: Extras = {
  computed: { num_pk: self => groupNumber(String(self.key)) },
  methods: Object.fromEntries([
    on('is_member', 'Group', 'user', (self, [member], rt) =>
      rt.hostCall('group.is_member', { group: self.key, user: modelObject(member, 'User').key }),
    ),
    on('all_children', 'Group', '', (self, _, rt) => rt.getAttribute(self, 'children')),
  ]),
}

const flow: Extras = { computed: { stages: (self, rt) => rt.hostCall('flow.stages', { flow: self.key }) } }

const application: Extras = {
  methods: Object.fromEntries([
    on('get_provider', 'Application', '', (self, _, rt) => rt.getAttribute(self, 'provider')),
    on('get_launch_url', 'Application', 'user=None', self => (self.row.meta_launch_url === '' ? null : String(self.row.meta_launch_url))),
  ]),
}

/** A token of a connection: of the one that is at hand, else as it was stored. Expressions ask the source's API with it. */
const tokenOf =
  (name: 'access_token' | 'refresh_token') =>
  (self: ModelObject, rt: Runtime): Result =>
    typeof self.row[name] === 'string' || !self.stored
      ? ((self.row[name] as string | null | undefined) ?? null)
      : rt.hostCall('connection.token', { connection: self.key, name })

const oauthConnection: Extras = { computed: { access_token: tokenOf('access_token'), refresh_token: tokenOf('refresh_token') } }

const source: Extras = {
  methods: { get_user_path: native('get_user_path', 'self', ([self]) => userPath(modelObject(self).row)) },
}

const extras: Readonly<Record<string, Extras>> = {
  'authentik_core.user': user,
  'authentik_core.group': group,
  'authentik_core.application': application,
  'authentik_flows.flow': flow,
  'authentik_sources_oauth.useroauthsourceconnection': oauthConnection,
  'authentik_core.source': source,
}

const common: Record<string, NativeFunction> = {
  save: nativeRaw('save', ([self], kwargs, rt) => {
    const only = kwargs?.get('update_fields')
    const named = only instanceof PyList ? only.items.filter(name => typeof name === 'string') : undefined
    return rt.hostCall('model.save', { object: modelObject(self), only: named })
  }),
  delete: native('delete', 'self', ([self], rt) => rt.hostCall('model.delete', { object: modelObject(self) })),
  refresh_from_db: native('refresh_from_db', 'self', ([self], rt) => rt.hostCall('model.refresh', { object: modelObject(self) })),
  __str__: native('__str__', 'self', ([self]) => modelObject(self).str()),
}

/** Attributes of a class itself: `objects`, its exceptions, its methods. */
function dictOf(own: ModelClass): Map<string, Value> {
  const manager = new Manager(own)
  return new Map<string, Value>([
    ...Object.entries(common),
    ...Object.entries(own.extras.methods ?? {}),
    ...Object.entries(own.extras.classMethods ?? {}).map(([name, fn]) => [name, new PyStaticMethod(fn)] as const),
    ...Object.entries(own.extras.constants ?? {}),
    ['objects', manager],
    ['_default_manager', manager],
    ['DoesNotExist', own.doesNotExist],
    ['MultipleObjectsReturned', own.multiple],
  ])
}

/** `User(username="x")`: an object that `save()` stores. */
const construct = (own: ModelClass, args: Value[], kwargs: Kwargs | null, rt: Runtime): Result => {
  if (args.length) raise('TypeError', `${own.model.name}() takes keyword arguments`)
  return rt.hostCall('model.new', { label: own.model.label, kwargs: kwargs ?? new Map() })
}

const known = new WeakMap<Registry, Classes>()

/** The classes of a registry, made when the first expression looks for one. */
export function classesOf(registry: Registry): Classes {
  let classes = known.get(registry)
  if (!classes) known.set(registry, (classes = makeClasses(registry, label => extras[label] ?? {}, dictOf, construct)))
  return classes
}
