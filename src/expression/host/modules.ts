/** The modules of Django and authentik that expressions import. Models come from the registry; the rest stands here. */
import { AUTHENTICATIONS, DESIGNATIONS } from '../../flows/flow.ts'
import { ACTIONS } from '../../events/event.ts'
import { USER_TYPES } from '../../core/people.ts'
import { allSettings } from '../../config/settings.ts'
import type { Config } from '../../config.ts'
import type { Registry } from '../../registry.ts'
import { escapeHtml } from '../../lib/html.ts'
import { parseDuration } from '../../lib/duration.ts'
import { decode, encode } from '../builtins/codecs.ts'
import { raise } from '../errors.ts'
import { fromJson } from '../json.ts'
import { defineModule, native, nativeClass, nativeRaw } from '../module.ts'
import type { Runtime } from '../module.ts'
import { atWall, EPOCH } from '../modules/datetime/datetime.ts'
import { PyTimedelta } from '../modules/datetime/timedelta.ts'
import { UTC } from '../modules/datetime/tzinfo.ts'
import { HostObject, PyBytes, PyClass, PyInstance, types } from '../values.ts'
import type { Value, PyModule } from '../values.ts'
import { classesOf } from './models.ts'
import {
  controlFlowException,
  databaseError,
  fieldError,
  integrityError,
  multipleObjectsReturned,
  notSupportedError,
  objectDoesNotExist,
  skipObject,
  validationError,
} from './exceptions.ts'
import { helpers } from './functions.ts'
import { newSession, requests, requestsExceptions } from './http.ts'
import { modelObject } from './object.ts'
import { redirectStage } from './plan.ts'
import { qClass } from './q.ts'
import { queryDictClass } from './querydict.ts'
import { Manager, querySetClass } from './queryset.ts'
import { classNamed } from './request.ts'

/** A class of words such as `UserTypes.INTERNAL`: each is a text with a `.value`. */
function words(name: string, module: string, values: Readonly<Record<string, string>>): PyClass {
  const cls = nativeClass({
    name,
    module,
    bases: [types.str],
    getters: {
      value: (self: PyInstance) => self.payload!,
      name: (self: PyInstance) => Object.keys(values).find(key => values[key] === self.payload) ?? null,
    },
  })
  for (const [key, value] of Object.entries(values)) {
    const member = new PyInstance(cls, null)
    member.payload = value
    cls.dict.set(key, member)
  }
  return cls
}

const upper = (list: readonly string[]): Record<string, string> =>
  Object.fromEntries(list.map(word => [word.toUpperCase().replace(/_$/, '_PREFIX'), word]))

/** `CONFIG.get("key")`: settings of the installation, secrets left out. */
class Configuration extends HostObject {
  private readonly config: Config
  constructor(config: Config) {
    super(classNamed('ConfigLoader', 'authentik.lib.config'))
    this.config = config
  }
  private find(key: string): unknown {
    const setting = allSettings().find(([name]) => name === key)?.[1]
    if (!setting || setting.secret) return undefined
    return key
      .split('.')
      .reduce<unknown>(
        (value, part) =>
          typeof value === 'object' && value !== null && Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined,
        this.config,
      )
  }
  override getAttribute(name: string): Value | undefined {
    const get = (as: (value: unknown) => Value) =>
      native(name, 'path, default=None', ([path, otherwise]) => {
        const found = this.find(String(path))
        return found === undefined || found === null ? otherwise : as(found)
      })
    if (name === 'get') return get(found => (typeof found === 'object' ? JSON.stringify(found) : fromJson(found)))
    if (name === 'get_bool' || name === 'y_bool') return get(found => found === true || found === 'true')
    return name === 'get_int' ? get(found => Math.trunc(Number(found))) : undefined
  }
}

const now = native('now', '', (_, rt) => atWall(EPOCH + BigInt(Math.floor(rt.now())) * 1000n, UTC))
/** A text that is gone through in one piece, and may grow. */
function paid(value: Value, rt: Runtime): string {
  const text = rt.str(value)
  rt.charge(1 + 2 * text.length)
  rt.alloc(4 * text.length)
  return text
}

const same = (name: string) => native(name, 'message, *rest', ([message]) => message)

/** A validator: called with a value, it raises or says nothing. */
const validator = (name: string, accepts: (text: string) => boolean, message: string): PyClass => {
  const cls: PyClass = nativeClass({
    name,
    module: 'django.core.validators',
    construct: () => new PyInstance(cls, null),
    methods: {
      __call__: native('__call__', 'self, value', ([, value], rt) => {
        const text = rt.str(value)
        rt.charge(1 + (text.length >> 4))
        return accepts(text) ? null : raise(validationError, message)
      }),
    },
  })
  return cls
}

const isHttpUrl = (text: string): boolean => {
  const url = text.length <= 2048 && !/\s/.test(text) ? URL.parse(text) : null
  return url !== null && /^(?:https?|ftps?):$/.test(url.protocol) && /^(?:localhost|\[.+\]|[\d.]+|(?:[^.]+\.)+[^.]{2,})$/.test(url.hostname)
}
const isEmail = (text: string): boolean =>
  text.length <= 320 && /^[^\s@"(),:;<>[\\\]]+@(?:localhost|(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z\d-]{2,})$/i.test(text)
const emailValidator = validator('EmailValidator', isEmail, 'Enter a valid email address.')

const PLANNER = {
  PLAN_CONTEXT_PENDING_USER: 'pending_user',
  PLAN_CONTEXT_PENDING_USER_IDENTIFIER: 'pending_user_identifier',
  PLAN_CONTEXT_SSO: 'is_sso',
  PLAN_CONTEXT_REDIRECT: 'redirect',
  PLAN_CONTEXT_APPLICATION: 'application',
  PLAN_CONTEXT_DEVICE: 'device',
  PLAN_CONTEXT_SOURCE: 'source',
  PLAN_CONTEXT_OUTPOST: 'outpost',
  PLAN_CONTEXT_POST: 'goauthentik.io/http/post',
  PLAN_CONTEXT_IS_RESTORED: 'is_restored',
  PLAN_CONTEXT_IS_REDIRECTED: 'is_redirected',
}

const ATTRIBUTES = {
  USER_ATTRIBUTE_DEBUG: 'goauthentik.io/user/debug',
  USER_ATTRIBUTE_GENERATED: 'goauthentik.io/user/generated',
  USER_ATTRIBUTE_EXPIRES: 'goauthentik.io/user/expires',
  USER_ATTRIBUTE_DELETE_ON_LOGOUT: 'goauthentik.io/user/delete-on-logout',
  USER_ATTRIBUTE_SOURCES: 'goauthentik.io/user/sources',
  USER_ATTRIBUTE_TOKEN_EXPIRING: 'goauthentik.io/user/token-expires',
  USER_ATTRIBUTE_TOKEN_MAXIMUM_LIFETIME: 'goauthentik.io/user/token-maximum-lifetime',
  USER_ATTRIBUTE_CHANGE_USERNAME: 'goauthentik.io/user/can-change-username',
  USER_ATTRIBUTE_CHANGE_NAME: 'goauthentik.io/user/can-change-name',
  USER_ATTRIBUTE_CHANGE_EMAIL: 'goauthentik.io/user/can-change-email',
  USER_PATH_SYSTEM_PREFIX: 'goauthentik.io',
  USER_PATH_SERVICE_ACCOUNT: 'goauthentik.io/service-accounts',
}

const core = 'authentik.core.models'
const flows = 'authentik.flows.models'

const devicesForUser = native('devices_for_user', 'user, confirmed=True, for_verify=False', ([user, confirmed], rt) =>
  rt.hostCall('user.devices', { user: modelObject(user, 'User').key, confirmed: confirmed !== false }),
)

const objectOr404 = native('get_object_or_404', 'klass, *args, **kwargs', ([klass, , filters], rt) => {
  const manager = klass instanceof PyClass ? klass.dict.get('objects') : klass
  if (!(manager instanceof Manager)) raise('TypeError', 'get_object_or_404() takes a model')
  return rt.call(
    manager.getAttribute('get')!,
    [],
    new Map([...filters.entries.values()].map(({ key, value }: { key: Value; value: Value }) => [String(key), value])),
  )
})

/** What has no model behind it. */
const fixed: Readonly<Record<string, Readonly<Record<string, Value>>>> = {
  'django.db.models': { Q: qClass, QuerySet: querySetClass },
  'django.db': { IntegrityError: integrityError, DatabaseError: databaseError, NotSupportedError: notSupportedError },
  'django.db.utils': { IntegrityError: integrityError, DatabaseError: databaseError, NotSupportedError: notSupportedError },
  'django.db.transaction': { on_commit: nativeRaw('on_commit', ([fn], _, rt) => rt.call(fn!, [])) },
  'django.core.exceptions': {
    ObjectDoesNotExist: objectDoesNotExist,
    MultipleObjectsReturned: multipleObjectsReturned,
    FieldError: fieldError,
    ValidationError: validationError,
  },
  'django.core.validators': {
    URLValidator: validator('URLValidator', isHttpUrl, 'Enter a valid URL.'),
    EmailValidator: emailValidator,
    validate_email: native('validate_email', 'value', ([value], rt) =>
      isEmail(rt.str(value)) ? null : raise(validationError, 'Enter a valid email address.'),
    ),
    ValidationError: validationError,
  },
  'django.http': { QueryDict: queryDictClass, HttpRequest: classNamed('WSGIRequest', 'django.core.handlers.wsgi') },
  'django.http.request': { QueryDict: queryDictClass, HttpRequest: classNamed('WSGIRequest', 'django.core.handlers.wsgi') },
  'django.shortcuts': { get_object_or_404: objectOr404 },
  'django.utils.timezone': { now },
  'django.utils.html': {
    escape: native('escape', 'text', ([text], rt) => escapeHtml(paid(text, rt))),
    strip_tags: native('strip_tags', 'value', ([value], rt) => paid(value, rt).replace(/<[^<>]*>/g, '')),
  },
  'django.utils.text': { slugify: helpers.slugify! },
  'django.utils.translation': { gettext: same('gettext'), gettext_lazy: same('gettext_lazy') },
  'django.utils.encoding': {
    force_str: native('force_str', 's', ([s], rt) => (s instanceof PyBytes ? decode(s.data, 'utf-8', 'replace', rt) : rt.str(s))),
    force_bytes: native('force_bytes', 's', ([s], rt) =>
      s instanceof PyBytes ? s : new PyBytes(encode(rt.str(s), 'utf-8', 'replace', rt)),
    ),
  },
  'django.contrib.auth.models': { AnonymousUser: classNamed('AnonymousUser', 'django.contrib.auth.models') },
  requests: Object.fromEntries(requests.members),
  'requests.exceptions': Object.fromEntries(requestsExceptions.members),
  [core]: {
    ...ATTRIBUTES,
    UserTypes: words('UserTypes', core, upper(USER_TYPES)),
    TokenIntents: words('TokenIntents', core, {
      INTENT_VERIFICATION: 'verification',
      INTENT_API: 'api',
      INTENT_RECOVERY: 'recovery',
      INTENT_APP_PASSWORD: 'app_password',
    }),
  },
  [flows]: {
    in_memory_stage: redirectStage,
    FlowDesignation: words('FlowDesignation', flows, upper(DESIGNATIONS)),
    FlowAuthenticationRequirement: words('FlowAuthenticationRequirement', flows, upper(AUTHENTICATIONS)),
  },
  'authentik.flows.planner': { ...PLANNER, FlowPlan: classNamed('FlowPlan', 'authentik.flows.planner') },
  'authentik.stages.prompt.stage': { PLAN_CONTEXT_PROMPT: 'prompt_data' },
  'authentik.stages.user_write.stage': {
    PLAN_CONTEXT_GROUPS: 'groups',
    PLAN_CONTEXT_USER_PATH: 'user_path',
    PLAN_CONTEXT_USER_TYPE: 'user_type',
  },
  'authentik.stages.password.stage': {
    PLAN_CONTEXT_AUTHENTICATION_BACKEND: 'user_backend',
    PLAN_CONTEXT_METHOD: 'auth_method',
    PLAN_CONTEXT_METHOD_ARGS: 'auth_method_args',
  },
  'authentik.stages.email.stage': { PLAN_CONTEXT_EMAIL_SENT: 'email_sent', PLAN_CONTEXT_EMAIL_OVERRIDE: 'email' },
  'authentik.stages.consent.stage': {
    PLAN_CONTEXT_CONSENT_HEADER: 'consent_header',
    PLAN_CONTEXT_CONSENT_TITLE: 'consent_title',
    PLAN_CONTEXT_CONSENT_PERMISSIONS: 'consent_permissions',
  },
  'authentik.core.sources.flow_manager': { PLAN_CONTEXT_SOURCES_CONNECTION: 'goauthentik.io/sources/connection' },
  'authentik.core.expression.exceptions': { SkipObjectException: skipObject },
  'authentik.lib.expression.exceptions': { ControlFlowException: controlFlowException },
  'authentik.lib.utils.http': { get_http_session: native('get_http_session', '', () => newSession()) },
  'authentik.lib.utils.time': {
    timedelta_from_string: native('timedelta_from_string', 'expr', ([expr]) => {
      try {
        return new PyTimedelta(BigInt(parseDuration(String(expr))) * 1000n)
      } catch {
        return raise('ValueError', `${String(expr)} is not in the correct format of 'hours=3;minutes=1'.`)
      }
    }),
  },
  'authentik.events.models': { EventAction: words('EventAction', 'authentik.events.models', upper(ACTIONS)) },
  'authentik.policies.types': {
    PolicyRequest: classNamed('PolicyRequest', 'authentik.policies.types'),
    PolicyResult: classNamed('PolicyResult', 'authentik.policies.types'),
  },
  'authentik.stages.authenticator': { devices_for_user: devicesForUser },
  'authentik.tenants.utils': {
    get_current_tenant: native('get_current_tenant', '*only', (_, rt) => rt.hostCall('request.tenant', {})),
    get_unique_identifier: native('get_unique_identifier', '', (_, rt) => rt.hostCall('program.install_id', {})),
  },
  'authentik.admin.utils': { get_system_settings: native('get_system_settings', '', (_, rt) => rt.hostCall('request.tenant', {})) },
}

type Modules = ReadonlyMap<string, PyModule>
const known = new WeakMap<Registry, Modules>()

function makeModules(registry: Registry): Modules {
  const members = new Map<string, Record<string, Value>>()
  const put = (module: string, names: Readonly<Record<string, Value>>) => members.set(module, { ...members.get(module), ...names })
  for (const [module, names] of Object.entries(fixed)) put(module, names)
  for (const own of classesOf(registry).byLabel.values()) put(own.module, { [own.model.name]: own.cls })
  return new Map([...members].map(([name, names]) => [name, defineModule(name, names)]))
}

/** The module of this name, for the models of a registry; undefined when there is none. */
export function hostModule(registry: Registry, name: string): PyModule | undefined {
  let modules = known.get(registry)
  if (!modules) known.set(registry, (modules = makeModules(registry)))
  return modules.get(name)
}

const configModules = new WeakMap<Config, PyModule>()
/** `authentik.lib.config`, which differs between installations. */
export function configModule(config: Config): PyModule {
  let module = configModules.get(config)
  if (!module) configModules.set(config, (module = defineModule('authentik.lib.config', { CONFIG: new Configuration(config) })))
  return module
}
