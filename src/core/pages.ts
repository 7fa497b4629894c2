import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { presentObjects } from '../api/present.ts'
import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { flowPath, pathOf, signInPath } from '../flows/addresses.ts'
import { flowByKey } from '../flows/definition.ts'
import { renderAccessDenied, renderNotFound } from '../interfaces/errors.ts'
import { renderLibrary } from '../interfaces/library.ts'
import { sendPage } from '../interfaces/page.ts'
import type { OwnSetting } from '../interfaces/own-settings.ts'
import { ownAccess } from '../providers/oauth2/consent/own-access.ts'
import { ownSources } from '../sources/own.ts'
import { userSettings } from '../stages/model.ts'
import { explainAccess, mayOpen } from './application/access.ts'
import { Application, applicationBySlug, tilesFor } from './application/model.ts'
import { ownAvatar } from './user/avatar.ts'
import { HIDDEN_LAUNCH_URL } from './application/launch-url.ts'
import { currentBrand, guestApplication } from './brand/model.ts'
import { identifyBrowser } from './callers.ts'
import { pageContext, type Pages } from './page-context.ts'
import { ownSessions } from './session/own.ts'
import { systemSettings } from './settings.ts'

/** Accounts of these types have no page of their own: they are here for one application. */
const GUESTS = new Set(['external', 'service_account', 'internal_service_account'])

/** The applications that a person may open and that have somewhere to go, as tiles. */
const tiles = async (ctx: Ctx, user: Row) =>
  (await tilesFor(ctx, user)).map(application => ({
    name: application.name as string,
    launch_url: application.launch_url as string,
    icon: application.meta_icon_url as string | null,
    description: application.meta_description as string,
    group: application.group as string,
    open_in_new_tab: application.open_in_new_tab as boolean,
  }))

/** What people may change of their own account, with where: the brand's flow for it, and what stages let them set up. */
async function ownSettings(ctx: Ctx): Promise<OwnSetting[]> {
  const flow = (await currentBrand(ctx)).flows.flow_user_settings
  const stages = await userSettings(ctx)
  return [
    ...(flow ? [{ kind: 'ak-user-settings', title: '', url: flowPath(ctx, flow.slug) }] : []),
    ...stages.map(({ component, title, configure_url: url }) => ({
      kind: component as string,
      title: title as string,
      url: url as string,
    })),
  ]
}

/** Where a person goes who opens an application from outside: its launch URL, or first the sign-in that the application wants. */
async function launch(request: FastifyRequest, reply: FastifyReply, pages: Pages): Promise<FastifyReply> {
  const { ctx } = request
  const application = await applicationBySlug(ctx, (request.params as { slug: string }).slug)
  const [shown] = application ? await presentObjects(ctx, Application, [application]) : []
  if (!application || !shown || shown.launch_url === null || application.meta_launch_url === HIDDEN_LAUNCH_URL) {
    return sendPage(reply, renderNotFound(await pageContext(ctx, pages)))
  }
  const { user } = ctx.caller
  if (user !== null) {
    const access = await mayOpen(ctx, application, user)
    if (access.passing) return reply.redirect(shown.launch_url as string)
    const explanationId = explainAccess(ctx, application, user, access, 'launch')
    const messages = access.messages.filter(Boolean)
    return sendPage(reply, renderAccessDenied(await pageContext(ctx, pages), { messages, explanationId, requestId: request.id }))
  }
  const provider =
    application.provider === null
      ? undefined
      : await ctx.db
          .selectFrom('provider')
          .select('authentication_flow')
          .where('id', '=', application.provider as number)
          .executeTakeFirst()
  const own = provider?.authentication_flow ? await flowByKey(ctx, provider.authentication_flow) : undefined
  if (!own) return reply.redirect(signInPath(ctx))
  return reply.redirect(flowPath(ctx, own.flow.slug as string, new URLSearchParams({ next: ctx.request!.path }).toString()))
}

/** The pages of signed-in people, and the way into an application. Mount it at the root of the server. */
export async function ownPages(app: FastifyInstance, pages: Pages): Promise<void> {
  app.addHook('onRequest', identifyBrowser)

  for (const path of ['/if/user/', '/if/admin/']) {
    app.get(path, async (request, reply) => {
      const { ctx } = request
      const { user } = ctx.caller
      if (user === null) return reply.redirect(signInPath(ctx))
      const context = await pageContext(ctx, pages)
      if (GUESTS.has(user.type as string)) {
        const slug = await guestApplication(ctx)
        if (slug !== undefined) return reply.redirect(pathOf(ctx, `/application/launch/${slug}/`))
        return sendPage(
          reply,
          renderAccessDenied(context, { messages: ['Interface can only be accessed by internal users.'], requestId: request.id }),
        )
      }
      const { avatars } = await systemSettings(ctx)
      return sendPage(
        reply,
        renderLibrary({
          ...context,
          user: { username: user.username as string, name: user.name as string, avatar: await ownAvatar(ctx, user, avatars) },
          applications: await tiles(ctx, user),
          search: new URLSearchParams(ctx.request?.query).get('search') ?? '',
          settings: await ownSettings(ctx),
          sources: await ownSources(ctx),
          access: await ownAccess(ctx),
          sessions: await ownSessions(ctx),
          signout_url: pathOf(ctx, '/flows/-/default/invalidation/'),
          is_superuser: ctx.caller.superuser,
        }),
      )
    })
  }

  app.get('/application/launch/:slug/', (request, reply) => launch(request, reply, pages))
}
