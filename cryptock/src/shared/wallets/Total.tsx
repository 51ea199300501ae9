/** What all funds are worth, and how much of them is allocated. */
import { Box, Typography } from '@mui/material'
import type { ReactNode } from 'react'
import { type Amount, share, sum } from '../amount'
import type { Wallets } from '../api/wire'
import { dollars } from '../format'
import { Card, Num } from '../ui/parts'
import { worth } from './worth'

export function Total({
  title,
  wallets: { total, sets, unallocated },
  action,
  children,
}: {
  title: string
  wallets: Wallets
  action?: ReactNode
  children?: ReactNode
}) {
  const all = worth(total.wallets)
  const parts: { name: string; usd: Amount; colour: string }[] = [
    {
      name: 'allocated',
      usd: sum(sets.map(({ wallets }) => worth(wallets).usd)),
      colour: 'primary.main',
    },
    { name: 'unallocated', usd: worth(unallocated.wallets).usd, colour: 'divider' },
  ]
  return (
    <Card title={title} action={action}>
      <Typography
        component="p"
        sx={{ fontSize: 28, fontWeight: 650, fontFamily: (t) => t.numbers }}
      >
        {dollars(all.usd)}{' '}
        <Box component="span" sx={{ fontSize: 14, color: 'text.secondary' }}>
          USD
        </Box>
      </Typography>
      {all.unpriced.length > 0 && (
        <Typography variant="caption" color="textSecondary">
          without {all.unpriced.join(', ')}, of which no price is known
        </Typography>
      )}
      <Box
        aria-hidden
        sx={{
          display: 'flex',
          gap: '2px',
          height: 8,
          borderRadius: '4px',
          overflow: 'hidden',
          mt: 3,
        }}
      >
        {parts.map(({ name, usd, colour }) => (
          <Box
            key={name}
            sx={{ bgcolor: colour }}
            style={{ width: `${share(usd, all.usd) * 100}%` }}
          />
        ))}
      </Box>
      <Box sx={{ display: 'flex', gap: 5, mt: 2, fontSize: 13, flexWrap: 'wrap' }}>
        {parts.map(({ name, usd, colour }) => (
          <span key={name}>
            <Box component="span" aria-hidden sx={{ color: colour, mr: 1 }}>
              ■
            </Box>
            {name} <Num value={usd} digits={{ max: 2, min: 2 }} />
          </span>
        ))}
      </Box>
      {children}
    </Card>
  )
}
