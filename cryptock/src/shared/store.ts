import { combineSlices, configureStore } from '@reduxjs/toolkit'
import { cryptickApi } from './api/cryptick'
import { sessionSlice } from './api/session'
import { xwrapApi } from './api/xwrap'
import { marketSlice } from './live/market'
import { ordersSlice } from './live/orders'
import { hubSlice } from './live/runs'

const reducer = combineSlices(
  sessionSlice,
  marketSlice,
  ordersSlice,
  hubSlice,
  xwrapApi,
  cryptickApi,
)

export const makeStore = () =>
  configureStore({
    reducer,
    middleware: (defaults) =>
      // Books are large and never drafted: looking through them at each action would take longer than drawing them.
      defaults({ serializableCheck: false, immutableCheck: false }).concat(
        xwrapApi.middleware,
        cryptickApi.middleware,
      ),
  })

export type AppStore = ReturnType<typeof makeStore>
export type RootState = ReturnType<typeof reducer>
export type AppDispatch = AppStore['dispatch']
