import type { Row } from '../api/model.ts'

/** What a source says about a person, before anything is done with it. */
export type SourceIdentity = {
  /** The source's row. */
  source: Row
  /** By which the source knows the person; never changes there. */
  identifier: string
  /** Mapped: `username`, `name`, `email`, `attributes` … */
  properties: Row
  /** Whether the source says that the e-mail address is the person's; undefined when it says nothing. */
  emailVerified: boolean | undefined
  groups: { id: string; properties: Row }[]
  /** The profile as it came. */
  raw: Row
  /** Columns of the connection's own kind. */
  connection: Row
}
