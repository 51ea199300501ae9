/** A drawing, and its numbers as a table for who reads those better. */
import { Box, Button, Skeleton } from '@mui/material'
import { type ReactNode, Suspense, useState } from 'react'
import { HEIGHT, type Shown } from './Components'
import { DataTable } from './DataTable'

export function Drawn({
  format,
  data,
  note = '',
  children,
}: Pick<Shown, 'format' | 'data'> & { note?: string; children: ReactNode }) {
  const [asTable, setAsTable] = useState(false)
  return (
    <>
      {asTable ? (
        <DataTable format={format} data={data} />
      ) : (
        <Suspense fallback={<Skeleton variant="rounded" height={HEIGHT} />}>{children}</Suspense>
      )}
      <Box sx={{ display: 'flex', alignItems: 'center', gap: 2, mt: 1, minHeight: 28 }}>
        <Box component="span" sx={{ flex: 1, fontSize: 12, color: 'text.secondary' }}>
          {note}
        </Box>
        <Button
          color="inherit"
          aria-pressed={asTable}
          aria-label={`${format.title} as a table`}
          onClick={() => setAsTable(!asTable)}
          sx={{ color: 'text.secondary', fontWeight: 400, fontSize: 12 }}
        >
          {asTable ? 'As a chart' : 'As a table'}
        </Button>
      </Box>
    </>
  )
}
