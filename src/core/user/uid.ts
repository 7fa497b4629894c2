import { hash } from 'node:crypto'
import type { Deps } from '../../deps.ts'

/** A user's opaque, stable id: hex SHA-256 of `<key>-<installation>`. The default `sub` of tokens, so it must never change. */
export const userUid = ({ installId }: Pick<Deps, 'installId'>, id: number): string => hash('sha256', `${id}-${installId}`)
