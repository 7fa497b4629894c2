import type { Model, Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import type { Visit } from '../flows/visit.ts'
import type { Back } from './arrive.ts'

/** What a kind of source is beside its model. The list of them is `ctx.registry.sources`; sources given here are whole objects of the model. */
export type SourceKind = {
  model: Model
  /** The picture of a source that has none of its own; null: none. */
  icon?: (ctx: Ctx, source: Row) => string | null
  /**
   * What its button on the sign-in page does, as a challenge (`{component: 'xak-flow-redirect', to}`). Kinds without it have no button.
   * `query` is that of the page, without `?`, so that `next` and an invitation survive the way there and back.
   */
  button?: (ctx: Ctx, source: Row, query: string) => Row
  /**
   * Sends a browser to the source and answers its address, with what the person is to come back to; for flows of which the source is a
   * step. @throws SourceError
   */
  begin?: (ctx: Ctx, visit: Visit, source: Row, back: Back) => Promise<string>
  /** How people connect it with their account: the element that their settings show, and where it leads. */
  settings?: (ctx: Ctx, source: Row) => { component: string; configure_url: string }
}
