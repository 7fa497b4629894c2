import { h, type VNode } from 'preact'
import { parseMarkup, type MarkupNode } from '../markup.ts'

/** Shows text that may hold simple HTML; see `parseMarkup` for what is kept. */
export function Markup({ html }: { html: string }) {
  return <>{parseMarkup(html).map(build)}</>
}

function build(node: MarkupNode): VNode | string {
  if (typeof node === 'string') return node
  const attributes = node.tag === 'a' ? { ...node.attributes, target: '_blank', rel: 'noopener noreferrer' } : node.attributes
  return h(node.tag, attributes, ...node.children.map(build))
}
