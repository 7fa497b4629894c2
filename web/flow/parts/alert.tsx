/** Errors of a whole form, read out at once by screen readers. */
export function Alert({ texts, kind = 'bad' }: { texts: string[]; kind?: 'bad' | 'warn' | 'info' }) {
  return (
    <div class={`alert ${kind}`} role={kind === 'bad' ? 'alert' : 'note'}>
      {texts.map(text => (
        <p key={text}>{text}</p>
      ))}
    </div>
  )
}
