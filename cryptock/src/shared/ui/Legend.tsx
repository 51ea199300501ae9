/** Which colour is what. */
import { Box } from '@mui/material'

export function Legend({ entries }: { entries: readonly { name: string; colour: string }[] }) {
  return (
    <Box
      component="ul"
      aria-label="Legend"
      sx={{
        display: 'flex',
        flexWrap: 'wrap',
        columnGap: 4,
        rowGap: 1,
        m: 0,
        mb: 2,
        p: 0,
        listStyle: 'none',
        fontSize: 12,
        color: 'text.secondary',
      }}
    >
      {entries.map(({ name, colour }) => (
        <Box
          key={name}
          component="li"
          sx={{ display: 'flex', alignItems: 'center', gap: 1.5, minWidth: 0 }}
        >
          <Box
            component="span"
            sx={{ width: 12, height: 3, borderRadius: '2px', bgcolor: colour, flex: 'none' }}
          />
          {name}
        </Box>
      ))}
    </Box>
  )
}
