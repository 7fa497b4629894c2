import type { Node } from './ast.ts'
import { foldingOf, variants } from './case.ts'
import { CharSet } from './charset.ts'
import type { SetItem } from './charset.ts'
import { scopedFlags, UNICODE } from './flags.ts'

/** `items` holds every character a match can begin with, or null when that may be any; `empty`: it may also begin with none. */
export interface First {
  items: SetItem[] | null
  empty: boolean
}

const NON_ASCII: SetItem = { lo: 128, hi: 0x10ffff }

/** Finds what the search for a match can skip. Generous: it may hold characters that cannot begin a match, never the reverse. */
export function firstItems(nodes: readonly Node[], flags: number): First {
  const items: SetItem[] = []
  for (const node of nodes) {
    const first = firstOf(node, flags)
    if (first.items === null) return { items: null, empty: first.empty }
    items.push(...first.items)
    if (!first.empty) return { items, empty: false }
  }
  return { items, empty: true }
}

function firstOf(node: Node, flags: number): First {
  switch (node.op) {
    case 'char':
      return { items: variants(node.char, flags).map(c => ({ lo: c, hi: c })), empty: false }
    case 'any':
      return { items: null, empty: false }
    case 'set': {
      const set = new CharSet(node.items, node.negate, foldingOf(flags), (flags & UNICODE) === 0)
      const items: SetItem[] = [NON_ASCII]
      for (let c = 0; c < 128; c++) if (set.ascii[c] === 1) items.push({ lo: c, hi: c })
      return { items, empty: false }
    }
    case 'at':
    case 'look':
      return { items: [], empty: true }
    case 'group':
      return firstItems(node.body.nodes, scopedFlags(flags, node.add, node.del))
    case 'atomic':
      return firstItems(node.body.nodes, flags)
    case 'branch':
      return either(node.branches.map(branch => firstItems(branch.nodes, flags)))
    case 'repeat': {
      const first = firstItems(node.body.nodes, flags)
      return node.min === 0 ? { items: first.items, empty: true } : first
    }
    case 'conditional':
      return either([firstItems(node.yes.nodes, flags), node.no === null ? { items: [], empty: true } : firstItems(node.no.nodes, flags)])
    case 'backref':
      return { items: null, empty: true }
  }
}

function either(firsts: readonly First[]): First {
  const items: SetItem[] = []
  let empty = false
  for (const first of firsts) {
    if (first.items === null) return { items: null, empty: true }
    items.push(...first.items)
    empty ||= first.empty
  }
  return { items, empty }
}
