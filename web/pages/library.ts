/** The application library: its search box hides the tiles that do not hold what is typed; what a person has or gave is taken back. */
const search = document.querySelector<HTMLInputElement>('.search')
const none = document.getElementById('no-match')

function showWanted(): void {
  if (!search) return
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
}
search?.addEventListener('input', showWanted)
showWanted() // somebody may have typed before this script was there

// Enter opens the first application that is left.
search?.form?.addEventListener('submit', event => {
  event.preventDefault()
  document.querySelector<HTMLAnchorElement>('.group:not([hidden]) li:not([hidden]) a')?.click()
})

const csrf = () => /(?:^|; )authentik_csrf=([^;]+)/.exec(document.cookie)?.[1] ?? ''

const remove = (address: string) =>
  fetch(address, { method: 'DELETE', headers: { 'x-authentik-csrf': csrf() } }).then(
    // Gone already is as good.
    ({ ok, status }) => ok || status === 404,
    () => false,
  )

async function disconnect(button: HTMLButtonElement): Promise<void> {
  if (button.ariaDisabled === 'true' || !confirm(button.dataset.confirm)) return
  button.ariaDisabled = 'true'
  if (await remove(button.dataset.connection!)) return location.reload()
  button.ariaDisabled = null
  button.closest('.connected')!.querySelector<HTMLElement>('.alert')!.hidden = false
}

for (const button of document.querySelectorAll<HTMLButtonElement>('[data-connection]')) {
  button.addEventListener('click', () => void disconnect(button))
}

/** Takes back what a line names; the heading gets the focus that the button had, and what happened is read out. */
async function takeBack(button: HTMLButtonElement): Promise<void> {
  if (button.ariaDisabled === 'true' || !confirm(button.dataset.confirm)) return
  button.ariaDisabled = 'true'
  const section = button.closest('.connected')!
  const part = (selector: string) => section.querySelector<HTMLElement>(selector)!
  let done = true
  for (const address of button.dataset.remove!.split(' ')) done = (await remove(address)) && done
  button.ariaDisabled = null
  part('.alert').hidden = done
  if (!done) return
  button.closest('li')!.remove()
  part('.none').hidden = section.querySelector('li') !== null
  part('.said').textContent = button.dataset.done!
  part('h2').focus()
}

for (const button of document.querySelectorAll<HTMLButtonElement>('[data-remove]')) {
  button.addEventListener('click', () => void takeBack(button))
}

for (const button of document.querySelectorAll<HTMLButtonElement>('button.js-only')) button.disabled = false
document.documentElement.dataset.script = 'on' // tests wait for it
