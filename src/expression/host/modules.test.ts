import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { aUser, unique } from '../../../test/builders.ts'
import { result } from '../../../test/expressions.ts'
import { server } from '../../../test/harness.ts'
import { ExpressionError } from '../evaluate.ts'
import { systemSettings } from '../../core/settings.ts'

test('the modules that public expressions import are there', async () => {
  const { ctx } = await server()
  assert.deepEqual(
    await result(
      ctx,
      `
    from authentik.core.models import User, Group, Application, Token, TokenIntents, UserTypes, AuthenticatedSession, Provider, PropertyMapping, USER_ATTRIBUTE_CHANGE_EMAIL, USER_ATTRIBUTE_CHANGE_NAME, USER_ATTRIBUTE_CHANGE_USERNAME
    from authentik.flows.models import Flow, Stage, FlowStageBinding, FlowAuthenticationRequirement, FlowDesignation, in_memory_stage
    from authentik.flows.planner import PLAN_CONTEXT_PENDING_USER, PLAN_CONTEXT_SSO, PLAN_CONTEXT_REDIRECT
    from authentik.stages.prompt.stage import PLAN_CONTEXT_PROMPT
    from authentik.stages.authenticator import devices_for_user
    from authentik.policies.models import PolicyBinding, Policy
    from authentik.policies.expression.models import ExpressionPolicy
    from authentik.events.models import Event, EventAction
    from authentik.brands.models import Brand
    from authentik.rbac.models import Role
    from authentik.lib.config import CONFIG
    from authentik.tenants.utils import get_current_tenant
    from django.db.models import Q
    from django.db import transaction, IntegrityError
    from django.utils.timezone import now
    from django.utils.html import escape
    from django.utils.translation import gettext as _
    from django.utils.text import slugify as s2
    from django.http import QueryDict
    from django.core.validators import URLValidator, validate_email
    from django.core.exceptions import ValidationError
    import django.utils.timezone, requests, structlog, logging, re, json, base64, datetime, urllib.parse, hashlib, uuid
    ran = []
    transaction.on_commit(lambda: ran.append(1))
    def valid(check, value):
        try:
            check(value)
            return True
        except ValidationError:
            return False
    url = URLValidator()
    return [
        USER_ATTRIBUTE_CHANGE_EMAIL, PLAN_CONTEXT_PENDING_USER, PLAN_CONTEXT_PROMPT, UserTypes.INTERNAL, UserTypes.INTERNAL == "internal", f"{TokenIntents.INTENT_API}",
        EventAction.LOGIN, FlowAuthenticationRequirement.REQUIRE_SUPERUSER.value, escape("<a & 'b'>"), _("Hello"), s2("A b"), now().year > 2000, (now() - datetime.timedelta(days=1)) < now(), ran,
        QueryDict("a=1&a=2&b=")["a"], QueryDict("a=1&a=2").getlist("a"), QueryDict("x=1").get("y", "z"),
        valid(url, "https://example.org/x"), valid(url, "nonsense"), valid(validate_email, "a@b.co"), valid(validate_email, "a b"),
        CONFIG.get("log_level"), CONFIG.get("secret_key", "hidden"), CONFIG.get("postgresql.password"), CONFIG.get_bool("debug"), CONFIG.get("no.such", 5), get_current_tenant().avatars,
        isinstance(now(), datetime.datetime), devices_for_user(user),
    ]
  `,
      { user: await aUser(ctx) },
    ),
    [
      'goauthentik.io/user/can-change-email',
      'pending_user',
      'prompt_data',
      'internal',
      true,
      'api',
      'login',
      'require_superuser',
      '&lt;a &amp; &#39;b&#39;&gt;',
      'Hello',
      'a-b',
      true,
      true,
      [1],
      '2',
      ['1', '2'],
      'z',
      true,
      false,
      true,
      false,
      ctx.config.log_level,
      'hidden',
      null,
      false,
      5,
      (await systemSettings(ctx)).avatars,
      true,
      [],
    ],
  )
})

test('nothing of the host leads out', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx)
  const attempts = [
    'user.constructor',
    'user.__proto__',
    'user.__dict__',
    'user.row',
    'user.own',
    'user.getAttribute',
    'user.groups.start',
    'user.groups.owner',
    'request.http_request.makers',
    'request.constructor',
    'User.objects.own',
    'User.cls',
    'type(user).mro',
    'User.objects.filter(id=1).query',
    'User.objects.constructor',
    'User.__subclasses__',
    'requests.constructor',
    'requests.__globals__',
    'requests.get.__globals__',
    'ak_logger.constructor',
    'ak_user_by.code',
    'ak_message.__self__',
    'user._meta',
    'User.objects.db',
    'Q(a=1).node',
    'CONFIG.config',
    'context.entries',
    'context.source',
    'request.context.constructor',
  ]
  for (const attempt of attempts) {
    await assert.rejects(
      result(
        ctx,
        `from authentik.core.models import User\nfrom authentik.lib.config import CONFIG\nfrom django.db.models import Q\nreturn ${attempt}`,
        { user, context: { a: 1 } },
      ),
      error => error instanceof ExpressionError && /AttributeError/.test(error.message),
      attempt,
    )
  }
  // Keys that mean something to JavaScript are ordinary ones.
  const context = { prompt_data: {} as Record<string, unknown> }
  await result(ctx, 'context["prompt_data"]["__proto__"] = {"polluted": True}\ncontext["prompt_data"]["constructor"] = 1', { context })
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
  assert.deepEqual(Object.keys(context.prompt_data).sort(), ['__proto__', 'constructor'])
  await result(ctx, 'user.attributes["__proto__"] = {"x": 1}\nuser.save()', { user }).catch((error: unknown) =>
    assert.ok(error instanceof ExpressionError),
  )
  assert.equal(({} as Record<string, unknown>).x, undefined)
})

test('tokens for an OAuth2 provider are made on behalf of a user', async () => {
  const { ctx, admin } = await server()
  const slug = unique('jwt')
  const flow = (await admin.post('/api/v3/flows/instances/', { name: slug, slug, title: slug, designation: 'authorization' })).body.pk
  const provider = await admin.post('/api/v3/providers/oauth2/', {
    name: slug,
    authorization_flow: flow,
    invalidation_flow: flow,
    redirect_uris: [],
  })
  assert.equal(provider.status, 201, provider.text)
  assert.equal((await admin.post('/api/v3/core/applications/', { name: slug, slug, provider: provider.body.pk })).status, 201)
  const user = await aUser(ctx)
  const text = `
    from authentik.providers.oauth2.models import OAuth2Provider
    p = OAuth2Provider.objects.get(name=slug)
    return [ak_create_jwt(user, p, ["openid"], validity="minutes=5"), ak_create_jwt_raw(slug, validity="seconds=30", hello="world", sub="x")]
  `
  assert.deepEqual(await result(ctx, text, { user, variables: { slug } }), [null, null])
  const request = {
    id: 'r',
    method: 'GET',
    path: '/',
    query: '',
    clientIp: '10.0.0.1',
    userAgent: 'x',
    origin: 'https://id.example.test',
    host: 'id.example.test',
    headers: {},
  }
  const [access, raw] = (await result({ ...ctx, request }, text, { user, variables: { slug } })) as [string, string]
  const claims = decodeJwt(access)
  assert.equal(claims.aud, provider.body.client_id)
  assert.equal(Math.round((claims.exp! - claims.iat!) / 60), 5)
  const plain = decodeJwt(raw)
  assert.deepEqual([plain.hello, plain.sub, plain.exp! - plain.iat!], ['world', 'x', 30])
})
