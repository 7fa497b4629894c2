/** A value of an error body: texts of one field, or the same again for nested objects and lists. */
export type FieldErrors = { [field: string]: string[] | string | FieldErrors | FieldErrors[] }

/**
 * The one error of the REST surface: its body is safe to show to the caller as it stands.
 * Shapes: `{field: [text]}` for validation, `{detail: text}` for everything else.
 */
export class ApiError extends Error {
  readonly status: number
  readonly body: FieldErrors
  constructor(status: number, body: FieldErrors, options?: { cause?: unknown }) {
    super(JSON.stringify(body), options)
    this.name = 'ApiError'
    this.status = status
    this.body = body
  }
}

/** 400: the body broke a rule; keys are field names, or `non_field_errors` for rules about several fields. */
export const invalid = (errors: FieldErrors): ApiError => new ApiError(400, errors)

/** 400 for a rule that belongs to no single field. */
export const invalidObject = (...texts: string[]): ApiError => invalid({ non_field_errors: texts })

/** 403: the caller is known but may not. */
export const permissionDenied = (detail = 'You do not have permission to perform this action.'): ApiError => new ApiError(403, { detail })

/** 403: nobody is calling. There is no 401 on this surface: clients tell "token invalid" by 403. */
export const notAuthenticated = (): ApiError => permissionDenied('Authentication credentials were not provided.')

/** 404, for what does not exist and for what the caller may not see. `name` is the model's class name on the wire. */
export const notFound = (name?: string): ApiError =>
  new ApiError(404, { detail: name === undefined ? 'Not found.' : `No ${name} matches the given query.` })

/** 404 for a page number beyond the last page. */
export const invalidPage = (): ApiError => new ApiError(404, { detail: 'Invalid page.' })

/** 405: the path exists, the method does not. */
export const methodNotAllowed = (method: string): ApiError => new ApiError(405, { detail: `Method "${method}" not allowed.` })

/** 415: only JSON is read here. */
export const unsupportedMediaType = (type: string): ApiError =>
  new ApiError(415, { detail: `Unsupported media type "${type}" in request.` })
