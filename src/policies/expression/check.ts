import { invalid } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import { warn } from '../../api/warnings.ts'
import type { Ctx } from '../../context.ts'

const MAX_BYTES = 64 * 1024

/**
 * The texts of an object that are expressions: one that is no Python is refused, one that this engine cannot run in full is saved with a
 * warning, since it may come from elsewhere by a tool that must be able to write it. Use it as `clean` of models with expressions.
 */
export async function cleanExpressions(ctx: Ctx, values: Row, fields: readonly string[] = ['expression']): Promise<Row> {
  if (!fields.some(field => typeof values[field] === 'string')) return values
  const [{ check }, { moduleFinder }] = await Promise.all([import('../../expression/check.ts'), import('../../expression/host/run.ts')])
  for (const field of fields) {
    const text = values[field]
    if (typeof text !== 'string') continue
    if (Buffer.byteLength(text) > MAX_BYTES) throw invalid({ [field]: [`Ensure this field has no more than ${MAX_BYTES} bytes.`] })
    const { error, warnings } = check(text, moduleFinder(ctx))
    if (error) throw invalid({ [field]: [`Expression Syntax Error: ${error.message} (line ${error.line}, column ${error.column})`] })
    for (const { line, message } of warnings) warn(ctx, `${field} line ${line}: ${message}`, { name: values.name, field, line })
  }
  return values
}

export const cleanExpression = (ctx: Ctx, values: Row): Promise<Row> => cleanExpressions(ctx, values)
