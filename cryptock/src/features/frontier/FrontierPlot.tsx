/** Any strategy's frontier: look at it, and choose a mix on it. */
import { Box, Button, Skeleton, Typography } from '@mui/material'
import { useMemo } from 'react'
import { usePostValueMutation, useRows } from '@/shared/api/cryptick'
import type { ComponentFormat } from '@/shared/api/runs'
import { selectCanTrade } from '@/shared/api/session'
import { useAppSelector } from '@/shared/hooks'
import { Empty, ErrorNote } from '@/shared/ui/parts'
import { targetOf } from './Actions'
import { useDraft } from './draft'
import { Figures } from './Figures'
import { readCourse, readEstimated } from './picture'
import { Plot } from './Plot'
import { measure } from './portfolio'

const HEIGHT = { xs: 300, sm: 400 }

export function FrontierPlot({ runId, format }: { runId: string; format: ComponentFormat }) {
  const mayTrade = useAppSelector(selectCanTrade)
  const { data, error, refetch } = useRows(runId, format)
  const [post, { isLoading, error: refused }] = usePostValueMutation()
  const currencies = format.options.currencies as string[]
  const estimated = readEstimated(format, data.rows)
  const course = useMemo(() => readCourse(data.rows), [data])
  const now = course.path.at(-1) ?? null
  const drafting = useDraft(
    course.target?.weights ?? now?.weights ?? estimated?.frontier.at(0).weights ?? null,
    `${format.generation}:${course.targets}`,
    currencies.length - 1,
  )
  if (error !== undefined) return <ErrorNote error={error} retry={() => void refetch()} />
  if (estimated === null)
    return format.rows > data.rows.length ? (
      <Skeleton variant="rounded" sx={{ height: HEIGHT }} />
    ) : (
      <Empty text="The strategy has not estimated a frontier yet." />
    )
  const { frontier } = estimated
  const { weights } = drafting
  const mix = weights && measure(weights, estimated.estimates)
  const choose = () => {
    if (weights !== null)
      void post({ runId, id: format.id, value: targetOf(weights, currencies, frontier) })
  }
  return (
    <>
      <Plot
        estimated={estimated}
        course={course}
        band={NO_BAND}
        mix={mix}
        place={mix && frontier.placeOf(mix)}
        onPlace={mayTrade ? (place) => drafting.choose(frontier.at(place).weights) : undefined}
        height={HEIGHT}
      />
      {mix && (
        <Box sx={{ mt: 3 }}>
          <Figures mix={mix} now={now} estimated={estimated} />
        </Box>
      )}
      <ErrorNote error={refused} effect="order" />
      <Box sx={{ display: 'flex', alignItems: 'center', gap: 3, mt: 2 }}>
        <Button
          variant="contained"
          disabled={!mayTrade || !drafting.isOwn}
          loading={isLoading}
          onClick={choose}
        >
          Choose this mix
        </Button>
        <Typography variant="body2" color="textSecondary">
          {drafting.isOwn
            ? 'The strategy hears of it when you choose it.'
            : 'Drag the ring along the frontier.'}
        </Typography>
      </Box>
    </>
  )
}

const NO_BAND = [] as const
