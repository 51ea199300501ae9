/** What went wrong with a request, and how a person is told of it. */

export interface Problem {
  /** HTTP status; 0 where no answer came. */
  status: number
  /** The word for its class, such as `insufficient_funds`; empty if there is none. */
  kind: string
  message: string
  /** Which part of what was sent it is about. */
  field?: string
  retryAfterS?: number
}

/** What the request would have changed, so that its failure can be told in terms of money. */
export type Effect = 'none' | 'order' | 'cancel' | 'funds' | 'control' | 'run'

export interface Words {
  what: string
  money: string
  next: string
}

const NOT_DONE: Record<Effect, string> = {
  none: 'Your money is not affected.',
  order: 'No order was made and no funds are held for it.',
  cancel: 'The order stands as it was and may still fill.',
  funds: 'No funds were moved.',
  control: 'Trading goes on as before.',
  run: 'No run was started and no funds were moved.',
}

const UNCLEAR: Record<Effect, string> = {
  none: 'Your money is not affected; what you see may be out of date.',
  order: 'The order may have been made.',
  cancel: 'The order may have been cancelled, or may still fill.',
  funds: 'The funds may have been moved.',
  control: 'It may have taken effect or not.',
  run: 'The run may have been started.',
}

/** What happened, what it means for the money, and what to do now. */
export function words(problem: Problem, effect: Effect): Words {
  const what = sentence(problem.message)
  if (isUnclear(problem)) {
    const next =
      effect === 'order' || effect === 'run'
        ? `Try again: the same ${effect} is never ${effect === 'order' ? 'made' : 'started'} twice.`
        : effect === 'none'
          ? 'The page tries again by itself.'
          : 'Look at the page once it is connected again before you repeat it.'
    return { what, money: UNCLEAR[effect], next }
  }
  return { what, money: NOT_DONE[effect], next: remedy(problem) }
}

/** Whether what was asked for may have been done nevertheless. */
export const isUnclear = (problem: Problem): boolean =>
  problem.status === 0 || problem.status >= 502 || problem.kind === 'unknown_outcome'

export function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'kind' in value && 'message' in value
}

/** Any thrown or returned error as a problem. */
export function asProblem(error: unknown): Problem {
  if (isProblem(error)) return error
  const message = error instanceof Error ? error.message : 'Something unexpected happened'
  return { status: 500, kind: '', message }
}

function remedy({ status, kind, retryAfterS }: Problem): string {
  if (retryAfterS !== undefined) return `Try again in ${retryAfterS} s.`
  if (kind === 'insufficient_funds') return 'Choose a smaller amount, or allocate more first.'
  if (kind === 'exchange_not_ready') return 'Wait until the exchange is ready again.'
  if (status === 401) return 'Sign in again.'
  if (status === 403) return 'Ask an administrator for the right to do this.'
  if (status >= 500) return "Try again; if it stays so, the service's log says why."
  return 'Change it and try again.'
}

function sentence(text: string): string {
  // A name keeps its small letter.
  const capital = text.startsWith('xWrap') ? text : text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}
