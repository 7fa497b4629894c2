import type { AsnResponse, CityResponse, Reader } from 'maxmind'
import type { Config } from '../config.ts'
import type { Ctx } from '../context.ts'
import { formatCidr, formatIp, parseCidr, parseIp } from '../lib/ip.ts'
import { AddressDatabase } from './database.ts'

/** Where an address is: codes of continent (`EU`) and country (`DE`), degrees, the city's name or nothing. */
export type Geo = { continent: string | null; country: string | null; lat: number | null; long: number | null; city: string }

/** Whose network an address belongs to. */
export type Asn = { asn: number | null; as_org: string | null; network: string | null }

/** What is known of an address; a part is absent where there is no database of it. */
export type Place = { geo?: Geo | null; asn?: Asn | null }

type Parts = Pick<Ctx, 'config' | 'now' | 'log'>

const opened = new WeakMap<Config, { city: AddressDatabase; asn: AddressDatabase }>()

function databases({ config }: Parts): { city: AddressDatabase; asn: AddressDatabase } {
  let known = opened.get(config)
  if (!known) {
    const { geoip, asn } = config.events.context_processors
    known = { city: new AddressDatabase(geoip, 'places of addresses'), asn: new AddressDatabase(asn, 'networks of addresses') }
    opened.set(config, known)
  }
  return known
}

type City = Reader<CityResponse> | undefined
type Network = Reader<AsnResponse> | undefined
type Readers = [city: City, asn: Network]

function readers(parts: Parts): Readers | Promise<Readers> {
  const { city, asn } = databases(parts)
  const places = city.reader(parts) as City | Promise<City>
  const networks = asn.reader(parts) as Network | Promise<Network>
  if (!(places instanceof Promise) && !(networks instanceof Promise)) return [places, networks]
  return Promise.all([Promise.resolve(places), Promise.resolve(networks)])
}

/** Nothing is known. */
export const NOWHERE: Place = {}

/** What the databases know of an address; at once, unless one of them has to be read. */
export function placeOf(parts: Parts, address: string): Place | Promise<Place> {
  const found = readers(parts)
  return found instanceof Promise ? found.then(read => known(read, address)) : known(found, address)
}

function known([city, asn]: Readers, address: string): Place {
  if (!city && !asn) return NOWHERE
  const ip = parseIp(address)
  const text = ip && formatIp(ip)
  return {
    ...(city && { geo: text === undefined ? null : geoOf(city, text) }),
    ...(asn && { asn: text === undefined ? null : asnOf(asn, text) }),
  }
}

function geoOf(reader: Reader<CityResponse>, ip: string): Geo | null {
  const found = reader.get(ip)
  if (!found) return null
  return {
    continent: found.continent?.code ?? null,
    country: found.country?.iso_code ?? null,
    lat: found.location?.latitude ?? null,
    long: found.location?.longitude ?? null,
    city: found.city?.names?.en ?? '',
  }
}

function asnOf(reader: Reader<AsnResponse>, ip: string): Asn | null {
  const [found, prefix] = reader.getWithPrefixLength(ip)
  if (!found) return null
  const network = parseCidr(`${ip}/${prefix}`)
  return {
    asn: found.autonomous_system_number ?? null,
    as_org: found.autonomous_system_organization ?? null,
    network: network ? formatCidr(network) : null,
  }
}

/** What policies are told of the request's address: `geoip` and `asn`, each where there is a database of it. */
export async function placeContext(ctx: Ctx): Promise<{ geoip?: Geo | null; asn?: Asn | null }> {
  if (ctx.request === null) return {}
  const { geo, asn } = await placeOf(ctx, ctx.request.clientIp)
  return { ...(geo !== undefined && { geoip: geo }), ...(asn !== undefined && { asn }) }
}

/** Which databases there are, for administrators. */
export async function knownPlaces(parts: Parts): Promise<{ geoip: boolean; asn: boolean }> {
  const [city, asn] = await readers(parts)
  return { geoip: city !== undefined, asn: asn !== undefined }
}

const EARTH = 6_371.0088 // km, mean radius

/** The distance between two places along the surface, in km; undefined where one is not known. */
export function distance(one: Pick<Geo, 'lat' | 'long'>, other: Pick<Geo, 'lat' | 'long'>): number | undefined {
  const values = [one.lat, one.long, other.lat, other.long]
  if (!values.every(value => typeof value === 'number')) return undefined
  const [lat, long, toLat, toLong] = values.map(degrees => (degrees * Math.PI) / 180) as [number, number, number, number]
  const half = Math.sin((toLat - lat) / 2) ** 2 + Math.cos(lat) * Math.cos(toLat) * Math.sin((toLong - long) / 2) ** 2
  return 2 * EARTH * Math.asin(Math.min(1, Math.sqrt(half)))
}
