/** Everything at once: what the money does, how strategies do, and every order and trade there was. */
import { Box, Tab, Tabs } from '@mui/material'
import { useSearchParams } from 'react-router'
import { AllOrders, AllTrades } from './History'
import { Money } from './Money'
import { Strategies } from './Strategies'

const PARTS = ['summary', 'orders', 'trades'] as const
type Part = (typeof PARTS)[number]

export function Overview() {
  const [params, setParams] = useSearchParams()
  const asked = params.get('show')
  const part: Part = PARTS.find((each) => each === asked) ?? 'summary'
  // Views are of one table: they do not go along to another.
  const show = (next: Part) => setParams({ show: next }, { replace: true })
  return (
    <Box sx={{ display: 'grid', gap: 3, gridTemplateColumns: 'minmax(0, 1fr)' }}>
      <Tabs
        value={part}
        aria-label="Overview of"
        onChange={(_, next: Part) => show(next)}
        sx={{ minHeight: 36, '& .MuiTab-root': { minHeight: 36, py: 1 } }}
      >
        {PARTS.map((each) => (
          <Tab
            key={each}
            value={each}
            label={NAMES[each]}
            id={`tab-${each}`}
            aria-controls="part"
          />
        ))}
      </Tabs>
      <Box
        key={part}
        id="part"
        role="tabpanel"
        aria-labelledby={`tab-${part}`}
        sx={{ display: 'grid', gap: 3, gridTemplateColumns: 'minmax(0, 1fr)' }}
      >
        {part === 'orders' ? (
          <AllOrders />
        ) : part === 'trades' ? (
          <AllTrades />
        ) : (
          <>
            <Money />
            <Strategies />
          </>
        )}
      </Box>
    </Box>
  )
}

const NAMES: Record<Part, string> = { summary: 'Money', orders: 'Orders', trades: 'Trades' }
