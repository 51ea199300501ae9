import AccountBalanceWallet from '@mui/icons-material/AccountBalanceWalletOutlined'
import QueryStats from '@mui/icons-material/QueryStats'
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
    path: '/backtests',
    name: 'Backtests',
    rail: { key: 'b', Icon: QueryStats },
    Content: lazy(() =>
      import('@/features/backtests/Backtests').then((it) => ({ default: it.Backtests })),
    ),
  },
  {
    path: '/backtests/:runId',
    name: 'Report',
    Content: lazy(() =>
      import('@/features/backtests/Report').then((it) => ({ default: it.Report })),
    ),
  },
  {
    path: '/compare',
    name: 'Compare',
    Content: lazy(() =>
      import('@/features/backtests/Compare').then((it) => ({ default: it.Compare })),
    ),
  },
  {
    path: '/sweeps/:sweepId',
    name: 'Sweep',
    Content: lazy(() => import('@/features/backtests/Sweep').then((it) => ({ default: it.Sweep }))),
  },
  {
    path: '/runs/:runId',
    name: 'Run',
    Content: lazy(() => import('./RunPage').then((it) => ({ default: it.RunPage }))),
  },
]

export const RAIL = PAGES.flatMap(({ path, name, rail }) => (rail ? [{ path, name, ...rail }] : []))
