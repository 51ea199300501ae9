import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // Each story has all services and a browser to itself.
    fileParallelism: false,
    reporters: ['verbose'],
    slowTestThreshold: 0,
  },
})
