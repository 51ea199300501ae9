/** Tables as text that spreadsheets read (RFC 4180). */

/** Text that begins so would be computed by a spreadsheet. */
const FORMULA = /^[=+\-@\t\r]/

/** One cell; an amount is written digit by digit, and text never as a formula. */
export function csvCell(text: string, isAmount = false): string {
  const safe = !isAmount && FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export const csvLine = (cells: readonly string[]): string => `${cells.join(',')}\r\n`

/** Have the browser save text as a file. */
export function download(name: string, parts: readonly string[]): void {
  const url = URL.createObjectURL(new Blob([...parts], { type: 'text/csv' }))
  const link = Object.assign(document.createElement('a'), { href: url, download: name })
  link.click()
  URL.revokeObjectURL(url)
}
