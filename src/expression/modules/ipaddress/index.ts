/** `ipaddress` */
import { raise } from '../../errors.ts'
import { defineModule, native } from '../../module.ts'
import type { Runtime } from '../../module.ts'
import { PyException } from '../../values.ts'
import type { PyClass, Value } from '../../values.ts'
import { addressClasses, PyAddress, readAddress } from './address.ts'
import { makeNetwork, networkClasses, PyNetwork, readPrefixed } from './network.ts'
import { addressError, maskOf, netmaskError } from './parse.ts'
import type { Version } from './parse.ts'
import { typedClass } from '../typed-class.ts'

function interfaceClass(version: Version): PyClass {
  const name = `IPv${version}Interface`
  const make = native(name, 'address', ([given]) => makeInterface(version, given))
  const network = (self: PyAddress) => new PyNetwork(version, self.value & maskOf(version, self.prefix!), self.prefix!)
  return typedClass(
    {
      name,
      module: 'ipaddress',
      bases: [addressClasses[version]],
      construct: (_, args, kwargs, rt) => make.code(args, kwargs, rt),
      getters: {
        ip: (self: PyAddress) => new PyAddress(version, self.value, self.zone),
        network,
        netmask: (self: PyAddress) => new PyAddress(version, maskOf(version, self.prefix!)),
        hostmask: (self: PyAddress) => new PyAddress(version, network(self).last ^ network(self).first),
        with_prefixlen: (self: PyAddress) => self.text(),
        with_netmask: (self: PyAddress) => `${self.addressText()}/${new PyAddress(version, maskOf(version, self.prefix!)).text()}`,
      },
    },
    () => PyAddress,
  )
}
const interfaceClasses: Record<Version, PyClass> = { 4: interfaceClass(4), 6: interfaceClass(6) }

function makeInterface(version: Version, given: Value) {
  const { value, zone, prefix } = readPrefixed(version, given)
  return new PyAddress(version, value, zone, prefix, interfaceClasses[version])
}

const isValueError = (error: unknown) => error instanceof PyException && (error.cls === addressError || error.cls === netmaskError)

/** Tries version 4, then 6. ValueError when it is neither. */
function either<T>(given: Value, what: string, read: (version: Version) => T, rt: Runtime): T {
  rt.charge(5)
  if (typeof given === 'string' && given.length > 1000) raise('ValueError', `not an IPv4 or IPv6 ${what}`)
  for (const version of [4, 6] as const) {
    try {
      return read(version)
    } catch (error) {
      if (!isValueError(error)) throw error
    }
  }
  return raise('ValueError', `${rt.repr(given)} does not appear to be an IPv4 or IPv6 ${what}`)
}

/** `ip_address`, also given to expressions as a function of its own. */
export const ipAddress = native('ip_address', 'address', ([given], rt) =>
  given instanceof PyAddress && given.prefix === null
    ? given
    : either(
        given,
        'address',
        v => {
          const { value, zone } = readAddress(v, given)
          return new PyAddress(v, value, zone)
        },
        rt,
      ),
)

/** `ip_network`, also given to expressions as a function of its own. */
export const ipNetwork = native('ip_network', 'address, strict=True', ([given, strict], rt) =>
  either(given, 'network', v => makeNetwork(v, given, strict !== false && strict !== 0), rt),
)

export const ipaddress = defineModule('ipaddress', {
  ip_address: ipAddress,
  ip_network: ipNetwork,
  ip_interface: native('ip_interface', 'address', ([given], rt) => either(given, 'interface', v => makeInterface(v, given), rt)),
  IPv4Address: addressClasses[4],
  IPv6Address: addressClasses[6],
  IPv4Network: networkClasses[4],
  IPv6Network: networkClasses[6],
  IPv4Interface: interfaceClasses[4],
  IPv6Interface: interfaceClasses[6],
  AddressValueError: addressError,
  NetmaskValueError: netmaskError,
  IPV4LENGTH: 32,
  IPV6LENGTH: 128,
})
