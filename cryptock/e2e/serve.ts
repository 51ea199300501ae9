/** Run the real services for trying the page by hand: `npm run platform`; Ctrl-C ends them. */
import { startPlatform } from './services'

const platform = await startPlatform()
console.log(
  `${platform.page}  xwrap ${platform.xwrap} hub ${platform.cryptick} admin ${platform.password}`,
)
process.on('SIGINT', () => void platform.stop().then(() => process.exit(0)))
process.on('SIGTERM', () => void platform.stop().then(() => process.exit(0)))
