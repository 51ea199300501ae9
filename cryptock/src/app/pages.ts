import AccountBalanceWallet from '@mui/icons-material/AccountBalanceWalletOutlined'
import Code from '@mui/icons-material/Code'
import DonutLarge from '@mui/icons-material/DonutLarge'
import HomeOutlined from '@mui/icons-material/HomeOutlined'
import QueryStats from '@mui/icons-material/QueryStats'
import ShowChart from '@mui/icons-material/ShowChart'
import SwapVert from '@mui/icons-material/SwapVert'
import { lazy } from 'react'
import { Frame } from './Frame'
import type { Page, Place } from './place'

/** All there is to go to; each is loaded when it is first shown. */
const PAGES: readonly Page[] = [
  {
    path: '/',
    name: 'Home',
    rail: { key: 'h', Icon: HomeOutlined },
    Content: lazy(() => import('@/features/home/Home').then((it) => ({ default: it.Home }))),
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
  {
    path: '/editor',
    name: 'Editor',
    rail: { key: 'e', Icon: Code, admin: true },
    Content: lazy(() => import('@/features/editor/Editor').then((it) => ({ default: it.Editor }))),
  },
]

export const CRYPTOCK: Place = {
  title: 'Cryptick',
  served: ['xwrap', 'cryptick'],
  pages: PAGES,
  Frame,
}
