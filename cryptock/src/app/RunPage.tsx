import { Run } from '@/features/run/Run'
import { KINDS, TRACKERS } from './trackers'

export function RunPage() {
  return <Run trackers={TRACKERS} kinds={KINDS} />
}
