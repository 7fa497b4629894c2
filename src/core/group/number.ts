/** A small number for a group, where a protocol wants one: the first five digits of its key read as a number. */
export const groupNumber = (uuid: string): number =>
  Number(
    BigInt(`0x${uuid.replaceAll('-', '')}`)
      .toString()
      .slice(0, 5),
  )
