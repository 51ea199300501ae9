import type { Place } from '@/app/place'
import { Hub } from './Hub'
import { HubFrame } from './HubFrame'

/** The page that Cryptick's server itself serves. */
export const HUB_DASHBOARD: Place = {
  title: 'Hub',
  served: ['cryptick'],
  pages: [{ path: '/', name: 'Messages', Content: Hub }],
  Frame: HubFrame,
}
