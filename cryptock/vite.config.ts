import react from '@vitejs/plugin-react'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const cryptick = process.env.CRYPTICK_URL ?? 'http://127.0.0.1:5726'
const xwrap = process.env.XWRAP_URL ?? 'http://127.0.0.1:4242'

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    rollupOptions: { input: ['index.html', 'xwrap.html', 'hub.html'] },
  },
  server: {
    proxy: {
      '/api/xwrap': {
        target: xwrap,
        ws: true,
        xfwd: true,
        rewrite: (path) => path.replace('/api/xwrap', ''),
        cookiePathRewrite: { '/auth': '/api/xwrap/auth' },
      },
      '/api/cryptick': {
        target: cryptick,
        ws: true,
        xfwd: true,
        rewrite: (path) => path.replace('/api/cryptick', ''),
      },
    },
  },
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'gateway/**/*.test.ts'],
    environment: 'jsdom',
    setupFiles: ['src/testing/setup.ts'],
    testTimeout: 30_000,
    coverage: {
      include: ['src/**', 'gateway/**'],
      exclude: ['src/testing/**', 'src/main.tsx', 'gateway/main.js', '**/*.test.*', '**/*.d.ts'],
      reporter: ['text-summary'],
      thresholds: { lines: 85, branches: 75 },
    },
  },
})
