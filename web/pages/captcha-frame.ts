/**
 * Shows the widget of reCAPTCHA, hCaptcha or Turnstile, whichever script the stage names, and tells the page around this frame what
 * becomes of it: `{captcha: {token}}`, `{captcha: {height}}`, `{captcha: {over: true}}` for a token that ran out, `{captcha: {failed: true}}`.
 */
interface Widget {
  render: (place: HTMLElement, options: Record<string, unknown>) => unknown
  execute: (id: unknown) => unknown
}
interface Providers {
  grecaptcha?: Widget & { ready: (done: () => void) => void }
  hcaptcha?: Widget
  turnstile?: Widget
}

const data = JSON.parse(document.getElementById('captcha-data')!.textContent) as {
  js_url: string
  site_key: string
  interactive: boolean
  theme: string
}
const place = document.getElementById('captcha')!
const tell = (captcha: object): void => parent.postMessage({ captcha }, location.origin)
const failed = (): void => tell({ failed: true })

const options = {
  sitekey: data.site_key,
  theme: data.theme,
  callback: (token: string) => tell({ token }),
  'expired-callback': () => tell({ over: true }),
  'error-callback': failed,
}

/** Widgets without a question are asked to judge at once. */
function show(widget: Widget): void {
  const size = data.interactive ? (innerWidth < 304 ? 'compact' : 'normal') : 'invisible'
  const id = widget.render(place, { ...options, size })
  if (!data.interactive) widget.execute(id)
}

const script = document.createElement('script')
const url = new URL(data.js_url)
if (!url.searchParams.has('render')) url.searchParams.set('render', 'explicit')
script.src = url.href
script.onerror = failed
script.onload = () => {
  // hCaptcha also answers to the name of reCAPTCHA, so it is asked for first.
  const { turnstile, hcaptcha, grecaptcha } = window as unknown as Providers
  if (turnstile) turnstile.render(place, { ...options, size: 'flexible' })
  else if (hcaptcha) show(hcaptcha)
  else if (grecaptcha) grecaptcha.ready(() => show(grecaptcha))
  else failed()
}
document.head.append(script)

/** Puzzles open beside the widget, so the frame must be as high as whatever is to be seen. */
function measure(): void {
  const seen = [place, ...document.querySelectorAll('iframe')].filter(element => getComputedStyle(element).visibility !== 'hidden')
  tell({ height: Math.ceil(Math.max(0, ...seen.map(element => element.getBoundingClientRect().bottom + scrollY))) })
}
new ResizeObserver(measure).observe(document.body)
new MutationObserver(measure).observe(document.body, { attributes: true, childList: true, subtree: true })
