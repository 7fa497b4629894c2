/** Exceptions of the importable modules, as classes of the language. */
import type { ApiError } from '../../api/errors.ts'
import { exception, exceptionClass } from '../errors.ts'
import { fromJson } from '../json.ts'
import type { PyException } from '../values.ts'

export const objectDoesNotExist = exceptionClass('ObjectDoesNotExist', 'Exception', 'django.core.exceptions')
export const multipleObjectsReturned = exceptionClass('MultipleObjectsReturned', 'Exception', 'django.core.exceptions')
export const fieldError = exceptionClass('FieldError', 'Exception', 'django.core.exceptions')
export const validationError = exceptionClass('ValidationError', 'Exception', 'django.core.exceptions')
export const databaseError = exceptionClass('DatabaseError', 'Exception', 'django.db.utils')
export const integrityError = exceptionClass('IntegrityError', databaseError, 'django.db.utils')
export const notSupportedError = exceptionClass('NotSupportedError', databaseError, 'django.db.utils')
export const controlFlowException = exceptionClass('ControlFlowException', 'Exception', 'authentik.lib.expression.exceptions')
/** Raised by a mapping to leave an object out of a synchronisation. */
export const skipObject = exceptionClass('SkipObjectException', 'Exception', 'authentik.core.expression.exceptions')

/** What the operations of the API refuse, as an exception that expressions know. */
export function ofApiError({ body }: ApiError): PyException {
  const texts = Object.values(body).flat()
  const taken = texts.some(text => typeof text === 'string' && /already exists|must make a unique set|exists already/.test(text))
  return taken
    ? exception(integrityError, texts.filter(text => typeof text === 'string').join(' '))
    : exception(validationError, fromJson(body))
}
