import { HashRouter } from 'react-router'
import { openPlace } from '@/app/open'
import { SERVICES } from '@/shared/api/request'
import { HUB_DASHBOARD } from './dashboard'

// Its own server serves this page; of xWrap it passes on what signing in takes.
SERVICES.cryptick = ''
SERVICES.xwrap = '/xwrap'
openPlace(HUB_DASHBOARD, HashRouter)
