import { hydrate } from 'preact'
import { App } from './app.tsx'
import type { FlowData } from './challenge.ts'
import { loadTexts } from './locale.ts'
import { translator } from './translate.ts'
import { fetchViews } from './views.ts'

// No `await` at the top of this module: a view that is fetched shares code with it, and each would wait for the other.
async function start(): Promise<void> {
  const data = JSON.parse(document.getElementById('flow-data')!.textContent) as FlowData
  const [texts] = await Promise.all([loadTexts(document.documentElement.lang), fetchViews(data.challenge)])
  hydrate(<App data={data} t={translator(texts)} />, document.getElementById('flow')!)
  document.documentElement.dataset.script = 'on' // tests wait for it
}

// What cannot be fetched leaves the page as it came: a form that works without a script.
void start()
