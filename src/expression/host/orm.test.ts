import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aToken, aUser, unique } from '../../../test/builders.ts'
import { result } from '../../../test/expressions.ts'
import { server } from '../../../test/harness.ts'
import { ExpressionError } from '../evaluate.ts'

const fails = (work: Promise<unknown>, text: RegExp) =>
  assert.rejects(work, error => error instanceof ExpressionError && text.test(error.message))

test('accounts and groups are found by the usual look-ups', async () => {
  const { ctx } = await server()
  const mark = unique('find')
  const group = await aGroup(ctx, { name: `${mark}-Staff`, attributes: { level: 3 } })
  const one = await aUser(ctx, {
    username: `${mark}-one`,
    name: 'Zoë Ärger',
    email: `${mark}.One@Example.test`,
    groups: [group.group_uuid],
    attributes: { team: 'it', tags: ['a', 'b'], n: 5, deep: { x: true }, 'k/1': null },
  })
  const two = await aUser(ctx, { username: `${mark}-two`, is_active: false, attributes: { team: 'hr', n: 2.5 } })
  const found = (filters: string, model = 'User') =>
    result(
      ctx,
      `
      from authentik.core.models import User, Group
      from django.db.models import Q
      from datetime import datetime, timezone, timedelta
      return [o.username if isinstance(o, User) else o.name for o in ${model}.objects.filter(${model === 'User' ? `username__startswith="${mark}"` : `name__startswith="${mark}"`}).filter(${filters}).order_by("pk")]
    `,
      { variables: { mark, group: group.group_uuid } },
    )
  const [a, b] = [one.username, two.username]
  const cases: [string, unknown[]][] = [
    [`username=mark + "-one"`, [a]],
    [`username__exact=mark + "-ONE"`, []],
    [`username__iexact=mark + "-ONE"`, [a]],
    [`email__iexact=mark + ".one@example.TEST"`, [a]],
    [`name__icontains="ÄRG"`, [a]],
    [`name__contains="Ärg"`, [a]],
    [`name__contains="ärg"`, []],
    [`name__startswith="Zoë"`, [a]],
    [`name__istartswith="zOË"`, [a]],
    [`name__endswith="ger"`, [a]],
    [`name__iendswith="GER"`, [a]],
    [`username__contains="%"`, []],
    [`username__regex=r"-o.e$"`, [a]],
    [`username__iregex=r"-T[WX]O"`, [b]],
    [`username__in=[mark + "-one", mark + "-two", "x"]`, [a, b]],
    [`username__in=[]`, []],
    [`username__in=User.objects.filter(is_active=False).values_list("username", flat=True)`, [b]],
    [`pk__in=User.objects.filter(is_active=False)`, [b]],
    [`is_active=False`, [b]],
    [`last_login__isnull=True`, [a, b]],
    [`date_joined__lt=datetime.now(timezone.utc) + timedelta(hours=1)`, [a, b]],
    [`date_joined__gt=datetime.now(timezone.utc) + timedelta(hours=1)`, []],
    [`pk__gte=${Number(two.id)}`, [b]],
    [`id__range=(${Number(one.id)}, ${Number(one.id)})`, [a]],
    [`attributes__team="it"`, [a]],
    [`attributes__team__in=["it", "hr"]`, [a, b]],
    [`attributes__team__iexact="IT"`, [a]],
    [`attributes__team__startswith="h"`, [b]],
    [`attributes__n__gt=3`, [a]],
    [`attributes__n=2.5`, [b]],
    [`attributes__deep__x=True`, [a]],
    [`attributes__has_key="deep"`, [a]],
    [`attributes__has_any_keys=["deep", "team"]`, [a, b]],
    [`attributes__tags__contains="b"`, [a]],
    [`attributes__contains={"deep": {"x": True}, "team": "it"}`, [a]],
    [`attributes__tags__isnull=True`, [b]],
    [`groups__name=mark + "-Staff"`, [a]],
    [`ak_groups__name__in=[mark + "-Staff"]`, [a]],
    [`groups=group`, [a]],
    [`groups__isnull=True`, [b]],
    [`groups__name__endswith="Staff", groups__attributes__level__gte=3`, [a]],
    [`Q(username__endswith="one") | Q(is_active=False)`, [a, b]],
    [`Q(username__endswith="one") & ~Q(is_active=True)`, []],
    [`~Q(groups__name=mark + "-Staff")`, [b]],
  ]
  for (const [filters, expected] of cases) assert.deepEqual(await found(filters), expected, filters)
  assert.deepEqual(await found('users__username=mark + "-one"', 'Group'), [group.name])
  assert.deepEqual(await found('users__isnull=False', 'Group'), [group.name])
})

test('query sets are chained, sliced, counted and picked from', async () => {
  const { ctx } = await server()
  const mark = unique('chain')
  for (const n of [1, 2, 3]) await aUser(ctx, { username: `${mark}-${n}`, name: n === 3 ? 'same' : 'other', attributes: { n } })
  assert.deepEqual(
    await result(
      ctx,
      `
    from authentik.core.models import User
    from django.db.models import Q
    qs = User.objects.filter(username__startswith=mark)
    names = lambda q: [u.username[-1] for u in q]
    ids = list(qs.values_list("pk", flat=True))
    return [
        names(qs.order_by("username")), names(qs.order_by("-username")), names(qs.order_by("-attributes__n")), names(qs.order_by("name", "username")),
        names(qs.order_by("username")[1:]), names(qs.order_by("username")[:2]), qs.order_by("username")[1].username[-1], names(qs.order_by("username")[0:3:2]),
        qs.count(), len(qs), qs.exists(), qs.filter(username="x").exists(), bool(qs.none()), bool(qs),
        qs.order_by("username").first().username[-1], qs.order_by("username").last().username[-1], qs.filter(pk=0).first(),
        names(qs.exclude(username__endswith="2").order_by("username")), names(qs.exclude(Q(username__endswith="2") | Q(username__endswith="3"))),
        list(qs.order_by("username").values_list("username", "is_active"))[0][1], qs.order_by("username").values("name")[0],
        sorted(qs.values_list("name", flat=True).distinct()), list(qs.order_by("pk").values_list("attributes__n", flat=True)),
        qs.first() in qs, qs.get(username__endswith="2") == User.objects.get(pk=ids[1]), len({*qs, *qs}), names((qs[:0])),
        names((qs.filter(name="same") | qs.filter(username__endswith="1")).order_by("username")), names(qs.reverse().order_by("username").reverse()),
    ]
  `,
      { variables: { mark } },
    ),
    [
      ['1', '2', '3'],
      ['3', '2', '1'],
      ['3', '2', '1'],
      ['1', '2', '3'],
      ['2', '3'],
      ['1', '2'],
      '2',
      ['1', '3'],
      3,
      3,
      true,
      false,
      false,
      true,
      '1',
      '3',
      null,
      ['1', '3'],
      ['1'],
      true,
      { name: 'other' },
      ['other', 'same'],
      ['1', '2', '3'],
      true,
      true,
      3,
      [],
      ['1', '3'],
      ['3', '2', '1'],
    ],
  )
})

test('what cannot be asked is named', async () => {
  const { ctx } = await server()
  const ask = (text: string) => result(ctx, `from authentik.core.models import User, Group, Token\n${text}`)
  await fails(
    ask('return User.objects.filter(nope=1).count()'),
    /FieldError: Cannot resolve keyword 'nope' into field. Choices are: .*username/,
  )
  await fails(
    ask('return User.objects.filter(username__sounds="x").count()'),
    /FieldError: Unsupported lookup 'sounds' for field 'username'/,
  )
  await fails(ask('return User.objects.filter(password__startswith="a").count()'), /Cannot resolve keyword 'password'/)
  await fails(ask('return User.objects.first().password'), /AttributeError/)
  await fails(ask('return Token.objects.values_list("key_hash", flat=True)[0]'), /Cannot resolve keyword 'key_hash'/)
  await fails(ask('return User.objects.order_by("x y; drop").first()'), /Cannot resolve keyword/)
  await fails(ask('return User.objects.get(username="nobody at all")'), /User\.DoesNotExist: User matching query does not exist/)
  await fails(ask('return User.objects.get(pk__gt=0)'), /User\.MultipleObjectsReturned: get\(\) returned more than one User/)
  await fails(ask('return Group.objects.get(pk="no uuid")'), /ValidationError: “no uuid” is not a valid UUID/)
  await fails(ask('User.objects = 1'), /TypeError/)
  await fails(ask('User.x = 1'), /TypeError/)
  await fails(ask('return User.objects.get(pk=1).__class__'), /AttributeError|DoesNotExist/)
  assert.equal(await ask('try:\n    Group.objects.get(name="no such group")\nexcept Group.DoesNotExist:\n    return "none"'), 'none')
  assert.equal(
    await ask(
      'from django.core.exceptions import ObjectDoesNotExist\ntry:\n    Group.objects.get(name="no such group")\nexcept ObjectDoesNotExist:\n    return "none"',
    ),
    'none',
  )
})

test('references lead from object to object, and kinds are what they are', async () => {
  const { ctx, admin } = await server()
  const slug = unique('app')
  const flow =
    (await ctx.db.selectFrom('flow').select('flow_uuid').executeTakeFirst())?.flow_uuid ??
    (await admin.post('/api/v3/flows/instances/', { name: slug, slug, title: slug, designation: 'authorization' })).body.pk
  const provider = await admin.post('/api/v3/providers/oauth2/', {
    name: slug,
    authorization_flow: flow,
    invalidation_flow: flow,
    redirect_uris: [],
  })
  assert.equal(provider.status, 201, provider.text)
  await admin.post('/api/v3/core/applications/', { name: slug, slug, provider: provider.body.pk })
  const user = await aUser(ctx)
  await aToken(ctx, user)
  assert.deepEqual(
    await result(
      ctx,
      `
    from authentik.core.models import Application, Provider, Token
    from authentik.providers.oauth2.models import OAuth2Provider
    from authentik.flows.models import Flow
    app = Application.objects.get(slug=slug)
    p = app.provider
    return [
        p.name, isinstance(p, OAuth2Provider), isinstance(p, Provider), type(p).__name__, p.client_id == client_id, p.application == app, p == Provider.objects.get(name=slug),
        app.get_provider() == p, Application.objects.filter(provider__name=slug).count(), OAuth2Provider.objects.filter(application__slug=slug).count(), hasattr(p, "client_secret"),
        Token.objects.filter(user=user).count(), Token.objects.filter(user__username=user.username).first().user == user, list(Application.objects.filter(slug=slug).values_list("provider__name", flat=True)),
        isinstance(p.authorization_flow, Flow), p.authorization_flow_id == p.authorization_flow.pk, str(app), app.provider_id == p.pk,
    ]
  `,
      { user, variables: { slug, client_id: provider.body.client_id } },
    ),
    [slug, true, true, 'OAuth2Provider', true, true, true, true, 1, 1, false, 1, true, [slug], true, true, slug, true],
  )
})

test('a query stops at a thousand objects', async () => {
  const { ctx, logged } = await server()
  const mark = unique('many')
  const rows = Array.from({ length: 1001 }, (_, n) => ({
    group_uuid: ctx.uuid(),
    name: `${mark}-${n}`,
    is_superuser: false,
    attributes: '{}',
  }))
  for (let n = 0; n < rows.length; n += 200)
    await ctx.db
      .insertInto('group')
      .values(rows.slice(n, n + 200))
      .execute()
  assert.deepEqual(
    await result(
      ctx,
      'from authentik.core.models import Group\nq = Group.objects.filter(name__startswith=mark)\nreturn [len(q), q.count()]',
      { variables: { mark } },
    ),
    [1000, 1001],
  )
  assert.ok(logged.some(line => line.msg === 'query of an expression was cut off'))
  await ctx.db.deleteFrom('group').where('name', 'like', `${mark}-%`).execute()
})

test('visitors have no attributes and belong nowhere', async () => {
  const { ctx } = await server()
  assert.deepEqual(
    await result(
      ctx,
      `
    from django.contrib.auth.models import AnonymousUser
    u = request.user
    return [u.pk, u.username, u.is_authenticated, u.is_anonymous, u.is_active, u.is_superuser, hasattr(u, "email"), hasattr(u, "attributes"), u.groups.count(), list(u.groups.all()), isinstance(u, AnonymousUser), str(u)]
  `,
    ),
    [null, '', false, true, false, false, false, false, 0, [], true, 'AnonymousUser'],
  )
  await fails(
    result(ctx, 'return request.user.attributes.get("x")'),
    /AttributeError: 'AnonymousUser' object has no attribute 'attributes'/,
  )
  await fails(result(ctx, 'return ak_is_group_member(request.user, name="x")'), /AttributeError/)
})

test('objects compare with anything, and stand for themselves as text', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx)
  assert.deepEqual(
    await result(
      ctx,
      `
    from authentik.core.models import User, Group
    again = User.objects.get(pk=user.pk)
    new, other = User(username="a"), User(username="a")
    return [user == again, user != again, user == [], user == None, user == user.pk, [] == user, user in [1, [], again], {user: 1}[again], new == other, new == new, str(user), f"{user}", repr(user), bool(user),
        user.groups == user.groups.all(), Group.objects.model is Group, user.DoesNotExist is User.DoesNotExist, new.pk, [k for k in dir(user) if k == "username"], hasattr(user, "nope"), getattr(user, "backend", None)]
  `,
      { user },
    ),
    [
      true,
      false,
      false,
      false,
      false,
      false,
      true,
      1,
      false,
      true,
      user.username,
      user.username,
      `<User: ${String(user.username)}>`,
      true,
      false,
      true,
      true,
      null,
      ['username'],
      false,
      null,
    ],
  )
})
