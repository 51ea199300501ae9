/** Returns by month and year, as a table whose cells are shaded around zero. */
import { Box } from '@mui/material'
import { useTheme } from '@mui/material/styles'
import { shader } from './palette'
import { gain } from './words'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const FULL = 0.2 // the return that has the full colour, unless there are larger ones

export function Months({ returns }: { returns: Record<string, number> }) {
  const { palette } = useTheme()
  const years = [...new Set(Object.keys(returns).map((month) => month.slice(0, 4)))].sort()
  const largest = Math.max(FULL, ...Object.values(returns).map(Math.abs))
  const shade = shader([-largest, largest], palette.mode)
  const cell = (value: number | undefined, key: string) => {
    if (value === undefined) return <td key={key} />
    const { fill, ink } = shade(value)
    return (
      <td key={key} style={{ background: fill, color: ink }}>
        {gain(value, 1).replace(' %', '')}
      </td>
    )
  }
  return (
    <Box sx={{ overflowX: 'auto' }} tabIndex={0} role="region" aria-label="Monthly returns">
      <Box
        component="table"
        sx={{
          borderSpacing: '2px',
          width: '100%',
          fontSize: 12,
          '& th': { color: 'text.secondary', fontWeight: 400, textAlign: 'right', px: 0.75 },
          '& td': {
            fontFamily: (t) => t.numbers,
            textAlign: 'right',
            px: 0.75,
            py: 1,
            borderRadius: '4px',
            minWidth: 36,
          },
        }}
      >
        <thead>
          <tr>
            <th scope="col">%</th>
            {MONTHS.map((month) => (
              <th key={month} scope="col">
                {month}
              </th>
            ))}
            <th scope="col">Year</th>
          </tr>
        </thead>
        <tbody>
          {years.map((year) => {
            const months = MONTHS.map(
              (_, index) => returns[`${year}-${String(index + 1).padStart(2, '0')}`],
            )
            const growth = months.reduce<number>((grown, each) => grown * (1 + (each ?? 0)), 1)
            return (
              <tr key={year}>
                <th scope="row">{year}</th>
                {months.map((value, index) => cell(value, MONTHS[index] ?? ''))}
                {cell(growth - 1, 'year')}
              </tr>
            )
          })}
        </tbody>
      </Box>
    </Box>
  )
}
