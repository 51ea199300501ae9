import AccountBalanceWallet from '@mui/icons-material/AccountBalanceWalletOutlined'
import DonutLarge from '@mui/icons-material/DonutLarge'
import ShowChart from '@mui/icons-material/ShowChart'
import SwapVert from '@mui/icons-material/SwapVert'
import { type ComponentType, lazy } from 'react'

export interface Page {
  path: string
  name: string
  Content: ComponentType
  /** Of pages that are always in reach: after `g`, and on the rail. */
  rail?: { key: string; Icon: ComponentType }
}

/** All there is to go to; each is loaded when it is first shown. */
export const PAGES: readonly Page[] = [
  {
    path: '/market',
    name: 'Market',
    rail: { key: 'm', Icon: ShowChart },
    Content: lazy(() => import('@/features/market/Market').then((it) => ({ default: it.Market }))),
  },
  {
    path: '/wallets',
    name: 'Wallets',
    rail: { key: 'w', Icon: AccountBalanceWallet },
    Content: lazy(() =>
      import('@/features/wallets/Wallets').then((it) => ({ default: it.Wallets })),
    ),
  },
  {
    path: '/orders',
    name: 'Orders',
    rail: { key: 'o', Icon: SwapVert },
    Content: lazy(() => import('@/features/orders/Orders').then((it) => ({ default: it.Orders }))),
  },
  {
    path: '/overview',
    name: 'Overview',
    rail: { key: 'v', Icon: DonutLarge },
    Content: lazy(() =>
      import('@/features/overview/Overview').then((it) => ({ default: it.Overview })),
    ),
  },
  {
    path: '/runs/:runId',
    name: 'Run',
    Content: lazy(() => import('./RunPage').then((it) => ({ default: it.RunPage }))),
  },
]

export const RAIL = PAGES.flatMap(({ path, name, rail }) => (rail ? [{ path, name, ...rail }] : []))
