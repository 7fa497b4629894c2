import type { Ctx } from '../../context.ts'
import type { Visit } from '../../flows/visit.ts'
import { renderAccessDenied, renderNotFound, renderOAuthError, type Denial, type OperatorHelp } from '../../interfaces/errors.ts'
import type { PageContext } from '../../interfaces/page.ts'
import type { Answer } from './answer.ts'

/** The person's side of an endpoint: the session and cookies, and how a page looks. */
export type Browser = { visit: Visit; page: () => Promise<PageContext> }

const requestId = (ctx: Ctx): string => ctx.request?.id ?? ''

/** Nobody to answer to can be trusted yet, RFC 6749 §4.1.2.1: the person is told, and not sent anywhere. */
export const errorPage = async (ctx: Ctx, { page }: Browser, title: string, text: string, help?: OperatorHelp): Promise<Answer> =>
  renderOAuthError(await page(), { title, text, requestId: requestId(ctx), help })

/** A policy said no. Status 200, which clients of this API expect. */
export const deniedPage = async (
  ctx: Ctx,
  { page }: Browser,
  messages: readonly string[],
  why: Omit<Denial, 'messages' | 'requestId'> = {},
): Promise<Answer> => renderAccessDenied(await page(), { ...why, messages: messages.filter(Boolean), requestId: requestId(ctx) })

export const notFoundPage = async ({ page }: Browser): Promise<Answer> => renderNotFound(await page())
