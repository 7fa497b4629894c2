import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { avatarOf } from '../../../core/user/avatar.ts'
import { currentBrand } from '../../../core/brand/model.ts'
import { groupNumber } from '../../../core/group/number.ts'
import { systemSettings } from '../../../core/settings.ts'
import { slugify } from '../../../lib/slug.ts'
import { baseUrl } from '../addresses.ts'
import { json, type Answer } from '../answer.ts'
import { presentedToken, proofChallenge, type Presented } from '../resource/bound-token.ts'
import type { Headers } from '../client/authentication.ts'

/**
 * The two answers of GitHub's REST API by which applications learn who somebody is. The shapes are GitHub's (private user, team); what has no
 * counterpart here is empty, zero or null, as the field's type has it.
 */

/** GitHub's clients say `token` where RFC 6750 says `Bearer`; ours may say `DPoP` (RFC 9449 §7.1). */
function tokenOf({ authorization }: Headers): { credential: string | undefined; scheme: string } {
  const [, scheme = '', credential] = (typeof authorization === 'string' ? /^(bearer|token|dpop) +(\S+)$/i.exec(authorization) : null) ?? []
  return { credential, scheme: scheme.toLowerCase() }
}

const refused = (status: number, message: string, error: string): Answer =>
  json(status, { message, documentation_url: '', status: String(status) }, { 'www-authenticate': `Bearer error="${error}"` })

/** The person behind a token that holds the scope, or the answer that refuses. */
async function userFor(
  ctx: Ctx,
  headers: Headers,
  scopes: readonly string[],
): Promise<{ user: Row; granted: readonly string[] } | { answer: Answer }> {
  const { credential, scheme } = tokenOf(headers)
  const { living, badProof }: Presented = credential === undefined ? {} : await presentedToken(ctx, headers, credential, scheme)
  if (badProof !== undefined) {
    const answer = refused(401, 'Bad credentials', 'invalid_token')
    return { answer: { ...answer, headers: { ...answer.headers, ...proofChallenge(ctx, badProof) } } }
  }
  if (!living) return { answer: refused(401, 'Bad credentials', 'invalid_token') }
  if (!scopes.some(scope => living.token.scope.includes(scope)))
    return { answer: refused(403, `This needs the scope ${scopes.join(' or ')}`, 'insufficient_scope') }
  return { user: living.user, granted: living.token.scope }
}

const URLS = [
  'url',
  'html_url',
  'followers_url',
  'following_url',
  'gists_url',
  'starred_url',
  'subscriptions_url',
  'organizations_url',
  'repos_url',
  'events_url',
  'received_events_url',
]
const COUNTS = [
  'public_repos',
  'public_gists',
  'followers',
  'following',
  'private_gists',
  'total_private_repos',
  'owned_private_repos',
  'disk_usage',
  'collaborators',
]
const all = (names: readonly string[], value: unknown): Row => Object.fromEntries(names.map(name => [name, value]))

const instant = (date: unknown): string => `${(date as Date).toISOString().slice(0, 19)}Z`

/** `GET /user`. */
export async function githubUser(ctx: Ctx, headers: Headers): Promise<Answer> {
  const found = await userFor(ctx, headers, ['user:email', 'user', 'read:user'])
  if ('answer' in found) return found.answer
  const { user, granted } = found
  const avatar = avatarOf(ctx, user, (await systemSettings(ctx)).avatars)
  const joined = instant(user.date_joined)
  return json(200, {
    login: user.username,
    id: user.id,
    node_id: '',
    avatar_url: URL.canParse(avatar, baseUrl(ctx)) ? new URL(avatar, baseUrl(ctx)).href : '',
    gravatar_id: '',
    ...all(URLS, ''),
    type: 'User',
    site_admin: false,
    name: user.name,
    company: '',
    blog: '',
    location: '',
    email: granted.includes('user:email') || granted.includes('user') ? user.email : null,
    hireable: false,
    bio: '',
    twitter_username: '',
    ...all(COUNTS, 0),
    created_at: joined,
    updated_at: joined,
    two_factor_authentication: true,
    plan: { name: '', space: 0, collaborators: 0, private_repos: 0 },
  })
}

/** `GET /user/teams`: one team for each group that somebody is in, all of one organization, which is the brand. */
export async function githubTeams(ctx: Ctx, headers: Headers): Promise<Answer> {
  const found = await userFor(ctx, headers, ['read:org'])
  if ('answer' in found) return found.answer
  const groups = await ctx.db
    .selectFrom('group')
    .innerJoin('user_group', 'user_group.group', 'group.group_uuid')
    .select(['group.group_uuid', 'group.name'])
    .where('user_group.user', '=', found.user.id as number)
    .orderBy('group.name')
    .execute()
  const { title } = await currentBrand(ctx)
  const organization = {
    login: slugify(title),
    id: 1,
    node_id: '',
    ...all(['url', 'repos_url', 'events_url', 'hooks_url', 'issues_url', 'members_url', 'public_members_url', 'avatar_url'], ''),
    description: '',
    name: title,
    ...all(['company', 'blog', 'location', 'email'], ''),
    is_verified: true,
    has_organization_projects: true,
    has_repository_projects: true,
    ...all(['public_repos', 'public_gists', 'followers', 'following'], 0),
    html_url: '',
    created_at: instant(found.user.date_joined),
    updated_at: instant(found.user.date_joined),
    type: 'Organization',
  }
  return json(
    200,
    groups.map(({ group_uuid, name }) => ({
      id: groupNumber(group_uuid),
      node_id: '',
      ...all(['url', 'html_url'], ''),
      name,
      slug: slugify(name),
      description: '',
      privacy: 'closed',
      permission: 'pull',
      ...all(['members_url', 'repositories_url'], ''),
      parent: null,
      ...all(['members_count', 'repos_count'], 0),
      created_at: organization.created_at,
      updated_at: organization.updated_at,
      organization,
    })),
  )
}
