/** The modules that every expression can import. */
import type { PyModule } from '../values.ts'
import { collections } from './collections.ts'
import { dataclasses } from './dataclasses.ts'
import { datetime } from './datetime/index.ts'
import { base64, hashlib, hmac, secrets, uuid } from './encoding.ts'
import { enumModule } from './enum.ts'
import { contextlib, copy, functools, operator } from './functools.ts'
import { ipaddress } from './ipaddress/index.ts'
import { itertools } from './itertools.ts'
import { json } from './json.ts'
import { logging, structlog, structlogStdlib } from './logging.ts'
import { math, random, string, time } from './random.ts'
import { re } from './re/index.ts'
import { html, textwrap } from './textwrap.ts'
import { abc, collectionsAbc, typing } from './typing.ts'
import { urllibParse } from './urllib/index.ts'
import { zoneinfo } from './zoneinfo.ts'

const modules = new Map<string, PyModule>(
  [
    abc,
    base64,
    collections,
    collectionsAbc,
    contextlib,
    copy,
    dataclasses,
    datetime,
    enumModule,
    functools,
    hashlib,
    hmac,
    html,
    ipaddress,
    itertools,
    json,
    logging,
    math,
    operator,
    random,
    re,
    secrets,
    string,
    structlog,
    structlogStdlib,
    textwrap,
    time,
    typing,
    urllibParse,
    uuid,
    zoneinfo,
  ].map(module => [module.name, module]),
)

/** A module by its full name. */
export const findModule = (name: string): PyModule | undefined => modules.get(name)
