/** The application library: its search box hides the tiles that do not hold what is typed; connected accounts are disconnected. */
const search = document.querySelector<HTMLInputElement>('.search')
const none = document.getElementById('no-match')

search?.addEventListener('input', () => {
  const wanted = search.value.trim().toLocaleLowerCase()
  let shown = 0
  for (const group of document.querySelectorAll<HTMLElement>('.group')) {
    let inGroup = 0
    for (const tile of group.querySelectorAll<HTMLElement>('li')) {
      tile.hidden = !tile.textContent.toLocaleLowerCase().includes(wanted)
      if (!tile.hidden) inGroup++
    }
    group.hidden = inGroup === 0
    shown += inGroup
  }
  if (none) none.hidden = shown > 0
})

// Enter opens the first application that is left.
search?.form?.addEventListener('submit', event => {
  event.preventDefault()
  document.querySelector<HTMLAnchorElement>('.group:not([hidden]) li:not([hidden]) a')?.click()
})

const csrf = () => /(?:^|; )authentik_csrf=([^;]+)/.exec(document.cookie)?.[1] ?? ''

async function disconnect(button: HTMLButtonElement): Promise<void> {
  if (button.ariaDisabled === 'true' || !confirm(button.dataset.confirm)) return
  button.ariaDisabled = 'true'
  const answer = await fetch(button.dataset.connection!, { method: 'DELETE', headers: { 'x-authentik-csrf': csrf() } }).catch(
    () => undefined,
  )
  // Gone already is as good.
  if (answer?.ok || answer?.status === 404) return location.reload()
  button.ariaDisabled = null
  document.querySelector<HTMLElement>('.connected .alert')!.hidden = false
}

for (const button of document.querySelectorAll<HTMLButtonElement>('[data-connection]')) {
  button.addEventListener('click', () => void disconnect(button))
}
