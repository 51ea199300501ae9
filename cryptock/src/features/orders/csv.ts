import type { Order } from '@/shared/api/wire'

const COLUMNS = [
  'id',
  'created_at',
  'run_id',
  'exchange',
  'pair',
  'side',
  'type',
  'size',
  'limit',
  'filled_size',
  'avg_price',
  'fee',
  'status',
  'done_reason',
  'done_at',
  'client_order_id',
  'message',
] as const satisfies readonly (keyof Order)[]

/** Orders as CSV (RFC 4180), amounts digit by digit. */
export function ordersCsv(orders: readonly Order[]): string {
  const lines = orders.map((order) => COLUMNS.map((column) => cell(order[column])).join(','))
  return [COLUMNS.join(','), ...lines].join('\r\n') + '\r\n'
}

function cell(value: string | number | null): string {
  let text = String(value ?? '')
  // A spreadsheet would compute text that begins like a formula.
  if (typeof value === 'string' && /^[=+@\t\r]|^-(?!\d)/.test(text)) text = `'${text}`
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = Object.assign(document.createElement('a'), { href: url, download: name })
  link.click()
  URL.revokeObjectURL(url)
}
