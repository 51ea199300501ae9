import AccountBalanceWallet from '@mui/icons-material/AccountBalanceWalletOutlined'
import HomeOutlined from '@mui/icons-material/HomeOutlined'
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
    path: '/',
    name: 'Home',
    rail: { key: 'h', Icon: HomeOutlined },
    Content: lazy(() => import('@/features/home/Home').then((it) => ({ default: it.Home }))),
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
]

export const RAIL = PAGES.flatMap(({ path, name, rail }) => (rail ? [{ path, name, ...rail }] : []))
