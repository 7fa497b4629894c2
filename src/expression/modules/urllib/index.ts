/** `urllib.parse`, for texts. */
import { raise } from '../../errors.ts'
import { dictGetString, keyOfString } from '../../keys.ts'
import { defineModule, native } from '../../module.ts'
import type { Runtime } from '../../module.ts'
import { bind } from '../../pending.ts'
import { countText, splitText } from '../../search.ts'
import { PyDict, PyList, PyTuple, typeOf } from '../../values.ts'
import type { Result, Value } from '../../values.ts'
import { intOf, textOf } from '../arguments.ts'
import { quoting, unquote } from './quote.ts'
import { defragResultClass, parseResultClass, splitResultClass } from './results.ts'
import { joinUrl, parseUrl, splitUrl, unparseUrl, unsplitUrl } from './url.ts'
import type { Parsed, Split } from './url.ts'

/** A text argument, paid for; None counts as empty, as in CPython. */
function urlText(value: Value, rt: Runtime): string {
  const text = textOf(value) ?? (value === null ? '' : raise('AttributeError', `'${typeOf(value).name}' object has no attribute 'decode'`))
  rt.charge(2 + (text.length >> 1))
  rt.alloc(64 + 4 * text.length)
  return text
}

/** `parse_qsl` and `parse_qs` share their parameters. */
const QUERY = "qs, keep_blank_values=False, strict_parsing=False, encoding='utf-8', errors='replace', max_num_fields=None, separator='&'"

function queryPairs([qs, keepBlank, strict, encoding, errors, maximum, separator]: Value[], rt: Runtime): [string, string][] {
  const text = urlText(qs!, rt)
  const by = textOf(separator) || raise('ValueError', 'Separator must be of type string or bytes.')
  const count = text === '' ? 0 : countText(text, by) + 1
  rt.charge((by.length >> 3) + 10 * count)
  rt.alloc(64 * count)
  const parts = text === '' ? [] : splitText(text, by)
  if (maximum !== null && intOf(maximum)! < parts.length) raise('ValueError', 'Max number of fields exceeded')
  const pairs: [string, string][] = []
  const decode = (part: string) => unquote(part.replaceAll('+', ' '), encoding!, errors!, rt)
  for (const part of parts) {
    if (!part && !strict) continue
    const at = part.indexOf('=')
    if (at < 0 && strict) raise('ValueError', `bad query field: ${rt.repr(part)}`)
    if (at < 0 && !keepBlank) continue
    const name = at < 0 ? part : part.slice(0, at)
    const value = at < 0 ? '' : part.slice(at + 1)
    if (value || keepBlank) pairs.push([decode(name), decode(value)])
  }
  return pairs
}

function queryDict(pairs: [string, string][]): PyDict {
  const dict = new PyDict()
  for (const [name, value] of pairs) {
    const known = dictGetString(dict, name)
    if (known instanceof PyList) known.items.push(value)
    else dict.entries.set(keyOfString(name), { key: name, value: new PyList([value]) })
  }
  return dict
}

/** The texts of an iterable of a fixed number of parts. */
const partsOf = (value: Value, count: number, rt: Runtime, then: (parts: string[]) => Value): Result =>
  bind(rt.collect(value), (items: Value[]) => {
    if (items.length > count) raise('ValueError', `too many values to unpack (expected ${count})`)
    if (items.length < count) raise('ValueError', `not enough values to unpack (expected ${count}, got ${items.length})`)
    return then(items.map(item => urlText(item, rt)))
  })

export const urllibParse = defineModule('urllib.parse', {
  ...quoting,
  urlparse: native(
    'urlparse',
    "url, scheme='', allow_fragments=True",
    ([url, scheme, fragments], rt) => new PyTuple(parseUrl(urlText(url, rt), urlText(scheme, rt), fragments !== false), parseResultClass),
  ),
  urlsplit: native(
    'urlsplit',
    "url, scheme='', allow_fragments=True",
    ([url, scheme, fragments], rt) => new PyTuple(splitUrl(urlText(url, rt), urlText(scheme, rt), fragments !== false), splitResultClass),
  ),
  urlunparse: native('urlunparse', 'components', ([parts], rt) => partsOf(parts, 6, rt, texts => unparseUrl(texts as Parsed))),
  urlunsplit: native('urlunsplit', 'components', ([parts], rt) => partsOf(parts, 5, rt, texts => unsplitUrl(texts as Split))),
  urljoin: native('urljoin', 'base, url, allow_fragments=True', ([base, url, fragments], rt) =>
    joinUrl(urlText(base, rt), urlText(url, rt), fragments !== false),
  ),
  urldefrag: native('urldefrag', 'url', ([url], rt) => {
    const text = urlText(url, rt)
    if (!text.includes('#')) return new PyTuple([text, ''], defragResultClass)
    const [scheme, netloc, path, params, query, fragment] = parseUrl(text, '', true)
    return new PyTuple([unparseUrl([scheme, netloc, path, params, query, '']), fragment], defragResultClass)
  }),
  parse_qs: native('parse_qs', QUERY, (args, rt) => queryDict(queryPairs(args, rt))),
  parse_qsl: native('parse_qsl', QUERY, (args, rt) => new PyList(queryPairs(args, rt).map(pair => new PyTuple(pair)))),
  SplitResult: splitResultClass,
  ParseResult: parseResultClass,
})
