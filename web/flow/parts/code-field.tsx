import { useStage } from '../stage.ts'
import { TextField } from './field.tsx'

/** A code that was sent or is shown elsewhere; browsers and phones offer to fill it in. */
export function CodeField({ numeric = true }: { numeric?: boolean }) {
  const { t } = useStage()
  return (
    <TextField
      name="code"
      label={t('code')}
      autocomplete="one-time-code"
      inputMode={numeric ? 'numeric' : 'text'}
      spellcheck={false}
      required
      autofocus
    />
  )
}
