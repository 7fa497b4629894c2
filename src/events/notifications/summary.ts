import type { Row } from '../../api/model.ts'

/** `login_failed` → `Login Failed`. */
export const actionTitle = (action: string): string =>
  action
    .split('_')
    .filter(Boolean)
    .map(word => word[0]!.toUpperCase() + word.slice(1))
    .join(' ')

const MAX_BODY = 2_000 // characters

/** What a notification says of an event in a sentence: its own message, else what was done to which object by whom. */
export function summaryOf(event: Row): string {
  const context = event.context as Row
  const message = context.message
  if (typeof message === 'string' && message !== '') return message.slice(0, MAX_BODY)
  const model = context.model as Row | undefined
  const { username } = event.user as Row
  const what = model ? ` ${String(model.model_name)} “${String(model.name)}”` : ''
  const who = typeof username === 'string' && username !== '' ? ` by ${username}` : ''
  const where = typeof event.client_ip === 'string' ? ` from ${event.client_ip}` : ''
  return `${actionTitle(event.action as string)}:${what}${who}${where}`.replace(/:$/, '').slice(0, MAX_BODY)
}

/** Plain texts of an event's context, for those who read it in a chat or a mail. */
export const detailsOf = (event: Row | null): [string, string][] =>
  Object.entries((event?.context ?? {}) as Row).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
