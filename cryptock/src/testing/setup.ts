import '@testing-library/jest-dom/vitest'
import { cleanup, configure } from '@testing-library/react'
import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import { chart, resetChart } from './chart'
import { service } from './service'

configure({ asyncUtilTimeout: 15_000 })

// Nothing is laid out or painted here.
vi.mock('lightweight-charts', () => chart)

if (typeof window !== 'undefined') {
  // What is drawn where it is seen needs somewhere to be seen.
  Object.defineProperties(HTMLElement.prototype, {
    clientHeight: { value: 600 },
    clientWidth: { value: 1200 },
  })
  window.ResizeObserver = class {
    observe = () => undefined
    unobserve = () => undefined
    disconnect = () => undefined
  }
  HTMLCanvasElement.prototype.getContext = () => null
  window.matchMedia = (media) =>
    ({
      media,
      matches: false,
      addEventListener: vi.fn(),
      removeEventListener: vi.fn(),
    }) as unknown as MediaQueryList
}

beforeAll(() => service.listen({ onUnhandledRequest: 'bypass' }))
afterEach(() => {
  if (typeof window !== 'undefined') {
    cleanup()
    localStorage.clear()
  }
  service.resetHandlers()
  resetChart()
})
afterAll(() => service.close())
