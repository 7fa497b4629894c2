import { useEffect, useRef, useState } from 'preact/hooks'
import type { Asking } from '../challenge.ts'
import { useStage } from '../stage.ts'

/** The application that asks: its picture, its name, and what is known of it. */
export function Asker({ asking }: { asking: Asking }) {
  const { t } = useStage()
  const { name, publisher, unverified, home } = asking
  return (
    <div class="asker">
      <Face asking={asking} />
      <div>
        <p>
          {/* A name in another direction than the page's keeps to itself. */}
          <b>
            <bdi>{name}</bdi>
          </b>{' '}
          {unverified && <span class="badge warn">{t('unverified')}</span>}
        </p>
        {publisher && <p class="hint">{t('by_publisher', { name: publisher })}</p>}
        {home && isWeb(home) && (
          <p class="hint">
            <Outside href={home}>{t('website', { host: new URL(home).host })}</Outside>
          </p>
        )}
      </div>
    </div>
  )
}

/** Links that the application gave: each opens beside this page, and hears nothing of it. */
export function AskerLinks({ asking: { policy, terms } }: { asking: Asking }) {
  const { t } = useStage()
  const links = [[policy, t('privacy_policy')] as const, [terms, t('terms')] as const].filter(([href]) => href !== undefined && isWeb(href))
  if (links.length === 0) return null
  return (
    <p class="hint links">
      {links.map(([href, label]) => (
        <Outside key={label} href={href!}>
          {label}
        </Outside>
      ))}
    </p>
  )
}

const isWeb = (href: string): boolean => URL.canParse(href) && /^https?:$/.test(new URL(href).protocol)

const Outside = ({ href, children }: { href: string; children: string }) => (
  <a href={href} target="_blank" rel="noopener noreferrer">
    {children}
  </a>
)

/** Its picture; the first letter of its name where there is none, or none that loads. */
export function Face({ asking: { icon, name } }: { asking: Pick<Asking, 'icon' | 'name'> }) {
  const image = useRef<HTMLImageElement>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    // It may have failed before there was anybody to hear of it.
    if (image.current?.complete && image.current.naturalWidth === 0) setFailed(true)
  }, [])
  if (icon && !failed)
    return <img ref={image} src={icon} alt="" width="40" height="40" referrerpolicy="no-referrer" onError={() => setFailed(true)} />
  return (
    <span class="tile" aria-hidden="true">
      {String.fromCodePoint(name.codePointAt(0) ?? 0x20).toUpperCase()}
    </span>
  )
}
