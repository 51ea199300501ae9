import AccountBalanceWallet from '@mui/icons-material/AccountBalanceWalletOutlined'
import ShowChart from '@mui/icons-material/ShowChart'
import SwapVert from '@mui/icons-material/SwapVert'
import { lazy } from 'react'
import { Frame } from './Frame'
import type { Page, Place } from './place'

/** All there is to go to; each is loaded when it is first shown. */
const PAGES: readonly Page[] = [
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
]

export const CRYPTOCK: Place = {
  title: 'Cryptick',
  served: ['xwrap', 'cryptick'],
  pages: PAGES,
  Frame,
}
