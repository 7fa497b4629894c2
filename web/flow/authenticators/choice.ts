import type { DeviceChallenge } from '../challenge.ts'

/** A device challenge as the value of a button: class and device. */
export const choiceOf = ({ device_class: name, device_uid: uid }: DeviceChallenge): string => `${name}:${uid}`

/** The executor's form of `choiceOf`. */
export function readChoice(choice: string): { device_class: string; device_uid: string } {
  const at = choice.indexOf(':')
  return { device_class: choice.slice(0, at), device_uid: choice.slice(at + 1) }
}
