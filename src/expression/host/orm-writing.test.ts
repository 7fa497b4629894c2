import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aUser, unique } from '../../../test/builders.ts'
import { result } from '../../../test/expressions.ts'
import { server } from '../../../test/harness.ts'
import { transact, type Ctx } from '../../context.ts'
import { ExpressionError } from '../evaluate.ts'

const fails = (work: Promise<unknown>, text: RegExp) =>
  assert.rejects(work, error => error instanceof ExpressionError && text.test(error.message))

const eventsOf = async (ctx: Ctx, action: string, name: string) =>
  (await ctx.db.selectFrom('event').select(['context', 'action']).where('action', '=', action).execute()).filter(
    row => (row.context as { model?: { name?: string } }).model?.name === name,
  )

test('an account is changed and saved with the event that names the expression', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx, { attributes: { keep: 1, list: [1] } })
  assert.deepEqual(
    await result(
      ctx,
      `
    user.attributes["department"] = "it"
    user.attributes["list"].append(2)
    user.name = "New name"
    user.save()
    return [user.name, user.attributes]
  `,
      { user: { ...user } },
    ),
    ['New name', { keep: 1, list: [1, 2], department: 'it' }],
  )
  const stored = await ctx.db
    .selectFrom('user')
    .select(['name', 'attributes', 'username'])
    .where('id', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.equal(stored.name, 'New name')
  assert.deepEqual(stored.attributes, { keep: 1, list: [1, 2], department: 'it' })
  const [event] = await eventsOf(ctx, 'model_updated', user.username as string)
  assert.deepEqual((event!.context as { expression: unknown }).expression, { kind: 'policy', name: 'test', pk: null })
  // What is not saved is not stored; update_fields narrows.
  await result(ctx, 'user.name = "X"\nuser.path = "elsewhere"\nuser.save(update_fields=["path"])', { user: { ...user, ...stored } })
  const after = await ctx.db
    .selectFrom('user')
    .select(['name', 'path'])
    .where('id', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.deepEqual(after, { name: 'New name', path: 'elsewhere' })
  await fails(result(ctx, 'user.emial = "x"', { user }), /AttributeError: can't set attribute 'emial'/)
  await fails(result(ctx, 'user.is_superuser = True', { user }), /AttributeError/)
  await fails(result(ctx, 'user.type = "nonsense"\nuser.save()', { user }), /ValidationError/)
})

test('objects are made, found or made, changed and deleted', async () => {
  const { ctx } = await server()
  const mark = unique('made')
  const made = await result(
    ctx,
    `
    from authentik.core.models import Group, User, UserTypes
    from django.db import IntegrityError
    g = Group.objects.create(name=mark, attributes={"a": 1})
    h, created = Group.objects.get_or_create(name=mark)
    i, fresh = Group.objects.get_or_create(name=mark + "2", defaults={"attributes": {"b": 2}})
    j, again = Group.objects.update_or_create(name=mark + "2", defaults={"is_superuser": True})
    try:
        Group.objects.create(name=mark)
        taken = False
    except IntegrityError:
        taken = True
    u = User(username=mark, name="N", type=UserTypes.EXTERNAL)
    unsaved = u.pk
    u.save()
    n = Group.objects.filter(name__startswith=mark).update(attributes={"c": 3})
    gone = Group.objects.filter(name=mark + "2").delete()
    u2 = User.objects.get(username=mark)
    type_ok = u2.type == UserTypes.EXTERNAL and UserTypes.EXTERNAL.value == "external"
    u.delete()
    return [g == h, created, i.attributes, fresh, again, taken, unsaved, u2 == u, type_ok, n, gone[0], User.objects.filter(username=mark).exists(), Group.objects.get(name=mark).attributes]
  `,
    { variables: { mark } },
  )
  assert.deepEqual(JSON.parse(JSON.stringify(made)), [true, false, { b: 2 }, true, false, true, null, false, true, 2, 1, false, { c: 3 }])
  assert.equal((await eventsOf(ctx, 'model_deleted', `${mark}2`)).length, 1)
  await fails(result(ctx, 'from authentik.core.models import Group\nGroup.objects.create(nam="x")'), /unexpected keyword arguments: 'nam'/)
})

test('memberships are read and changed from both sides, old name and new', async () => {
  const { ctx } = await server()
  const mark = unique('rel')
  const [top, middle] = [
    await aGroup(ctx, { name: `${mark}-a-top`, attributes: { x: [1], y: 1 } }),
    await aGroup(ctx, { name: `${mark}-b-middle`, attributes: { x: [2] } }),
  ]
  await aGroup(ctx, { name: `${mark}-c-other` })
  await ctx.db
    .insertInto('group_parent')
    .values({ child: middle.group_uuid as string, parent: top.group_uuid as string })
    .execute()
  const user = await aUser(ctx, { attributes: { y: 2 } })
  const out = await result(
    ctx,
    `
    from authentik.core.models import Group
    middle = Group.objects.get(name=mark + "-b-middle")
    other = Group.objects.get(name=mark + "-c-other")
    names = lambda q: sorted(g.name[len(mark) + 1:] for g in q)
    steps = []
    user.ak_groups.add(middle)
    steps.append(names(user.groups.all()))
    user.groups.add(middle, other.pk)
    steps.append(names(user.ak_groups.all()))
    user.groups.remove(middle)
    steps.append(names(user.groups.filter(name__startswith=mark)))
    user.groups.set([middle])
    steps.append(names(user.groups.all()))
    steps.append(names(user.all_groups()))
    steps.append(user.groups.filter(name=mark + "-b-middle").exists())
    steps.append(list(user.groups.values_list("name", flat=True))[0][len(mark) + 1:])
    steps.append([ak_is_group_member(user, name=mark + "-a-top"), ak_is_group_member(user, name=mark + "-c-other"), ak_is_group_member(user, name__in=[mark + "-a-top"])])
    steps.append(user.group_attributes(None))
    other.users.add(user)
    steps.append([u == user for u in other.users.all()])
    steps.append([middle.is_member(user), [p.name[len(mark) + 1:] for p in middle.parents.all()], [c.name[len(mark) + 1:] for c in Group.objects.get(name=mark + "-a-top").children.all()]])
    user.groups.clear()
    steps.append(user.groups.count())
    return steps
  `,
    { user, variables: { mark } },
  )
  assert.deepEqual(JSON.parse(JSON.stringify(out)), [
    ['b-middle'],
    ['b-middle', 'c-other'],
    ['c-other'],
    ['b-middle'],
    ['a-top', 'b-middle'],
    true,
    'b-middle',
    [true, false, true],
    { x: [1, 2], y: 2 },
    [true],
    [true, ['a-top'], ['b-middle']],
    0,
  ])
  assert.ok((await eventsOf(ctx, 'model_updated', user.username as string)).length >= 5)
})

test('groups are as they are now: remembered ones are forgotten when one changes, and nobody gets those that another text wrote into', async () => {
  const { ctx } = await server()
  const mark = unique('remembered')
  const [below, above] = [await aGroup(ctx, { name: `${mark}-below` }), await aGroup(ctx, { name: `${mark}-above` })]
  const user = await aUser(ctx, { groups: [below.group_uuid] })
  const groups = (within: Ctx = ctx) =>
    result(within, 'return [sorted(g.name for g in user.groups.all()), sorted(g.name for g in user.all_groups())]', { user })
  const both = (...names: string[]) => [names, names]
  assert.deepEqual(await groups(), both(`${mark}-below`))
  await result(ctx, 'for g in user.groups.all():\n  g.name = "spoiled"\n  g.attributes["spoiled"] = True', { user })
  assert.deepEqual(await groups(), both(`${mark}-below`))
  assert.deepEqual(await result(ctx, 'return [g.attributes for g in user.groups.all()]', { user }), [{}])
  const renamed = ctx.db.updateTable('group').where('group_uuid', '=', below.group_uuid as string)
  await renamed.set({ name: `${mark}-renamed` }).execute()
  assert.deepEqual(await groups(), both(`${mark}-renamed`))
  await ctx.db
    .insertInto('group_parent')
    .values({ child: below.group_uuid as string, parent: above.group_uuid as string })
    .execute()
  assert.deepEqual(await groups(), [[`${mark}-renamed`], [`${mark}-above`, `${mark}-renamed`]])
  await assert.rejects(
    transact(ctx, async ctx => {
      await ctx.db
        .deleteFrom('user_group')
        .where('user', '=', user.id as number)
        .execute()
      assert.deepEqual(await groups(ctx), both())
      throw new Error('undone')
    }),
    /undone/,
  )
  assert.deepEqual(await groups(), [[`${mark}-renamed`], [`${mark}-above`, `${mark}-renamed`]])
  await ctx.db
    .deleteFrom('group')
    .where('group_uuid', '=', below.group_uuid as string)
    .execute()
  assert.deepEqual(await groups(), both())
})

test('one more member of a large group does not rewrite its list', async () => {
  const { ctx } = await server()
  const users: number[] = []
  for (let n = 0; n < 101; n++) users.push((await aUser(ctx)).id as number)
  const group = await aGroup(ctx, { users })
  const user = await aUser(ctx)
  await result(ctx, 'from authentik.core.models import Group\nGroup.objects.get(name=name).users.add(user)', {
    user,
    variables: { name: group.name },
  })
  const { count } = await ctx.db
    .selectFrom('user_group')
    .select(ctx.db.fn.countAll<number>().as('count'))
    .where('group', '=', group.group_uuid as string)
    .executeTakeFirstOrThrow()
  assert.equal(count, 102)
  assert.equal((await eventsOf(ctx, 'model_updated', group.name as string)).length, 0)
  assert.equal((await eventsOf(ctx, 'model_updated', user.username as string)).length, 1)
})

test('passwords are set, checked and taken away', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx, { password: 'the first one' })
  assert.deepEqual(
    await result(
      ctx,
      `
    steps = [user.has_usable_password(), user.check_password("the first one"), user.check_password("no")]
    user.set_password("the second one")
    user.save()
    steps += [user.check_password("the second one"), user.check_password("the first one")]
    user.set_unusable_password()
    user.save()
    return steps + [user.has_usable_password(), user.check_password("the second one")]
  `,
      { user: { ...user } },
    ),
    [true, true, false, true, false, false, false],
  )
  assert.equal(
    (
      await ctx.db
        .selectFrom('user')
        .select('password')
        .where('id', '=', user.id as number)
        .executeTakeFirstOrThrow()
    ).password,
    '!',
  )
})
