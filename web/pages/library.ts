/** The search box of the application library: hides the tiles that do not hold what is typed. */
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
