import { hydrate } from 'preact'
import { App } from './app.tsx'
import type { FlowData } from './challenge.ts'
import { loadTexts } from './locale.ts'
import { translator } from './translate.ts'

const data = JSON.parse(document.getElementById('flow-data')!.textContent) as FlowData
const texts = await loadTexts(document.documentElement.lang)
hydrate(<App data={data} t={translator(texts)} />, document.getElementById('flow')!)
document.documentElement.dataset.script = 'on' // tests and styles wait for it
