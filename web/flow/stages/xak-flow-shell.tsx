import type { ShellChallenge } from '../challenge.ts'
import { Markup } from '../parts/markup.tsx'

/** HTML that a stage wrote; shown as far as `parseMarkup` keeps it. */
export function ShellStage({ challenge }: { challenge: ShellChallenge }) {
  return (
    <div class="prose">
      <Markup html={challenge.body} />
    </div>
  )
}
