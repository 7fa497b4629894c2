import { createHash } from 'node:crypto'
import type { Deps } from '../deps.ts'

/** A user's opaque, stable id: hex SHA-256 of `<key>-<installation>`. The default `sub` of tokens, so it must never change. */
export const userUid = ({ installId }: Pick<Deps, 'installId'>, id: number): string =>
  createHash('sha256').update(`${id}-${installId}`).digest('hex')
