/** What was written and not saved: it outlives leaving the page, in this browser. */

const key = (name: string) => `cryptock.unsaved.${name}`

export const kept = (name: string): string | null => localStorage.getItem(key(name))
export const keep = (name: string, text: string): void => localStorage.setItem(key(name), text)
export const forget = (name: string): void => localStorage.removeItem(key(name))
