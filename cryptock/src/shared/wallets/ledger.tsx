/** Lines of xWrap's ledger as a table shows them. */
import type { Movement } from '../api/wire'
import { wireTime } from '../format'
import { Ago, Num } from '../ui/parts'
import type { Column } from '../ui/Table'

const REASONS: Record<string, string> = { order: 'held for an order', fill: 'filled', fee: 'fee' }

export const LEDGER: Column<Movement>[] = [
  { name: 'When', width: '80px', cell: ({ time }) => <Ago at={wireTime(time)} /> },
  {
    name: 'What for',
    width: 'minmax(80px, 1fr)',
    cell: ({ reason, movement }) =>
      reason === 'order' && movement.startsWith('-')
        ? 'held for an order'
        : reason === 'order'
          ? 'no longer held'
          : (REASONS[reason] ?? reason),
  },
  {
    name: 'Moved',
    width: 'minmax(110px, 1fr)',
    number: true,
    cell: ({ movement }) => <Num value={movement} digits={{ max: 8 }} />,
  },
  { name: 'Of', width: '44px', cell: ({ currency }) => currency },
  {
    name: 'Then',
    width: 'minmax(110px, 1fr)',
    number: true,
    cell: ({ balance }) => (balance === null ? '' : <Num value={balance} digits={{ max: 8 }} />),
  },
]
