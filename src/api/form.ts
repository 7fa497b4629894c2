import type { FastifyRequest } from 'fastify'
import { ApiError, invalid } from './errors.ts'

const MAX_SIZE = 10 * 1024 * 1024 // bytes

/** What limits a form with a file; larger ones are refused while they arrive. */
export const UPLOAD_LIMITS = { files: 1, fileSize: MAX_SIZE, fields: 8, fieldSize: 16_384, fieldNameSize: 100, parts: 9, headerPairs: 50 }

export type UploadForm<Name extends string> = Partial<Record<Name, string>> & { upload?: { filename: string; bytes: Buffer } }

/**
 * The parts of a `multipart/form-data` request: the text fields of these names, and the one file.
 * @throws ApiError 415 for another kind of body, 400 for one that cannot be read or whose file is larger than 10 MB
 */
export async function readForm<Name extends string>(request: FastifyRequest, names: readonly Name[]): Promise<UploadForm<Name>> {
  const form: UploadForm<Name> = {}
  if (!request.isMultipart()) throw new ApiError(415, { detail: 'This takes a form with a file.' })
  try {
    for await (const part of request.parts({ limits: UPLOAD_LIMITS })) {
      const name = names.find(known => known === part.fieldname)
      if (part.type === 'file') form.upload = { filename: part.filename, bytes: await part.toBuffer() }
      else if (name !== undefined) Object.assign(form, { [name]: String(part.value) })
    }
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'FST_REQ_FILE_TOO_LARGE') throw invalid({ file: [`The file is larger than ${MAX_SIZE / 1024 / 1024} MB.`] })
    if (code?.startsWith('FST_')) throw error
    throw new ApiError(400, { detail: 'The form cannot be read.' }, { cause: error })
  }
  return form
}
