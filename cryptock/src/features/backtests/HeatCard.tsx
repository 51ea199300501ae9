/** The heat map of a sweep, with what it shows to choose. */
import { Box, MenuItem, TextField, Typography } from '@mui/material'
import { useMemo, useState } from 'react'
import { count } from '@/shared/format'
import { Card, Empty } from '@/shared/ui/parts'
import type { Sweep } from './api'
import {
  type Gathering,
  heatOf,
  type Measure,
  MEASURES,
  mostParts,
  type Trial,
  varied,
} from './heat'
import { HeatMap } from './HeatMap'
import { capital, formOf, OBJECTIVES } from './trials'

export function HeatCard({
  sweep,
  flags,
  trials,
  onOpen,
}: {
  sweep: Sweep
  flags: readonly string[]
  trials: readonly Trial[]
  onOpen: (trials: readonly Trial[]) => void
}) {
  const several = useMemo(() => varied(flags, trials), [flags, trials])
  const [chosen, setChosen] = useState<{ across?: string; down?: string }>({})
  const [measure, setMeasure] = useState<Measure>('score')
  const [gathering, setGathering] = useState<Gathering>('mean')
  const down = several.includes(chosen.down ?? '') ? chosen.down : several[0]
  const across =
    several.includes(chosen.across ?? '') && chosen.across !== down
      ? chosen.across
      : several.find((flag) => flag !== down)
  const heat = useMemo(
    () =>
      across === undefined || down === undefined
        ? null
        : heatOf(trials, across, down, measure, gathering),
    [trials, across, down, measure, gathering],
  )
  if (heat === null || across === undefined || down === undefined)
    return (
      <Card title="Heat map">
        <Empty text="A heat map needs results for several values of two parameters." />
      </Card>
    )
  const swap = (flag: string, part: 'across' | 'down') =>
    setChosen(
      part === 'across'
        ? { across: flag, down: flag === down ? across : down }
        : { down: flag, across: flag === across ? down : across },
    )
  const most = mostParts(trials)
  const left = trials.filter(({ parts }) => parts < most).length
  return (
    <Card title="Heat map">
      <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 3, mb: 4 }}>
        <Choice label="Value" value={measure} onChoose={setMeasure} options={names(sweep)} />
        <Choice
          label="Down"
          value={down}
          onChoose={(flag) => swap(flag, 'down')}
          options={same(several)}
        />
        <Choice
          label="Across"
          value={across}
          onChoose={(flag) => swap(flag, 'across')}
          options={same(several)}
        />
        {several.length > 2 && (
          <Choice
            label="Over the others"
            value={gathering}
            onChoose={setGathering}
            options={{ mean: 'their mean', best: 'the best' }}
          />
        )}
      </Box>
      <HeatMap
        label={`${names(sweep)[measure]} by ${down} and ${across}`}
        heat={heat}
        across={across}
        down={down}
        form={formOf(measure, sweep.objective)}
        onOpen={(cell) => onOpen(cell.trials)}
      />
      <Typography variant="caption" color="textSecondary" sx={{ mt: 2, display: 'block' }}>
        Good values among good neighbours are worth more than a single best one.
        {left > 0 &&
          ` ${count(left, 'point')} ${left === 1 ? 'has' : 'have'} results in fewer splits than others and can’t be compared: no value.`}
      </Typography>
    </Card>
  )
}

const names = (sweep: Sweep): Record<Measure, string> => {
  const name = capital(OBJECTIVES[sweep.objective])
  return { ...MEASURES, score: name, in_sample: `${name} in-sample` }
}

const same = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(texts.map((text) => [text, text]))

function Choice<T extends string>({
  label,
  value,
  options,
  onChoose,
}: {
  label: string
  value: T
  options: Record<T, string>
  onChoose: (value: T) => void
}) {
  return (
    <TextField
      select
      label={label}
      value={value}
      onChange={(event) => onChoose(event.target.value as T)}
      sx={{ width: { xs: 'calc(50% - 6px)', sm: 170 } }}
    >
      {Object.entries<string>(options).map(([key, text]) => (
        <MenuItem key={key} value={key} dense>
          {text}
        </MenuItem>
      ))}
    </TextField>
  )
}
