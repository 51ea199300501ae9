/** Who is signed in. The access token lives in memory only; the refresh token in a cookie that scripts can't read. */
import { createSlice, type PayloadAction } from '@reduxjs/toolkit'
import type { Role, Session } from './wire'

export interface SessionState {
  /** `unknown` until the cookie has been tried. */
  status: 'unknown' | 'out' | 'in'
  token: string | null
  name: string
  role: Role
  mustChangePassword: boolean
  /** Why the last session ended, in words; empty if the person ended it. */
  ended: string
}

const initialState: SessionState = {
  status: 'unknown',
  token: null,
  name: '',
  role: 'viewer',
  mustChangePassword: false,
  ended: '',
}

export const sessionSlice = createSlice({
  name: 'session',
  initialState,
  reducers: {
    signedIn: (_, { payload }: PayloadAction<Session>): SessionState => ({
      status: 'in',
      token: payload.access_token,
      name: payload.name,
      role: payload.role,
      mustChangePassword: payload.must_change_password,
      ended: '',
    }),
    signedOut: (_, { payload }: PayloadAction<string>): SessionState => ({
      ...initialState,
      status: 'out',
      ended: payload,
    }),
  },
  selectors: {
    selectSession: (state) => state,
    /** Whether market and money may be asked for. */
    selectIsReady: (state) => state.status === 'in' && !state.mustChangePassword,
    selectCanTrade: (state) => state.role !== 'viewer',
    selectIsAdmin: (state) => state.role === 'admin',
  },
})

export const { signedIn, signedOut } = sessionSlice.actions
export const { selectSession, selectIsReady, selectCanTrade, selectIsAdmin } =
  sessionSlice.selectors
