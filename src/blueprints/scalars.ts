/**
 * Plain scalars as YAML 1.1 reads them, since blueprints in the wild are written for a 1.1 parser:
 * `yes` and `off` are booleans, `0644` is octal, `1e3` is text.
 * Two kinds are left as text on purpose: dates (JSON has none) and base-60 numbers (`12:30`).
 */
const NULL = /^(?:~|null|Null|NULL|)$/
const TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/
const FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/
const INTEGER = /^([-+]?)(?:(0b)([01_]+)|(0x)([0-9a-fA-F_]+)|(0)([0-7_]+)|(0|[1-9][0-9_]*))$/
const FLOAT = /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?$/

/** Integers beyond ±2^53 stay text, because a JSON number would silently be another one. */
function integer(text: string): number | string | undefined {
  const match = INTEGER.exec(text)
  if (!match) return undefined
  const digits = (match[3] ?? match[5] ?? match[7] ?? match[8] ?? '').replaceAll('_', '')
  if (digits === '') return undefined
  const radix = match[2] ? 2 : match[4] ? 16 : match[6] ? 8 : 10
  const number = Number.parseInt(digits, radix) * (match[1] === '-' ? -1 : 1)
  return Number.isSafeInteger(number) ? number || 0 : text
}

const float = (text: string) => (FLOAT.test(text) ? Number(text.replaceAll('_', '')) : undefined)

export function resolvePlain(text: string): null | boolean | number | string {
  if (NULL.test(text)) return null
  if (TRUE.test(text)) return true
  if (FALSE.test(text)) return false
  return integer(text) ?? float(text) ?? text
}

/** Core tags (`!!str`, `!!int` …) on a scalar; undefined when the text does not fit or the tag is not one of them. */
export function resolveTagged(tag: string, text: string): null | boolean | number | string | undefined {
  switch (tag) {
    case 'tag:yaml.org,2002:str':
      return text
    case 'tag:yaml.org,2002:null':
      return NULL.test(text) ? null : undefined
    case 'tag:yaml.org,2002:bool':
      return TRUE.test(text) ? true : FALSE.test(text) ? false : undefined
    case 'tag:yaml.org,2002:int':
      return integer(text)
    case 'tag:yaml.org,2002:float': {
      const whole = integer(text)
      return float(text) ?? (typeof whole === 'number' ? whole : undefined)
    }
    default:
      return undefined
  }
}
