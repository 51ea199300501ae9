import AccountBalanceWallet from '@mui/icons-material/AccountBalanceWalletOutlined'
import MonitorHeart from '@mui/icons-material/MonitorHeartOutlined'
import SwapVert from '@mui/icons-material/SwapVert'
import { Frame } from '@/app/Frame'
import type { Place } from '@/app/place'
import { Orders } from '@/features/orders/Orders'
import { Wallets } from '@/features/wallets/Wallets'
import { Status } from './Status'

/** The page that xWrap itself serves, for who has to do with it alone. */
export const XWRAP_DASHBOARD: Place = {
  title: 'xWrap',
  served: ['xwrap'],
  pages: [
    { path: '/', name: 'Status', rail: { key: 's', Icon: MonitorHeart }, Content: Status },
    {
      path: '/wallets',
      name: 'Wallets',
      rail: { key: 'w', Icon: AccountBalanceWallet },
      Content: Wallets,
    },
    { path: '/orders', name: 'Orders', rail: { key: 'o', Icon: SwapVert }, Content: Orders },
  ],
  Frame,
}
