/** The slices of a whole, each with its share in words. */
import { Box } from '@mui/material'
import { useTheme } from '@mui/material/styles'
import { lazy, useMemo } from 'react'
import { assetColour } from '@/shared/theme'
import { curveColours } from '@/shared/ui/curves'
import { Legend } from '@/shared/ui/Legend'
import { HEIGHT, type Shown } from './Components'
import { Drawn } from './Drawn'

const Plot = lazy(() => import('./Plot'))
const CURRENCY = /^[A-Z][A-Z0-9]{2,5}$/

export function Pie({ format, data }: Shown) {
  const theme = useTheme()
  const slices = useMemo(() => {
    const colours = curveColours(theme)
    const whole = data.rows.reduce((sum, [, value]) => sum + Number(value), 0)
    return data.rows.map(([name, value], index) => {
      const slice = String(name)
      const share = whole > 0 ? (Number(value) / whole) * 100 : 0
      return {
        slice,
        name: `${slice} ${share.toFixed(1)} %`,
        value: Number(value),
        colour: CURRENCY.test(slice)
          ? assetColour(slice)
          : (colours[index % colours.length] ?? theme.tokens.accent),
      }
    })
  }, [data, theme])
  const drawn = useMemo(
    () => ({
      labels: slices.map(({ slice }) => slice),
      datasets: [
        {
          data: slices.map(({ value }) => value),
          backgroundColor: slices.map(({ colour }) => colour),
          borderColor: theme.tokens.card,
          borderWidth: slices.length > 1 ? 2 : 0,
        },
      ],
    }),
    [slices, theme],
  )
  return (
    <Drawn format={format} data={data}>
      <Legend entries={slices} />
      <Box sx={{ display: 'grid' }}>
        <Plot
          type="pie"
          data={drawn}
          label={`${format.title}: ${slices.map(({ name }) => name).join(', ')}`}
          height={HEIGHT - 25}
        />
      </Box>
    </Drawn>
  )
}
