import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { escapeHtml } from '../../src/lib/html.ts'
import { withPalette } from './palette-png.ts'

export type Picture = { name: string; png: Uint8Array }

const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))

/**
 * Puts pictures of pages on one sheet, docs/screenshots/<name>.png, each under its name and at half its size: many small files would
 * cost the repository more than they tell. With SIGNET_PICTURES=<folder>, each is kept there in its own size as well.
 */
export async function contactSheet(browser: Browser, name: string, pictures: readonly Picture[], width: number): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  const folder = process.env.SIGNET_PICTURES
  if (folder) {
    mkdirSync(`${folder}/${name}`, { recursive: true })
    for (const picture of pictures) writeFileSync(`${folder}/${name}/${picture.name.replaceAll(/\W+/g, '-')}.png`, picture.png)
  }
  const figures = pictures.map(
    ({ name, png }) =>
      `<figure><figcaption>${escapeHtml(name)}</figcaption><img width="${width / 2}" src="data:image/png;base64,${Buffer.from(png).toString('base64')}"></figure>`,
  )
  const style = `body{margin:0;padding:16px;background:#8a8a8a;font:13px system-ui;columns:${Math.max(4, Math.floor(1600 / (width / 2)))};column-gap:12px}
    figure{margin:0 0 12px;break-inside:avoid}figcaption{padding:2px 0;color:#fff;font-weight:600}img{display:block}`
  const page = await browser.newPage({ viewport: { width: 1680, height: 1000 } })
  await page.setContent(`<!doctype html><style>${style}</style>${figures.join('')}`)
  writeFileSync(`${FOLDER}${name}.png`, withPalette(await page.screenshot({ fullPage: true })))
  await page.close()
}
