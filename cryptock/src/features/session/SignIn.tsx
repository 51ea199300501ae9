import { Alert, Box, Button, TextField, Typography } from '@mui/material'
import { type ReactNode, type SubmitEvent, useState } from 'react'
import { selectSession, signedIn } from '@/shared/api/session'
import { useChangePasswordMutation, useLoginMutation } from '@/shared/api/xwrap'
import { useAppDispatch, useAppSelector } from '@/shared/hooks'
import { Card, ErrorNote } from '@/shared/ui/parts'

export const PASSWORD_MIN = 12

/** Sign in; with a password that was generated, the next step is one's own. */
export function SignIn() {
  const session = useAppSelector(selectSession)
  const [given, setGiven] = useState({ name: '', password: '' })
  return (
    <Door>
      {session.mustChangePassword ? (
        <OwnPassword name={session.name || given.name} old={given.password} />
      ) : (
        <Credentials ended={session.ended} onGiven={setGiven} />
      )}
    </Door>
  )
}

/** What is seen before it is known who looks, where that can't be asked. */
export function Unreachable() {
  return (
    <Door>
      <Alert severity="warning" variant="outlined">
        <strong>xWrap can’t be reached.</strong> Your open orders stand at the exchanges and may
        fill. The page opens by itself once xWrap is back.
      </Alert>
    </Door>
  )
}

function Door({ children }: { children: ReactNode }) {
  return (
    <Box component="main" sx={{ minHeight: '100dvh', display: 'grid', placeItems: 'center', p: 4 }}>
      <Box sx={{ width: '100%', maxWidth: 380 }}>
        <Box sx={{ display: 'flex', alignItems: 'center', gap: 3, mb: 5 }}>
          <img src="/icon.svg" alt="" width={36} height={36} />
          <Box>
            <Typography variant="h1" component="h1">
              Cryptick
            </Typography>
            <Typography variant="body2" color="textSecondary">
              Portfolios of crypto assets, to the last digit.
            </Typography>
          </Box>
        </Box>
        {children}
      </Box>
    </Box>
  )
}

function Credentials({
  ended,
  onGiven,
}: {
  ended: string
  onGiven: (given: { name: string; password: string }) => void
}) {
  const dispatch = useAppDispatch()
  const [login, { isLoading, error }] = useLoginMutation()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const answer = await login({ name, password })
    if (answer.data === undefined) return
    onGiven({ name, password })
    dispatch(signedIn(answer.data))
  }
  return (
    <Card title="Sign in">
      <Box
        component="form"
        onSubmit={(event) => void submit(event)}
        sx={{ display: 'grid', gap: 4 }}
      >
        {ended && (
          <Typography variant="body2">
            {ended} Sign in again to go on; runs and orders are not affected.
          </Typography>
        )}
        <TextField
          label="Name"
          value={name}
          autoComplete="username"
          autoFocus
          required
          onChange={(event) => setName(event.target.value)}
        />
        <TextField
          label="Password"
          type="password"
          value={password}
          autoComplete="current-password"
          required
          onChange={(event) => setPassword(event.target.value)}
        />
        <ErrorNote error={error} />
        <Button type="submit" variant="contained" loading={isLoading} size="medium">
          Sign in
        </Button>
        <Typography variant="caption" color="textSecondary">
          The first time: name <code>admin</code>, with the password that xWrap printed at its first
          start.
        </Typography>
      </Box>
    </Card>
  )
}

function OwnPassword({ name, old }: { name: string; old: string }) {
  const dispatch = useAppDispatch()
  const [change, changing] = useChangePasswordMutation()
  const [login, logging] = useLoginMutation()
  const [current, setCurrent] = useState(old)
  const [first, setFirst] = useState('')
  const [again, setAgain] = useState('')
  const short = first !== '' && first.length < PASSWORD_MIN
  const differs = again !== '' && again !== first
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const changed = await change({ old: current, new: first })
    if (changed.error !== undefined) return
    const answer = await login({ name, password: first })
    if (answer.data !== undefined) dispatch(signedIn(answer.data))
  }
  return (
    <Card title={`Welcome, ${name}: choose a password of your own`}>
      <Box
        component="form"
        onSubmit={(event) => void submit(event)}
        sx={{ display: 'grid', gap: 4 }}
      >
        {old === '' && (
          <TextField
            label="Password until now"
            type="password"
            value={current}
            autoComplete="current-password"
            required
            onChange={(event) => setCurrent(event.target.value)}
          />
        )}
        <TextField
          label="New password"
          type="password"
          value={first}
          autoComplete="new-password"
          required
          autoFocus
          error={short}
          helperText={short ? `At least ${PASSWORD_MIN} characters.` : ' '}
          onChange={(event) => setFirst(event.target.value)}
        />
        <TextField
          label="Once more"
          type="password"
          value={again}
          autoComplete="new-password"
          required
          error={differs}
          helperText={differs ? 'This is not the same.' : ' '}
          onChange={(event) => setAgain(event.target.value)}
        />
        <ErrorNote error={changing.error ?? logging.error} />
        <Button
          type="submit"
          variant="contained"
          size="medium"
          loading={changing.isLoading || logging.isLoading}
          disabled={first.length < PASSWORD_MIN || first !== again}
        >
          Set the password
        </Button>
      </Box>
    </Card>
  )
}
