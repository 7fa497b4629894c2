import type { FormFields } from '../answer.ts'

/** Reads a submitted form, files as data URIs, with the button that sent it. */
export async function formFields(form: HTMLFormElement, submitter: HTMLElement | null): Promise<FormFields> {
  const fields: [string, string][] = []
  for (const [name, value] of new FormData(form, submitter)) {
    if (typeof value === 'string') fields.push([name, value])
    else if (value.size > 0) fields.push([name, await dataUri(value)])
  }
  return Object.fromEntries(fields)
}

const dataUri = (file: File): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result as string)
    reader.onerror = () => reject(reader.error ?? new Error('The file could not be read'))
    reader.readAsDataURL(file)
  })
