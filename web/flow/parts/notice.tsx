import type { ComponentChildren } from 'preact'

const SIGNS = { good: 'm7.5 12.5 3 3 6-7', bad: 'M12 7v6m0 3.5v.5' }

/** The outcome of a flow: a sign, one sentence, and what explains it. */
export function Notice({ kind, title, children }: { kind: 'good' | 'bad'; title?: string | undefined; children?: ComponentChildren }) {
  return (
    <div class={`notice ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
      <svg viewBox="0 0 24 24" aria-hidden="true" class="icon">
        <circle cx="12" cy="12" r="9.5" />
        <path d={SIGNS[kind]} />
      </svg>
      {title && <h2>{title}</h2>}
      {children}
    </div>
  )
}
